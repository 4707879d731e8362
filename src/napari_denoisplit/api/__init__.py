"""The jobs as plain functions, for Python."""

from __future__ import annotations

from napari_denoisplit.api.calibration import calibrate
from napari_denoisplit.api.images import denoise, evaluate, preflight, split, train
from napari_denoisplit.api.many_images import split_folder, split_to_zarr
from napari_denoisplit.api.noise_models import fit_noise_model, judge_noise_model

__all__ = [
    "calibrate",
    "denoise",
    "evaluate",
    "fit_noise_model",
    "judge_noise_model",
    "preflight",
    "split",
    "split_folder",
    "split_to_zarr",
    "train",
]
