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
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.files.reading import read_image, read_images
    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.phantom.phantoms import phantom
    from napari_denoisplit.images.phantom.synthetic_noise import add_noise
    from napari_denoisplit.images.samples.files import open_samples
    from napari_denoisplit.images.samples.stack import SampleStack
    from napari_denoisplit.images.superposition import superpose
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.jobs.batch.outcome import BatchResult
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.jobs.denoise.job import Denoised
    from napari_denoisplit.jobs.forecast.words import Preflight
    from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
    from napari_denoisplit.jobs.slide.job import SlideSplit
    from napari_denoisplit.jobs.split.results import Split
    from napari_denoisplit.jobs.train.job import Trained
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.measures.ms_ssim import ms_ssim
    from napari_denoisplit.measures.psnr import range_invariant_psnr
    from napari_denoisplit.measures.samples.objects import write_objects
    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.noise.files.noise_file import read_noise_model, write_noise_model
    from napari_denoisplit.noise.fitting.mixture import fit_gaussian_mixture
    from napari_denoisplit.settings import (
        CalibrateSettings,
        DenoiseSettings,
        FilmSettings,
        LadderSettings,
        LossSettings,
        MixSettings,
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
    "BatchResult": "jobs.batch.outcome",
    "CalibrateSettings": "settings",
    "Calibrated": "jobs.calibrate.job",
    "CalibrationError": "errors",
    "CalibrationRecord": "calibration_record",
    "DenoiseSettings": "settings",
    "Denoised": "jobs.denoise.job",
    "DenoisplitError": "errors",
    "FilmSettings": "settings",
    "Image": "images.image",
    "ImageError": "errors",
    "ImageFile": "images.files.image_file",
    "JobError": "errors",
    "Judged": "jobs.noise.job",
    "LadderSettings": "settings",
    "LossSettings": "settings",
    "MixSettings": "settings",
    "Model": "checkpoint",
    "ModelFileError": "errors",
    "NoiseData": "images.training.noise_data",
    "NoiseFit": "jobs.noise.job",
    "NoiseFitSettings": "settings",
    "NoiseModelError": "errors",
    "NoiseRecord": "verdict",
    "ObjectSettings": "settings",
    "Preflight": "jobs.forecast.words",
    "ResidualCheck": "jobs.trust.residuals",
    "SampleReading": "measures.samples.statistics",
    "SampleStack": "images.samples.stack",
    "SlideSplit": "jobs.slide.job",
    "Split": "jobs.split.results",
    "SplitSettings": "settings",
    "TrainSettings": "settings",
    "Trained": "jobs.train.job",
    "TrainingError": "errors",
    "TrainingFields": "images.training.fields",
    "Verdict": "verdict",
    "add_noise": "images.phantom.synthetic_noise",
    "calibrate": "api",
    "check_split": "api",
    "denoise": "api",
    "evaluate": "api",
    "evaluate_samples": "api",
    "fit_gaussian_mixture": "noise.fitting.mixture",
    "fit_noise_model": "api",
    "judge_noise_model": "api",
    "load_model": "checkpoint",
    "measure_samples": "api",
    "most_probable": "api",
    "ms_ssim": "measures.ms_ssim",
    "open_samples": "images.samples.files",
    "phantom": "images.phantom.phantoms",
    "preflight": "api",
    "range_invariant_psnr": "measures.psnr",
    "read_image": "images.files.reading",
    "read_images": "images.files.reading",
    "read_noise_model": "noise.files.noise_file",
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
    "write_image": "images.files.writing",
    "write_noise_model": "noise.files.noise_file",
    "write_objects": "measures.samples.objects",
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
    "LadderSettings",
    "LossSettings",
    "MixSettings",
    "Model",
    "ModelFileError",
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
