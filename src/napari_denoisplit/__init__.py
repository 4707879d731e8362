"""Split a noisy superposition of structures into denoised channels, with uncertainty.

Public names load on first use, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_denoisplit.api import (
        calibrate,
        check_split,
        denoise,
        evaluate,
        evaluate_samples,
        fit_noise_model,
        judge_noise_model,
        measure_samples,
        most_probable,
        preflight,
        samples_of,
        segment_samples,
        split,
        split_folder,
        split_to_zarr,
        sum_up_objects,
        train,
        write_film,
    )
    from napari_denoisplit.calibration_record import CalibrationRecord
    from napari_denoisplit.checkpoint import Model, load_model, save_model
    from napari_denoisplit.errors import (
        CalibrationError,
        DenoisplitError,
        ImageError,
        JobError,
        ModelFileError,
        NoiseModelError,
        TrainingError,
    )
    from napari_denoisplit.events import run
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.image_file import ImageFile
    from napari_denoisplit.images.noise_data import NoiseData
    from napari_denoisplit.images.phantoms import phantom
    from napari_denoisplit.images.reading import read_image, read_images
    from napari_denoisplit.images.sample_files import open_samples
    from napari_denoisplit.images.sample_stack import SampleStack
    from napari_denoisplit.images.superposition import superpose
    from napari_denoisplit.images.synthetic_noise import add_noise
    from napari_denoisplit.images.training_fields import TrainingFields
    from napari_denoisplit.images.writing import write_image
    from napari_denoisplit.jobs.batch_outcome import BatchResult
    from napari_denoisplit.jobs.calibration import Calibrated
    from napari_denoisplit.jobs.denoising import Denoised
    from napari_denoisplit.jobs.forecast import Preflight
    from napari_denoisplit.jobs.noise_fitting import Judged, NoiseFit
    from napari_denoisplit.jobs.residuals import ResidualCheck
    from napari_denoisplit.jobs.slides import SlideSplit
    from napari_denoisplit.jobs.splitting import Split
    from napari_denoisplit.jobs.training import Trained
    from napari_denoisplit.measures.ms_ssim import ms_ssim
    from napari_denoisplit.measures.objects import write_objects
    from napari_denoisplit.measures.psnr import range_invariant_psnr
    from napari_denoisplit.measures.sample_statistics import SampleReading
    from napari_denoisplit.noise.files import read_noise_model, write_noise_model
    from napari_denoisplit.noise.fitting import fit_gaussian_mixture
    from napari_denoisplit.settings import (
        CalibrateSettings,
        DenoiseSettings,
        FilmSettings,
        LossSettings,
        MixSettings,
        NetworkSettings,
        NoiseFitSettings,
        ObjectSettings,
        SplitSettings,
        TrainSettings,
    )
    from napari_denoisplit.verdict import NoiseRecord, Verdict

__version__ = "0.1.0"

# A lazy name must differ from every submodule of the package: after the submodule's first
# import the name would mean the module.
_LAZY = {
    "BatchResult": "jobs.batch_outcome",
    "CalibrateSettings": "settings",
    "Calibrated": "jobs.calibration",
    "CalibrationError": "errors",
    "CalibrationRecord": "calibration_record",
    "DenoiseSettings": "settings",
    "Denoised": "jobs.denoising",
    "DenoisplitError": "errors",
    "FilmSettings": "settings",
    "Image": "images.image",
    "ImageError": "errors",
    "ImageFile": "images.image_file",
    "JobError": "errors",
    "Judged": "jobs.noise_fitting",
    "LossSettings": "settings",
    "MixSettings": "settings",
    "Model": "checkpoint",
    "ModelFileError": "errors",
    "NetworkSettings": "settings",
    "NoiseData": "images.noise_data",
    "NoiseFit": "jobs.noise_fitting",
    "NoiseFitSettings": "settings",
    "NoiseModelError": "errors",
    "NoiseRecord": "verdict",
    "ObjectSettings": "settings",
    "Preflight": "jobs.forecast",
    "ResidualCheck": "jobs.residuals",
    "SampleReading": "measures.sample_statistics",
    "SampleStack": "images.sample_stack",
    "SlideSplit": "jobs.slides",
    "Split": "jobs.splitting",
    "SplitSettings": "settings",
    "TrainSettings": "settings",
    "Trained": "jobs.training",
    "TrainingError": "errors",
    "TrainingFields": "images.training_fields",
    "Verdict": "verdict",
    "add_noise": "images.synthetic_noise",
    "calibrate": "api",
    "check_split": "api",
    "denoise": "api",
    "evaluate": "api",
    "evaluate_samples": "api",
    "fit_gaussian_mixture": "noise.fitting",
    "fit_noise_model": "api",
    "judge_noise_model": "api",
    "load_model": "checkpoint",
    "measure_samples": "api",
    "most_probable": "api",
    "ms_ssim": "measures.ms_ssim",
    "open_samples": "images.sample_files",
    "phantom": "images.phantoms",
    "preflight": "api",
    "range_invariant_psnr": "measures.psnr",
    "read_image": "images.reading",
    "read_images": "images.reading",
    "read_noise_model": "noise.files",
    "run": "events",
    "samples_of": "api",
    "save_model": "checkpoint",
    "segment_samples": "api",
    "split": "api",
    "split_folder": "api",
    "split_to_zarr": "api",
    "sum_up_objects": "api",
    "superpose": "images.superposition",
    "train": "api",
    "write_film": "api",
    "write_image": "images.writing",
    "write_noise_model": "noise.files",
    "write_objects": "measures.objects",
}

__all__ = [
    "BatchResult",
    "CalibrateSettings",
    "Calibrated",
    "CalibrationError",
    "CalibrationRecord",
    "DenoiseSettings",
    "Denoised",
    "DenoisplitError",
    "FilmSettings",
    "Image",
    "ImageError",
    "ImageFile",
    "JobError",
    "Judged",
    "LossSettings",
    "MixSettings",
    "Model",
    "ModelFileError",
    "NetworkSettings",
    "NoiseData",
    "NoiseFit",
    "NoiseFitSettings",
    "NoiseModelError",
    "NoiseRecord",
    "ObjectSettings",
    "Preflight",
    "ResidualCheck",
    "SampleReading",
    "SampleStack",
    "SlideSplit",
    "Split",
    "SplitSettings",
    "TrainSettings",
    "Trained",
    "TrainingError",
    "TrainingFields",
    "Verdict",
    "add_noise",
    "calibrate",
    "check_split",
    "denoise",
    "evaluate",
    "evaluate_samples",
    "fit_gaussian_mixture",
    "fit_noise_model",
    "judge_noise_model",
    "load_model",
    "measure_samples",
    "most_probable",
    "ms_ssim",
    "open_samples",
    "phantom",
    "preflight",
    "range_invariant_psnr",
    "read_image",
    "read_images",
    "read_noise_model",
    "run",
    "samples_of",
    "save_model",
    "segment_samples",
    "split",
    "split_folder",
    "split_to_zarr",
    "sum_up_objects",
    "superpose",
    "train",
    "write_film",
    "write_image",
    "write_noise_model",
    "write_objects",
]


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
