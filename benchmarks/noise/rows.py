"""Noise that is correlated along rows: HDN with its finest levels off, a blur and Noise2Void.

    OMP_NUM_THREADS=1 python -m benchmarks.noise.rows --steps 600

One made-up image, whose truth is known, and one network for each row of the table; the networks are
smaller than the preset `hdn`. Rows that are in benchmarks/results/noise_rows.json, of as many
steps, are not run again. Writes its table between its marks in docs.
"""

from __future__ import annotations

import argparse
import json
import threading
import time

import numpy as np
from scipy import ndimage, signal

from benchmarks.data_sets import REPOSITORY
from benchmarks.document import keep, put_into_document
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
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
from napari_denoisplit.settings import PRESETS, DenoiseSettings, SplitSettings, TrainSettings

SIZE = 256
ALONG = 0.85  # correlation of the noise of neighbours in a row
NOISES = {"rows": 0.7, "weaker rows": 0.35}
"""Standard deviations of the noise, in parts of that of the truth."""
WIDTHS = np.arange(0.4, 6.0, 0.1)
SMALL = {"n_filters": 16, "n_latents": 16, "blocks_per_level": 1, "blocks_in_head": 1}
NOISY, BLUR, N2V = "none", "the best blur", "Noise2Void"
OFF = {"HDN": 0, "HDN, 1 level off": 1, "HDN, 2 levels off": 2}
METHODS = (NOISY, BLUR, N2V, *OFF)
N_SAMPLES = 20
CPU = {"device": "cpu", "precision": "float32"}
HEAD = (
    "| noise, in parts of the contrast | method | PSNR (dB) | noise left | correlation of the "
    "error of neighbours: in a row | in a column | core-seconds |\n|---|---|---|---|---|---|---|"
)


def images(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Truth, and noise of a Gaussian that follows its neighbour in the row (Y, X)."""
    truth = phantom((SIZE, SIZE), ("filaments",))[0]
    white = np.random.default_rng(0).standard_normal((SIZE, SIZE + 100))
    noise = signal.lfilter([np.sqrt(1 - ALONG**2)], [1, -ALONG], white, axis=1)
    return truth, (strength * truth.std() * noise[:, 100:]).astype(np.float32)


def hdn(noisy: np.ndarray, truth: np.ndarray, n_off: int, steps: int) -> np.ndarray:
    """MMSE of a small HDN; its noise model is that of the pixel by itself, fitted to the truth."""
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
    noise_model = run(fit_noise_job(NoiseData("pairs", noisy, truth))).model
    fields = TrainingFields((noisy[None],), ("filaments",))
    trained = run(train_job(fields, settings, noise_models=[noise_model]))
    drawing = SplitSettings(n_samples=N_SAMPLES, grey_levels="kept", **CPU)
    return np.asarray(run(split_job(trained.model, Image(noisy, "YX"), drawing)).mmse.data)[0]


def noise2void(noisy: np.ndarray, steps: int) -> np.ndarray:
    settings = DenoiseSettings(minutes=None, steps=steps)
    compute = Compute.choose("cpu", "float32")
    learned = run(learn_job(prepare([noisy], settings, compute, ("a",)), None, threading.Event()))
    return Denoiser(learned.model, compute).denoised(noisy, for_noise_model=False)


def blur(noisy: np.ndarray, truth: np.ndarray) -> np.ndarray:
    blurred = [ndimage.gaussian_filter(noisy, width) for width in WIDTHS]
    return max(blurred, key=lambda image: range_invariant_psnr(truth, image))


def denoised(method: str, noisy: np.ndarray, truth: np.ndarray, steps: int) -> np.ndarray:
    """Apply one of the methods to an image."""
    if method == NOISY:
        return noisy
    if method == BLUR:
        return blur(noisy, truth)
    if method == N2V:
        return noise2void(noisy, steps)
    return hdn(noisy, truth, OFF[method], steps)


def measured(truth: np.ndarray, noise: np.ndarray, found: np.ndarray) -> dict[str, float]:
    """Of what was found, how good it is and what of the noise is in its error."""
    error = found.astype(np.float64) - truth
    error -= error.mean()
    return {
        "psnr": range_invariant_psnr(truth, found),
        "left": float((error * noise).mean() / noise.var()),
        "along_row": correlation(error[:, :-1], error[:, 1:]),
        "along_column": correlation(error[:-1], error[1:]),
    }


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def kept() -> dict[str, dict[str, float]]:
    """Rows that were run, by noise and method."""
    path = REPOSITORY / "benchmarks" / "results" / "noise_rows.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def line(noise: str, method: str, row: dict[str, float]) -> str:
    return (
        f"| {NOISES[noise]} | {method} | {row['psnr']:.2f} | {row['left']:.0%} | "
        f"{row['along_row']:.2f} | {row['along_column']:.2f} | {row['seconds']:.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=600, help="of each training of HDN")
    parser.add_argument("--only", default="", help="beginning of the names of the rows to run")
    chosen = parser.parse_args()
    steps = chosen.steps
    for kind, strength in NOISES.items():
        truth, noise = images(strength)
        noisy = truth + noise
        for method in METHODS:
            key = f"{kind}: {method}"
            if not key.startswith(chosen.only) or kept().get(key, {}).get("steps") == steps:
                continue
            start = time.process_time()
            found = denoised(method, noisy, truth, steps)
            seconds = time.process_time() - start
            row = measured(truth, noise, found) | {"seconds": seconds, "steps": steps}
            print(line(kind, method, row), flush=True)
            keep("noise_rows", kept() | {key: row})  # others may have run meanwhile
    rows = kept()
    lines = [line(k, m, rows[f"{k}: {m}"]) for k in NOISES for m in METHODS if f"{k}: {m}" in rows]
    put_into_document("noise along rows", "\n".join([HEAD, *lines]))


if __name__ == "__main__":
    main()
