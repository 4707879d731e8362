"""The self-supervised denoiser beside the noisy image and the best Gaussian blur.

    python -m benchmarks.quality.denoising --steps 400

One network per image, on one core if OMP_NUM_THREADS is 1. Figures of images that are not run again
(`--only "phantom"`) are taken from benchmarks/results/denoising.json. Writes its table between its
marks in docs.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from benchmarks.data_sets import DATA, REPOSITORY
from benchmarks.document import keep, put_into_document
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.jobs.denoise.denoiser import BLIND_SHARE, Denoiser
from napari_denoisplit.jobs.denoise.job import prepare
from napari_denoisplit.jobs.learning.loop import learn_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.measures.trust.degeneracy import judge_denoised
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.noise.pairs.estimation import correlation_of_neighbours
from napari_denoisplit.settings import DenoiseSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTHS = np.arange(0.4, 4.0, 0.1)
N_AVERAGED = 50  # exposures behind the truth of FMD: it has a fiftieth of the noise itself
BRIGHT = 0.9  # quantile of the truth
HEAD = (
    "| image | noisy (dB) | best blur (dB) | denoised (dB) | gain over the blur | "
    "signal for a noise model (dB) | variance of the noise: plain | blind | mixed 8 to 2 | "
    "verdict |\n|---|---|---|---|---|---|---|---|---|---|"
)


def images() -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    """Name, noisy image, truth in the same grey levels, and the truth's own share of noise."""
    folder = DATA / "noise_calibration"
    for name in ("Confocal_FISH", "Confocal_MICE", "TwoPhoton_MICE"):
        noisy = pixels(folder / f"fmd_{name}_raw_repeats.ome.tif")[0]
        truth = pixels(folder / f"fmd_{name}_gt_avg50.ome.tif")
        yield f"FMD {name.replace('_', ' ')}", noisy, truth, 1 / N_AVERAGED
    two_photon = DATA / "train" / "fmd_mito_actin_nuclei" / "fmd_TwoPhoton_BPAE"
    wide_field = folder / "fmd_correlated_widefield" / "fmd_WideField_BPAE"
    for base, channel in ((two_photon, 0), (two_photon, 1), (two_photon, 2), (wide_field, 1)):
        noisy = pixels(base.with_name(f"{base.name}_raw_repeats.ome.tif"))[0, channel]
        truth = pixels(base.with_name(f"{base.name}_gt_avg50.ome.tif"))[channel]
        name = base.name.removeprefix("fmd_").replace("_", " ")
        yield f"FMD {name} {channel + 1}", noisy, truth, 1 / N_AVERAGED
    rng = np.random.default_rng(0)
    for structure in ("filaments", "pits"):
        truth = phantom((512, 512), (structure,))[0]
        noisy = 40 * rng.poisson(truth / 40) + rng.normal(0, 60, truth.shape)
        yield f"phantom {structure}", noisy.astype(np.float32), truth, 0.0


def pixels(path) -> np.ndarray:
    return np.asarray(read_image(path).data, dtype=np.float32)


def measured(noisy: np.ndarray, truth: np.ndarray, own: float, steps: int) -> dict[str, object]:
    """Train on one image, and compare."""
    settings = DenoiseSettings(minutes=None, steps=steps)
    compute = Compute.choose()
    learning = prepare([noisy], settings, compute, ("image",))
    start = time.monotonic()
    with keep_freed_memory():
        model = run(learn_job(learning, None, threading.Event())).model
        seconds = time.monotonic() - start
        denoiser = Denoiser(model, compute)
        plain = denoiser.denoised(noisy, for_noise_model=False)
        mixed = denoiser.denoised(noisy, for_noise_model=True)
    blind = plain + (mixed - plain) / BLIND_SHARE
    blurs = [range_invariant_psnr(truth, ndimage.gaussian_filter(noisy, w)) for w in WIDTHS]
    # One exposure is up to 12 % brighter or darker than the mean of all.
    level = truth * (noisy.mean() / truth.mean())
    bright = level >= np.quantile(level, BRIGHT)
    noise = ((noisy - level)[bright]).var() / (1 + own)
    correlation = correlation_of_neighbours(noisy)
    verdict = judge_denoised([noisy], [plain], correlation=correlation and correlation[0])
    return {
        "noisy": range_invariant_psnr(truth, noisy),
        "blur": max(blurs),
        "denoised": range_invariant_psnr(truth, plain),
        "signal": range_invariant_psnr(truth, mixed),
        "plain": float((noisy - plain)[bright].var() / noise),
        "blind": float((noisy - blind)[bright].var() / noise),
        "mixed": float((noisy - mixed)[bright].var() / noise),
        "verdict": verdict.grade,
        "steps": steps,
        "seconds": seconds,
    }


def line(name: str, row: dict[str, object]) -> str:
    return (
        f"| {name} | {row['noisy']:.2f} | {row['blur']:.2f} | {row['denoised']:.2f} | "
        f"{row['denoised'] - row['blur']:+.2f} | {row['signal']:.2f} | {row['plain']:.2f} | "
        f"{row['blind']:.2f} | {row['mixed']:.2f} | {row['verdict']} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="of each training")
    parser.add_argument("--only", default="", help="part of the names of the images to run")
    chosen = parser.parse_args()
    path = REPOSITORY / "benchmarks" / "results" / "denoising.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, noisy, truth, own in images():
        if chosen.only in name:
            rows[name] = measured(noisy, truth, own, chosen.steps)
            print(line(name, rows[name]), flush=True)
            keep("denoising", rows)  # a run that is cut short has not been for nothing
    put_into_document("denoising", "\n".join([HEAD, *(line(*row) for row in rows.items())]))


if __name__ == "__main__":
    main()
