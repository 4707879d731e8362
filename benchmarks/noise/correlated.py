"""Noise that goes on from pixel to pixel: what denoising and splitting make of it.

    OMP_NUM_THREADS=1 python -m benchmarks.noise.correlated --steps 500

Made-up noise along rows on a made-up image, and the wide-field repeats of FMD, are denoised, by one
network for each row of the table; the networks are smaller than the preset `hdn`. Cells of NF1 with
such noise in place of independent noise of the same strength are split. Rows that are in
benchmarks/results/noise_correlated.json, of as many steps, are not run again. Writes its tables
between their marks in docs.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage, signal

from benchmarks.data_sets import DATA, REPOSITORY, nf1
from benchmarks.document import keep, put_into_document
from benchmarks.quality.training import measure
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import noise_sigma
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.denoise.denoiser import Denoiser
from napari_denoisplit.jobs.denoise.job import prepare
from napari_denoisplit.jobs.learning.loop import learn_job
from napari_denoisplit.jobs.noise.job import fit_noise_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.settings import (
    PRESETS,
    DenoiseSettings,
    NoiseFitSettings,
    NoiseKind,
    SplitSettings,
    TrainSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 256
ALONG = 0.85  # correlation of the noise of neighbours in a row
WIDE = 0.7  # pixels: spread of the blur that makes noise as that of resampled images
WIDTHS = np.arange(0.4, 6.0, 0.1)
SMALL = {"n_filters": 16, "n_latents": 16, "blocks_per_level": 1, "blocks_in_head": 1}
NOISY, BLUR, N2V = "none", "the best blur", "Noise2Void"
OFF = {"HDN": 0, "HDN, 1 level off": 1, "HDN, 2 levels off": 2}
GOES_ON = "HDN, correlated noise model"
METHODS = (NOISY, BLUR, N2V, *OFF, GOES_ON)
FEW = (NOISY, BLUR, "HDN", GOES_ON)
KINDS: dict[str, NoiseKind] = {"of the pixel": "gaussian_mixture", "correlated": "correlated"}
N_SAMPLES = 20
SPLIT_STEPS = 800
CPU = {"device": "cpu", "precision": "float32"}
HEAD = (
    "| noise | method | PSNR (dB) | noise left | correlation of the error of neighbours: in a row "
    "| in a column | core-seconds |\n|---|---|---|---|---|---|---|"
)
SPLIT_HEAD = (
    "| noise | noise models | PSNR, nuclei / actin (dB) | core-seconds |\n|---|---|---|---|"
)


class Case(NamedTuple):
    """An image to denoise."""

    truth: np.ndarray
    """(Y, X)"""
    noisy: np.ndarray
    noise: NoiseData
    """What tells of its noise."""


def along_rows(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise of unit variance, each pixel of which follows its neighbour in the row."""
    white = np.random.default_rng(seed).standard_normal((*shape[:-1], shape[-1] + 100))
    noise = signal.lfilter([np.sqrt(1 - ALONG**2)], [1, -ALONG], white, axis=-1)
    return noise[..., 100:].astype(np.float32)


