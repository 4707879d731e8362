"""Models of a benchmark, kept in a folder so that they are trained once."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from benchmarks.data_sets import DATA_SETS
from benchmarks.quality.recordings import OUTPUT
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.events import run
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import MixSettings, TrainSettings

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model


def asked_folder(description: str) -> Path:
    """Read the command line: the folder of the models, made where it is not there."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--models", type=Path, default=OUTPUT)
    folder: Path = parser.parse_args().models
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def trained(path: Path, images: str, mix: MixSettings, steps: int) -> Model:
    """Train the preset fast on a data set, or take the model that is there."""
    if not path.exists():
        settings = TrainSettings(preset="fast", steps=steps, minutes=None, seed=0, mix=mix)
        run(train_job(DATA_SETS[images]().fields, settings, path=path), print)
    model = load_model(path)
    model.network.to(torch.device("cpu"))
    return model
