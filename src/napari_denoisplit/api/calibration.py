"""Calibrate the sigma of a model, as a plain function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import model_or_path
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import CalibrateSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import NoiseEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.noise.models.noise_model import NoiseModel


@documented_by("jobs.calibrate.job", "calibrate_job")
def calibrate(
    model: Model | str | PathLike[str],
    images: TrainingFields,
    settings: CalibrateSettings | None = None,
    *,
    superpositions: Sequence[Image] | None = None,
    report_on: TrainingFields | None = None,
    report_superpositions: Sequence[Image] | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    on_event: Callable[[NoiseEvent], None] = ignore,
) -> Calibrated:
    """Bring the sigma of a model to the size of its errors, on images that it has not seen.

    Parameters
    ----------
    model
        A model, or its file, which is not changed: `save_model` writes the calibrated one.
    images
        Noisy channels, with clean ones where there are any; `TrainingFields.from_images` makes
        them from images. Of the images that the model was trained on, given as they were then, the
        parts kept aside are used.
    superpositions
        Recorded superpositions of the same fields, in their order; None mixes the channels.
    report_superpositions
        Recorded superpositions of `report_on`, in their order; None mixes its channels.

    Returns
    -------
    The calibrated model, the record that is kept in its file, curves and a verdict.
    """
    from napari_denoisplit.jobs.calibrate.fields import superposed_planes
    from napari_denoisplit.jobs.calibrate.job import calibrate_job  # imports torch

    given = (superpositions, report_superpositions)
    planes = [None if recorded is None else superposed_planes(recorded) for recorded in given]
    job = calibrate_job(
        model_or_path(model),
        images,
        settings or CalibrateSettings(),
        superpositions=planes[0],
        report_on=report_on,
        report_superpositions=planes[1],
        noise_models=noise_models,
    )
    return run(job, on_event)
