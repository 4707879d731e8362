"""Seams of a sample by the way it is computed, and quality of the MMSE by the size of the tiles.

    python -m benchmarks.quality.seams seams [DATA]
    python -m benchmarks.quality.seams quality [DATA ...]
    python -m benchmarks.quality.seams report

Of the models that `quality.py run DATA denoisplit 0` leaves in benchmarks/output. The published way
cuts the image, mirrored at its borders, into overlapping tiles, splits each by itself with latent
noise of its own, and keeps the middle. `seams` computes one sample whole, in tiles and block by
block on disk; `report` writes the tables between their marks in docs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
import zarr

from benchmarks.data_sets import DATA_SETS, REPOSITORY, DataSet
from benchmarks.document import keep, put_into_document
from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.sampling.border import border_of, bordered
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.sampling.tiles import tile_grid
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_denoisplit.nn.sampler import Sampler

EDGE = 384
"""Of what is compared with the truth."""
N_SAMPLES = 10
BLOCK = 256
AT_ONCE = 65_536
"""Pixels of the published tiles that are split at once."""
OURS = {"whole": (None, 96), "128 / 32": (128, 32), "256 / 96": (256, 96), "512 / 96": (512, 96)}
"""Tile and overlap on each side."""
PUBLISHED = {"64, 32 kept": (64, 32), "128, 32 kept": (128, 32)}
"""Tile and what is kept of it."""
RESULTS = REPOSITORY / "benchmarks" / "results"


def model_path(name: str) -> Path:
    return REPOSITORY / "benchmarks" / "output" / "quality" / f"{name}_denoisplit_0.denoisplit"


def plane_of(data: DataSet, edge: int | None = None) -> np.ndarray:
    """Take the test image, or its upper left."""
    return np.ascontiguousarray(data.superposition.data[:edge, :edge], np.float32)


def ours(
    network: Sampler, model: Model, plane: np.ndarray, mode: str, n_samples: int
) -> Iterator[torch.Tensor]:
    """Draw samples (C, Y, X) of the whole plane with one field of noise."""
    tile_size, overlap = OURS[mode]
    posterior = Posterior(
        network,
        model.header.normalization,
        plane,
        tile_size=tile_size,
        overlap=overlap,
        antithetic=True,
    )
    for tile in posterior.tiles:
        posterior.encode(tile)
    sample = posterior.empty_sample()
    for k in range(n_samples):
        for tile in posterior.tiles:
            posterior.draw(k, tile, sample)
        yield posterior.cropped(sample)


def published(
    network: Sampler, model: Model, plane: np.ndarray, mode: str, n_samples: int
) -> Iterator[torch.Tensor]:
    """Draw samples (C, Y, X) tile by tile, each with noise of its own; mirrored pairs, too."""
    tile, kept = PUBLISHED[mode]
    margin, n = (tile - kept) // 2, model.header.normalization
    padded = np.pad(plane, margin, mode="reflect")
    corners = [(y, x) for y in range(0, len(plane), kept) for x in range(0, len(plane), kept)]
    tiles = np.stack([padded[y : y + tile, x : x + tile] for y, x in corners])
    inputs = (torch.from_numpy(tiles)[:, None] - n.input_mean) / n.input_std  # (B, 1, Y, X)
    parts = inputs.split(AT_ONCE // tile**2)
    prepared = [network.encode(part) for part in parts]
    shape = (1, -1, 1, 1)
    std, mean = torch.tensor(n.channel_stds).view(shape), torch.tensor(n.channel_means).view(shape)
    inner = slice(margin, margin + kept)
    for k in range(n_samples):
        rng, sign = torch.Generator().manual_seed(k // 2), 1 - 2 * (k % 2)

        def noise(
            _: int,
            shape: tuple[int, ...],
            corner: object,
            rng: torch.Generator = rng,
            sign: int = sign,
        ) -> torch.Tensor:
            return sign * torch.randn(shape, generator=rng)

        signals = torch.cat([network.decode(features, noise) for features in prepared])
        sample = torch.empty((signals.shape[1], *plane.shape))
        for (y, x), signal in zip(corners, signals[..., inner, inner] * std + mean, strict=True):
            sample[:, y : y + kept, x : x + kept] = signal
        yield sample


def drawn(
    network: Sampler, model: Model, plane: np.ndarray, mode: str, n_samples: int
) -> Iterator[torch.Tensor]:
    way = ours if mode in OURS else published
    return way(network, model, plane, mode, n_samples)


def borders(mode: str, edge: int, multiple: int) -> list[int]:
    """Rows (and columns) at which a tile begins, but the first."""
    if mode in PUBLISHED:
        return list(range(PUBLISHED[mode][1], edge, PUBLISHED[mode][1]))
    if mode not in OURS:
        return list(range(BLOCK, edge, BLOCK))
    tile_size, overlap = OURS[mode]
    size, border = bordered(edge, multiple), border_of(multiple)
    tiles = tile_grid(size, size, tile_size, overlap, multiple)
    return sorted({y for y in (tile.inner_y[0] - border for tile in tiles) if 0 < y < edge})


def seam_index(sample: np.ndarray, at: list[int]) -> float:
    """Mean absolute gradient across tile borders over that elsewhere."""
    across, elsewhere = [], []
    for axis in (-2, -1):
        steps = np.moveaxis(np.abs(np.diff(sample, axis=axis)), axis, 0)
        is_border = np.isin(np.arange(1, len(steps) + 1), at)
        across.append(steps[is_border].mean())
        elsewhere.append(steps[~is_border].mean())
    return float(np.mean(across) / np.mean(elsewhere))


def blockwise(name: str, data: DataSet, precision: str, n_workers: int) -> np.ndarray:
    """Sample 0 from a result on disk that a cluster has made."""
    from distributed import LocalCluster

    settings = SplitSettings(
        n_samples=2, keep_samples=1, block_size=BLOCK, device="cpu", precision=precision
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0", memory_limit="3GiB"
        ) as cluster,
    ):
        file, path = Path(folder) / "plane.tif", Path(folder) / "out.zarr"
        write_image(file, Image(plane_of(data), "YX"))
        address = cluster.scheduler_address
        run(split_to_zarr_job(model_path(name), ImageFile(file), path, settings, scheduler=address))
        return np.asarray(zarr.open_group(path / "samples/000", mode="r")["0"][:])


def measure_seams(name: str) -> None:
    """Differences of one sample to the same computed whole, and its seams."""
    data, rows = DATA_SETS[name](), []
    model, plane = load_model(model_path(name)), plane_of(data)
    for precision in ("float32", "bfloat16"):
        network = sampler_of(model.network.eval(), Compute.choose("cpu", precision))
        moments = Moments((len(data.truth), *plane.shape), torch.device("cpu"), antithetic=True)
        for sample in drawn(network, model, plane, "whole", 12):
            moments.add(sample)
        sigma = moments.std.square().mean(dim=(1, 2), keepdim=True).sqrt().numpy()  # RMV
        samples = {}
        for mode in (*OURS, *PUBLISHED):
            samples[mode] = next(drawn(network, model, plane, mode, 1)).numpy().copy()
        if precision == "bfloat16":
            for n_workers in (1, 2):
                mode = f"blocks of {BLOCK} / 96 on disk, {n_workers} worker" + "s" * (n_workers > 1)
                samples[mode] = blockwise(name, data, precision, n_workers)
        whole = samples["whole"]
        for mode, sample in samples.items():
            at = borders(mode, len(plane), model.network.multiple)
            off = np.abs(sample - whole) / sigma
            row = {
                "precision": precision,
                "mode": mode,
                "largest": float(off.max()),
                "percentile": float(np.percentile(off, 99.9)),
                "seam": seam_index(sample, at) if at else None,
                "seam_of_whole": seam_index(whole, at) if at else None,
            }
            rows.append(row)
            print(name, row, flush=True)
    keep("seams", {"data": name, "rows": rows})


def measure_quality(names: list[str]) -> None:
    """PSNR and calibration of each way, one data set after the other."""
    path = RESULTS / "seams_quality.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    for name in names:
        data = DATA_SETS[name]()
        model, plane = load_model(model_path(name)), plane_of(data, EDGE)
        truth = data.truth[:, :EDGE, :EDGE]
        network = sampler_of(model.network.eval(), Compute.choose("cpu"))
        result = results.setdefault(name, {"channels": data.fields.channel_names, "modes": {}})
        for mode in (*[m for m in OURS if m != "128 / 32"], *PUBLISHED):
            if mode in result["modes"]:
                continue  # of an earlier run
            moments = Moments(truth.shape, torch.device("cpu"), antithetic=True)
            for sample in drawn(network, model, plane, mode, N_SAMPLES):
                moments.add(sample)
            mmse, sigma = moments.mean.numpy(), moments.std.numpy()
            result["modes"][mode] = row = {
                "psnr": [range_invariant_psnr(t, p) for t, p in zip(truth, mmse, strict=True)],
                "ratio": [
                    float(_rmse(t, p) / np.sqrt(np.mean(s**2)))
                    for t, p, s in zip(truth, mmse, sigma, strict=True)
                ],
            }
            print(name, mode, row, flush=True)
            keep("seams_quality", results)


def _rmse(truth: np.ndarray, mmse: np.ndarray) -> float:
    """Root mean square error after the best scale and offset of the truth.

    The truth of real images has another exposure; sigma is in the unit of the MMSE.
    """
    slope, offset = np.polyfit(truth.ravel().astype(float), mmse.ravel().astype(float), 1)
    return float(np.sqrt(np.mean((mmse - slope * truth - offset) ** 2)))


def report() -> None:
    seams = json.loads((RESULTS / "seams.json").read_text())
    lines = [
        "| precision | tile / overlap | largest difference (sigma) | 99.9th percentile (sigma) "
        "| seam index | the same places computed whole |",
        "|---" * 6 + "|",
    ]
    for row in seams["rows"]:
        ways = "own noise for each: " if row["mode"] in PUBLISHED else ""
        text = (
            ["", ""]
            if row["seam"] is None
            else [f"{row[k]:.3f}" for k in ("seam", "seam_of_whole")]
        )
        off = ["", ""] if ways else [f"{row[k]:.1e}" for k in ("largest", "percentile")]
        lines.append(f"| {row['precision']} | {ways}{row['mode']} | {' | '.join([*off, *text])} |")
    put_into_document("seams", "\n".join(lines))
    quality = json.loads((RESULTS / "seams_quality.json").read_text())
    lines = [
        "| data | structure | "
        + " | ".join(f"own noise: {m}" if m in PUBLISHED else m for m in _modes(quality))
        + " |",
        "|---" * (2 + len(_modes(quality))) + "|",
    ]
    for name, result in quality.items():
        for c, channel in enumerate(result["channels"]):
            rows = [result["modes"].get(mode) for mode in _modes(quality)]
            cells = [f"{r['psnr'][c]:.2f} / {r['ratio'][c]:.2f}" if r else "" for r in rows]
            lines.append(f"| {name} | {channel} | {' | '.join(cells)} |")
    put_into_document("tiles", "\n".join(lines))


def _modes(quality: dict) -> list[str]:
    return list(next(iter(quality.values()))["modes"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("seams", "quality", "report"))
    parser.add_argument("data", nargs="*", default=[])
    arguments = parser.parse_args()
    with keep_freed_memory(), torch.no_grad():
        if arguments.what == "seams":
            measure_seams((arguments.data or ["C"])[0])
        elif arguments.what == "quality":
            measure_quality(arguments.data or ["A", "B", "C"])
        else:
            report()


if __name__ == "__main__":
    sys.exit(main())
