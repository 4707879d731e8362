"""The example that comes with the package: images of cells, and a model trained on others.

    python scripts/make_example.py FOLDER [--steps 1600]

FOLDER holds nf1_D6, nf1_D7 and nf1_B7.ome.tif: wells of NF1 Schwann cells, channels nuclei, ER and
actin, 904 x 1224 pixels of 8 bits times 257 (WayScience/nf1_schwann_cell_painting_data, CC-BY-4.0).
A model is trained on D6 and D7 and calibrated on the right part of B7; a crop of its left part is
the image to split, one of D6 the image to train on. The recordings are almost free of noise: that
of a camera is added. A quarter of an hour on two idle cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import tifffile

from napari_denoisplit.checkpoint import load_model, save_model
from napari_denoisplit.events import run
from napari_denoisplit.images.example.cells import (
    LEVEL,
    MODEL,
    NAMES,
    SPLIT_FILE,
    TRAIN_FILE,
    with_noise,
)
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.calibrate.job import calibrate_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import CalibrateSettings, TrainSettings

LEFT, MIDDLE = (slice(192, 704), slice(192, 704)), (slice(132, 772), slice(292, 932))
RIGHT = slice(720, None)
"""Of B7: none of it is in the image to split."""


def main() -> None:
    """Make the three files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=1600)
    arguments = parser.parse_args()
    wells = {
        name: tifffile.imread(arguments.folder / f"nf1_{name}.ome.tif")[[0, 2]]
        for name in ("D6", "D7", "B7")
    }
    write(SPLIT_FILE, wells["B7"][:, *LEFT])
    write(TRAIN_FILE, wells["D6"][:, *MIDDLE])
    fields = pairs(["D6", "D7"], [wells["D6"], wells["D7"]], seed=3)
    settings = TrainSettings(steps=arguments.steps, minutes=None)
    best = MODEL.with_name("best.denoisplit")  # and what to resume from, beside it
    run(train_job(fields, settings, path=best), print)
    right = pairs(["B7, right part"], [wells["B7"][:, :, RIGHT]], seed=5)
    calibrated = run(calibrate_job(load_model(best), right, CalibrateSettings()), print)
    save_model(MODEL, calibrated.model, half=True)


def pairs(names: list[str], wells: list[np.ndarray], seed: int) -> TrainingFields:
    """Wells with noise, and what they are without it."""
    clean = tuple(well.astype(np.float32) for well in wells)
    noisy = tuple(with_noise(well, seed + n) for n, well in enumerate(clean))
    return TrainingFields(noisy, NAMES, tuple(f"NF1 well {n}" for n in names), clean=clean)


def write(path: Path, channels: np.ndarray) -> None:
    """Write channels (C, Y, X) in their 8 bits."""
    tifffile.imwrite(
        path,
        (channels // LEVEL).astype(np.uint8),
        metadata={"axes": "CYX", "Channel": {"Name": list(NAMES)}},
        compression="zlib",
        predictor=True,
        compressionargs={"level": 9},
    )


if __name__ == "__main__":
    main()