def resampled(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Noise of unit variance, smoothed as by interpolation."""
    white = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    smooth = ndimage.gaussian_filter(white, WIDE, axes=(-2, -1))
    return smooth / smooth.std()


def rows(strength: float) -> Case:
    """Filaments under noise along rows, in parts of the standard deviation of the truth."""
    truth = phantom((SIZE, SIZE), ("filaments",))[0]
    noisy = truth + strength * truth.std() * along_rows(truth.shape, 0)
    return Case(truth, noisy, NoiseData("pairs", noisy, truth))


def wide_field(channel: int) -> Case:
    """Return the first of three repeats of BPAE cells; the truth is the mean of fifty."""
    folder = DATA / "noise_calibration" / "fmd_correlated_widefield"
    repeats, mean = (
        np.asarray(read_image(folder / f"fmd_WideField_BPAE_{kind}.ome.tif").data, np.float32)
        for kind in ("raw_repeats", "gt_avg50")
    )
    noisy = repeats[0, channel]
    truth = mean[channel] * (noisy.mean() / mean[channel].mean())
    return Case(truth, noisy, NoiseData("repeats", repeats[:, channel]))


CASES: dict[str, Callable[[], Case]] = {
    "rows, 0.7 of the contrast": lambda: rows(0.7),
    "rows, 0.35 of the contrast": lambda: rows(0.35),
    **{f"wide field, channel {c + 1}": lambda c=c: wide_field(c) for c in range(3)},
}
MORE = ("wide field, channel 2", "wide field, channel 3")
"""Of which not every method is run."""
MADE = {"along rows": along_rows, "as of resampled images": resampled}


def hdn(case: Case, kind: NoiseKind, n_off: int, steps: int) -> np.ndarray:
    """MMSE of a small HDN."""
    shape = SMALL | {"levels_off": tuple(range(n_off))}
    settings = TrainSettings(
        preset="hdn",
        network=PRESETS["hdn"].network.model_copy(update=shape),
        minutes=None,
        steps=steps,
        steps_per_epoch=max(1, steps // 6),
        preview_every=7,
        test_fraction=0,
        **CPU,
    )
    noise_model = run(fit_noise_job(case.noise, NoiseFitSettings(kind=kind))).model
    fields = TrainingFields((case.noisy[None],), ("cells",))
    trained = run(train_job(fields, settings, noise_models=[noise_model]))
    drawing = SplitSettings(n_samples=N_SAMPLES, grey_levels="kept", **CPU)
    return np.asarray(run(split_job(trained.model, Image(case.noisy, "YX"), drawing)).mmse.data)[0]


def noise2void(noisy: np.ndarray, steps: int) -> np.ndarray:
    settings = DenoiseSettings(minutes=None, steps=steps)
    compute = Compute.choose("cpu", "float32")
    learned = run(learn_job(prepare([noisy], settings, compute, ("a",)), None, threading.Event()))
    return Denoiser(learned.model, compute).denoised(noisy, for_noise_model=False)


def blur(noisy: np.ndarray, truth: np.ndarray) -> np.ndarray:
    blurred = [ndimage.gaussian_filter(noisy, width) for width in WIDTHS]
    return max(blurred, key=lambda image: range_invariant_psnr(truth, image))


def denoised(method: str, case: Case, steps: int) -> np.ndarray:
    """Apply one of the methods to an image."""
    if method == NOISY:
        return case.noisy
    if method == BLUR:
        return blur(case.noisy, case.truth)
    if method == N2V:
        return noise2void(case.noisy, steps)
    if method == GOES_ON:
        return hdn(case, "correlated", 0, steps)
    return hdn(case, "gaussian_mixture", OFF[method], steps)


def split(made: str, kind: NoiseKind) -> list[float]:
    """PSNR of nuclei and actin of the well B7, of a model that learned from the two others."""
    data = nf1(0.0)
    clean, truth = np.stack(data.fields.fields), data.truth
    sigma = noise_sigma(clean, 1.0)
    noisy = clean + sigma * MADE[made](clean.shape, 0)
    test = truth + sigma * MADE[made](truth.shape, 1)
    models = [
        run(
            fit_noise_job(NoiseData("pairs", noisy[:, c], clean[:, c]), NoiseFitSettings(kind=kind))
        )
        for c in range(len(truth))
    ]
    settings = TrainSettings(
        preset="fast",
        minutes=None,
        steps=SPLIT_STEPS,
        test_fraction=0,
        mix={"mode": "average"},
        **CPU,
    )
    fields = TrainingFields(tuple(noisy), data.fields.channel_names)
    trained = run(train_job(fields, settings, noise_models=[fit.model for fit in models]))
    drawing = SplitSettings(n_samples=N_SAMPLES, keep_samples=0, **CPU)
    image = Image(superpose(test, (0.5, 0.5)), "YX", name="B7")
    return measure(truth, run(split_job(trained.model, image, drawing)).mmse.data)["psnr"]


def measured(case: Case, found: np.ndarray) -> dict[str, float]:
    """Of what was found, how good it is and what of the noise is in its error."""
    noise = case.noisy.astype(np.float64) - case.truth
    error = found.astype(np.float64) - case.truth
    error -= error.mean()
    return {
        "psnr": range_invariant_psnr(case.truth, found),
        "left": float((error * noise).mean() / noise.var()),
        "along_row": correlation(error[:, :-1], error[:, 1:]),
        "along_column": correlation(error[:-1], error[1:]),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def kept() -> dict[str, dict]:
    """Rows that were run, by noise and method."""
    path = REPOSITORY / "benchmarks" / "results" / "noise_correlated.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def line(case: str, method: str, row: dict[str, float]) -> str:
    return (
        f"| {case} | {method} | {row['psnr']:.2f} | {row['left']:.0%} | "
        f"{row['along_row']:.2f} | {row['along_column']:.2f} | {row['seconds']:.0f} |"
    )


def split_line(made: str, kind: str, row: dict) -> str:
    psnr = " / ".join(f"{value:.1f}" for value in row["psnr"])
    return f"| {made} | {kind} | {psnr} | {row['seconds']:.0f} |"


def add(key: str, steps: int, only: str, work: Callable[[], dict]) -> None:
    """Run one row, unless it was."""
    if not key.startswith(only) or kept().get(key, {}).get("steps") == steps:
        return
    start = time.process_time()
    row = work() | {"seconds": time.process_time() - start, "steps": steps}
    print(key, row, flush=True)
    keep("noise_correlated", kept() | {key: row})  # others may have run meanwhile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=500, help="of each training of HDN")
    parser.add_argument("--only", default="", help="beginning of the names of the rows to run")
    chosen = parser.parse_args()
    steps, only = chosen.steps, chosen.only
    methods = {name: FEW if name in MORE else METHODS for name in CASES}
    keys = {f"{name}: {method}": (name, method) for name in CASES for method in methods[name]}
    for key, (name, method) in keys.items():
        case = CASES[name]()
        add(key, steps, only, lambda c=case, m=method: measured(c, denoised(m, c, steps)))
    splits = {f"split, {made}: {kind}": (made, kind) for made in MADE for kind in KINDS}
    for key, (made, kind) in splits.items():
        add(key, SPLIT_STEPS, only, lambda m=made, k=kind: {"psnr": split(m, KINDS[k])})
    found = kept()
    lines = [line(*keys[key], found[key]) for key in keys if key in found]
    put_into_document("correlated noise", "\n".join([HEAD, *lines]))
    lines = [split_line(*splits[key], found[key]) for key in splits if key in found]
    put_into_document("correlated noise, split", "\n".join([SPLIT_HEAD, *lines]))


if __name__ == "__main__":
    main()
