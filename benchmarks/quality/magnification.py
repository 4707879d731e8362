"""Recordings of larger pixels than the training images, as they are and enlarged for the model.

    python -m benchmarks.quality.magnification MODEL

MODEL is one of data set A, as `benchmarks.quality.training run A denoisplit 0` leaves it. The well
that it has not seen is recorded anew with pixels that are 1 to 4 times as wide, each with the noise
of a training superposition. Puts a table between its marks in docs.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from benchmarks.document import keep, put_into_document
from benchmarks.quality.recordings import HALF, Cases
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import Acquisition, SplitSettings

RATIOS = (1, 1.2, 1.35, 1.5, 2, 3, 4)
PIXEL = 0.1
"""Edge of a pixel of the training images, µm; the files do not say, and only ratios count."""
EDGE = 576


def recorded(well: np.ndarray, ratio: float) -> np.ndarray:
    """Take (C, Y, X) with pixels so many times as wide."""
    if ratio == 1:
        return well
    seen = [ndimage.gaussian_filter(channel, 0.4 * ratio) for channel in well]
    return np.stack(
        [ndimage.zoom(c, 1 / ratio, order=1, grid_mode=True, mode="nearest") for c in seen]
    )


def main() -> None:
    model = load_model(Path(sys.argv[1]))
    size, units = dict.fromkeys("YX", PIXEL), dict.fromkeys("YX", "µm")
    header = model.header.model_copy(update={"pixel_size": size, "units": units})
    model, cases = replace(model, header=header), Cases(0)
    found: dict[str, dict[str, list[float]]] = {}
    for ratio in RATIOS:
        truth = recorded(cases.well[:, 160 : 160 + EDGE, 300 : 300 + EDGE], ratio)
        noisy = superpose(truth, HALF) + cases.noise(1, truth.shape[1:])
        image = Image(noisy.astype(np.float32), "YX", dict.fromkeys("YX", ratio * PIXEL), units)
        found[str(ratio)] = {}
        for name, times in (("as it is", 1), ("enlarged", 2)):
            taken = Acquisition(magnification=times)
            settings = SplitSettings(n_samples=10, keep_samples=0, acquisition=taken)
            split = run(split_job(model, image, settings))
            pairs = zip(truth, split.mmse.data, strict=True)
            psnr = [range_invariant_psnr(*pair) for pair in pairs]
            found[str(ratio)][name] = psnr
            print(ratio, name, psnr, flush=True)
    keep("magnification", found)
    rows = ["| pixels as wide | as it is (dB) | enlarged twice (dB) |", "|---|---|---|"]
    for ratio, of in found.items():
        cells = (" / ".join(f"{value:.1f}" for value in psnr) for psnr in of.values())
        rows.append(f"| {ratio} times | {' | '.join(cells)} |")
    put_into_document("magnification", "\n".join(rows))


if __name__ == "__main__":
    main()
