"""Fit and judge noise models, as plain functions."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import (
    DenoiseSettings,
    NoiseFitSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_denoisplit.events import NoiseEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.jobs.noise.job import Judged, NoiseFit
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import NoiseSource


@documented_by("jobs.noise.job", "fit_noise_job")
def fit_noise_model(
    image: Image | NoiseData,
    source: NoiseSource = "single",
    settings: NoiseFitSettings | None = None,
    *,
    channel: int | None = None,
    clean: Image | None = None,
    denoise: DenoiseSettings | None = None,
    on_event: Callable[[NoiseEvent], None] = ignore,
) -> NoiseFit:
    """Fit a noise model to one channel of an image, and judge it.

    Parameters
    ----------
    image
        Noisy image in raw grey levels; or noise data, which hold source and clean image already.
    source
        Where the signal comes from: 'repeats' (the T axis holds exposures of one static field),
        'pairs' (with `clean`), 'bootstrap' (a denoiser trained on the image) or 'single' (local
        mean and variance).
    channel
        Which channel, from 0; may be left out of an image that has one.
    clean
        The same field without noise, for 'pairs'.

    Returns
    -------
    The model, whose `record` says where it comes from and whether to trust it; and the numbers
    of the plots that judge it.

    Raises
    ------
    ImageError
        The image lacks the axis or the channel that is asked for.
    NoiseModelError
        The data hold no noise, or too few pixels, or the denoiser's result is degenerate.
    """
    from napari_denoisplit.jobs.noise.job import fit_noise_job  # imports torch

    data = _noise_data(image, source, channel, clean)
    return run(fit_noise_job(data, settings or NoiseFitSettings(), denoise=denoise), on_event)


@documented_by(fit_noise_model)
def judge_noise_model(
    model: NoiseModel | Path,
    image: Image | NoiseData,
    source: NoiseSource = "single",
    settings: NoiseFitSettings | None = None,
    *,
    channel: int | None = None,
    clean: Image | None = None,
    denoise: DenoiseSettings | None = None,
    on_event: Callable[[NoiseEvent], None] = ignore,
) -> Judged:
    """Judge a noise model by an image that it need not have been fitted to.

    Parameters
    ----------
    model
        A noise model of any kind, or its file.
    settings
        Those that choose pixels are used; None takes every default.

    Returns
    -------
    The verdict, and the numbers of the plots behind it.

    Raises
    ------
    ImageError
        The image lacks the axis or the channel that is asked for.
    NoiseModelError
        The file is no noise model, or the data hold no noise or too few pixels.
    """
    from napari_denoisplit.jobs.noise.job import gather_job, judge_noise_job
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    judged = read_noise_model(model) if isinstance(model, (str, PathLike)) else model
    data = _noise_data(image, source, channel, clean)
    gathering = gather_job(data, settings or NoiseFitSettings(), denoise=denoise)
    pairs, _ = run(gathering, on_event)
    return run(judge_noise_job(judged, pairs), on_event)


def _noise_data(
    image: Image | NoiseData, source: NoiseSource, channel: int | None, clean: Image | None
) -> NoiseData:
    from napari_denoisplit.images.training.noise_data import NoiseData

    if isinstance(image, NoiseData):
        return image
    return NoiseData.from_image(image, source, channel=channel, clean=clean)
