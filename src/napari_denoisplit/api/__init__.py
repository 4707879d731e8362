"""The jobs as plain functions, for Python."""

from __future__ import annotations

from napari_denoisplit.api.calibration import calibrate
from napari_denoisplit.api.images import denoise, evaluate, preflight, split, train
from napari_denoisplit.api.many_images import split_folder, split_to_zarr
from napari_denoisplit.api.noise_models import fit_noise_model, judge_noise_model
from napari_denoisplit.api.samples import (
    evaluate_samples,
    measure_samples,
    samples_of,
    write_film,
)
from napari_denoisplit.api.trust import (
    check_split,
    most_probable,
    segment_samples,
    sum_up_objects,
)

__all__ = [
    "calibrate",
    "check_split",
    "denoise",
    "evaluate",
    "evaluate_samples",
    "fit_noise_model",
    "judge_noise_model",
    "measure_samples",
    "most_probable",
    "preflight",
    "samples_of",
    "segment_samples",
    "split",
    "split_folder",
    "split_to_zarr",
    "sum_up_objects",
    "train",
    "write_film",
]
