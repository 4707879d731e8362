"""How well the residual check tells a model's own kind of image from others; MAP and consensus.

    python -m benchmarks.quality.trust [--models FOLDER]

Uses the models of the quality benchmark (benchmarks/output/quality) and writes its tables between
their marks in docs. A model without a reference gets one from its validation blocks.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from benchmarks.data_sets import DATA, DATA_SETS, REPOSITORY
from benchmarks.document import keep, put_into_document
from benchmarks.quality.mesh import mesh
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.structures import PAINTERS
from napari_denoisplit.images.phantom.synthetic_noise import noise_sigma
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.consensus import consensus_job, map_job
from napari_denoisplit.jobs.trust.job import trust_job
from napari_denoisplit.jobs.trust.reference import reference_job, with_reference
from napari_denoisplit.jobs.trust.residuals import reference_of
from napari_denoisplit.measures.psnr import psnr_spread, range_invariant_psnr
from napari_denoisplit.measures.samples.consensus import local_threshold
from napari_denoisplit.settings import SplitSettings

N_SAMPLES = 3
OWN, OTHER, NEAR = "own kind", "other kind", "near kind"
HALF = (0.5, 0.5)


def real(name: str, channels, y=0, x=0, size=512) -> np.ndarray:
    """Two channels of a real image, a crop of them."""
    image = np.asarray(read_image(DATA / "train" / f"{name}.ome.tif").data, np.float32)
    return image[list(channels), y : y + size, x : x + size]


def nf1_cases(data):
    """Images for the model of nuclei and actin, all with the noise of its training images."""
    train = data.train_clean
    sigma = noise_sigma(train, 1.0)
    level, contrast = (f(train, axis=(0, 2, 3))[:, None, None] for f in (np.mean, np.std))

    def noisy(clean, seed, factor=1.0):
        noise = np.random.default_rng(seed).standard_normal(clean.shape, dtype=np.float32)
        return superpose(clean + np.float32(factor * sigma) * noise, HALF)

    def matched(image):
        """Give channels the mean and contrast of the training channels: only structure differs."""
        mean, std = (f(image, axis=(1, 2), keepdims=True) for f in (np.mean, np.std))
        return ((image - mean) / std * contrast + level).astype(np.float32)

    seed = 1000
    for y, x in ((0, 0), (384, 384), (0, 384)):
        own = data.truth[:, y : y + 512, x : x + 512]
        for exposure in (0.7, 1.0, 1.0, 1.4):
            seed += 1
            yield OWN, f"B7 ({y}, {x}), exposure {exposure:g}", noisy(own * exposure, seed)
    own = data.truth[:, :512, :512]
    for factor in (0.8, 1.2):
        yield OTHER, f"B7, noise x {factor:g}", noisy(own, seed + 1, factor)
    tubulin, hela = "tubulin_h2b/tub_h2b_cecog", "other_specimens/hela_puncta_mito_nuclei"
    for y, x in ((200, 200), (500, 800)):
        for order, title in (((0, 1), "tubulin + H2B"), ((1, 0), "H2B + tubulin")):
            image = matched(real(tubulin, order, y, x))
            yield OTHER, f"{title} ({y}, {x})", noisy(image, seed + 2)
    membranes = matched(real("other_specimens/membranes_nuclei", (1, 0), size=352))
    yield OTHER, "nuclei + membranes", noisy(membranes, seed + 3)
    yield OTHER, "puncta + mitochondria", noisy(matched(real(hela, (0, 1), size=384)), seed + 4)
    yield OTHER, "nuclei + puncta", noisy(matched(real(hela, (2, 0), size=384)), seed + 5)
    yield NEAR, "ER + actin", noisy(matched(real("nf1_nuclei_er_actin/nf1_B7", (1, 2))), seed + 6)


def phantom_cases(data):
    """Images for the model of filaments and pits: drawn, with shot and read noise."""
    sigma = noise_sigma(np.stack([phantom((512, 512), seed=s) for s in range(3)]), 1.0)

    def noisy(clean, seed):
        rng = np.random.default_rng(seed)
        shot = rng.poisson(clean / 5.0).astype(np.float32) * 5
        noise = rng.standard_normal(clean.shape, dtype=np.float32)
        return superpose(shot + np.float32(sigma) * noise, HALF)

    for seed in range(8):
        yield OWN, f"seed {seed}", noisy(phantom((512, 512), seed=2_000_000 + seed), seed)
    PAINTERS["mesh"] = mesh
    for pair in (("mesh", "pits"), ("filaments", "mesh")):
        for seed in range(2):
            clean = phantom((512, 512), pair, 2_000_000 + seed)
            yield OTHER, f"{' + '.join(pair)}, seed {seed}", noisy(clean, seed)
    for psf in (0.7, 2.5):
        clean = phantom((512, 512), seed=2_000_003, psf_sigma=psf)
        yield OTHER, f"blur of {psf:g} pixels in place of 1.3", noisy(clean, 5)


def hagen_cases(data):
    """Real noise: the block held out, and another objective."""
    yield OWN, "held-out block", np.asarray(data.superposition.data)
    other = real("hagen_actin_mito/hagen_20x-noise1_lowsnr", (0, 1), 700, 700)
    yield OTHER, "20x in place of 60x", superpose(other, HALF)


CASES = {"A": nf1_cases, "C": phantom_cases, "B": hagen_cases}


def known(model, data):
    """Return the model with a reference, from its validation blocks where the file has none."""
    if reference_of(model.header) is not None:
        return model
    blocks = [
        superpose(data.fields.fields[r["field"]][:, r["y0"] : r["y1"], r["x0"] : r["x1"]], HALF)
        for r in model.header.provenance["validation"]
    ]
    reference = run(reference_job(model, [Image(block, "YX") for block in blocks]))
    return with_reference(model, reference)


def check(name: str, model, data) -> list[dict]:
    """Judge every case of a data set."""
    settings = SplitSettings(n_samples=N_SAMPLES, keep_samples=N_SAMPLES)
    rows = []
    for kind, title, image in CASES[name](data):
        _, result = run(trust_job(model, Image(image, "YX", name=title), settings))
        row = {"model": name, "kind": kind, "image": title, "grade": result.verdict.grade}
        rows.append(row | result.verdict.figures)
        print(rows[-1], flush=True)
    return rows


def tools(name: str, model, data) -> dict:
    """Quality of sample, MMSE and approximate MAP, and of segmentations, against the truth."""
    window = (slice(0, 256), slice(0, 256))
    image = Image(np.asarray(data.superposition.data)[window], "YX")
    split = run(split_job(model, image, SplitSettings(n_samples=50, keep_samples=50)))
    start = time.perf_counter()
    mode = run(map_job(split))
    seconds = time.perf_counter() - start
    row = {"model": name, "map_seconds": seconds, "channels": []}
    for c, structure in enumerate(model.header.channel_names):
        truth = data.truth[(c, *window)]
        true = local_threshold(truth)
        samples = split.samples[:, c]
        found = run(consensus_job(split, c))
        row["channels"].append(
            {
                "structure": structure,
                "sample": range_invariant_psnr(truth, samples[0]),
                "mmse": range_invariant_psnr(truth, split.mmse.data[c]),
                "map": range_invariant_psnr(truth, mode[c]),
                "psnr_spread": psnr_spread(truth, samples, range_invariant_psnr),
                "dice_sample": float(np.mean([dice(true, local_threshold(s)) for s in samples])),
                "dice_mmse": dice(true, local_threshold(split.mmse.data[c])),
                "dice_map": dice(true, local_threshold(mode[c])),
                "dice_consensus": dice(true, found.confidence > 0.5),
            }
        )
        print(row["channels"][-1], flush=True)
    return row


def dice(a: np.ndarray, b: np.ndarray) -> float:
    """Overlap of two masks, 0 to 1."""
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


def residual_table(rows: list[dict]) -> str:
    head = (
        "| model | image | verdict | variance | correlation, lag 1 | local bias | distance: "
        "variance | correlation | bias |\n|---|---|---|---|---|---|---|---|---|"
    )
    lines = [
        f"| {r['model']} | {r['image']} ({r['kind']}) | {r['grade']} | {r['variance']:.3f} | "
        f"{r['correlation at 1']:.3f} | {r['bias']:.3f} | "
        + " | ".join(f"{r[f'distance in {f}']:+.2f}" for f in ("variance", "correlation", "bias"))
        + " |"
        for r in rows
    ]
    counts = [
        f"{sum(r['grade'] == 'good' for r in group)} of {len(group)} images of the {kind} pass"
        for kind in (OWN, OTHER, NEAR)
        if (group := [r for r in rows if r["kind"] == kind])
    ]
    return "\n".join([head, *lines, "", f"{'; '.join(counts)}."])


def tools_table(rows: list[dict]) -> str:
    head = (
        "| model | structure | one sample (dB) | MMSE | MAP | spread of the samples' PSNR | Dice: "
        "one sample | MMSE | MAP | consensus |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    lines = [
        f"| {row['model']} | {c['structure']} | {c['sample']:.2f} | {c['mmse']:.2f} | "
        f"{c['map']:.2f} | {c['psnr_spread']:.2f} | {c['dice_sample']:.3f} | "
        f"{c['dice_mmse']:.3f} | {c['dice_map']:.3f} | {c['dice_consensus']:.3f} |"
        for row in rows
        for c in row["channels"]
    ]
    return "\n".join([head, *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = REPOSITORY / "benchmarks" / "output" / "quality"
    parser.add_argument("--models", type=Path, default=default)
    parser.add_argument("--threads", type=int)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    rows, made = [], []
    for name in CASES:
        path = arguments.models / f"{name}_denoisplit_0.denoisplit"
        if not path.exists():
            print("no", path)
            continue
        data = DATA_SETS[name]()
        model = known(load_model(path), data)
        print(name, reference_of(model.header), flush=True)
        rows += check(name, model, data)
        if name != "B":
            made.append(tools(name, model, data))
        keep("trust", {"residual": rows, "tools": made})
    put_into_document("trust", residual_table(rows))
    put_into_document("sample tools", tools_table(made))


if __name__ == "__main__":
    main()
