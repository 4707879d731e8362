"""Train, split, forecast, denoise and evaluate, as plain functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import checked_image, model_or_path, path_or_none
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import (
    DenoiseSettings,
    SplitSettings,
    TrainSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import SplitEvent, StatusEvent, TrainEvent
    from napari_denoisplit.images.files.image_file import ImageFile
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.jobs.learning.loop import Trained
    from napari_denoisplit.jobs.preflight import Preflight
    from napari_denoisplit.measures.comparison import ChannelScore
    from napari_denoisplit.noise.models.noise_model import NoiseModel


@documented_by("jobs.train.job", "train_job")
def train(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings | None = None,
    *,
    path: str | PathLike[str] | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    resume: str | PathLike[str] | None = None,
    on_event: Callable[[TrainEvent], None] = ignore,
) -> Trained:
    """Train a model that splits superpositions of the channels of `fields`.

    Parameters
    ----------
    fields
        Noisy channels; `TrainingFields.from_images` makes them from images of the same fields,
        `SeparateFields.from_images` from images of each structure alone.

    Returns
    -------
    The best model, and the history of its training.
    """
    from napari_denoisplit.jobs.train.job import train_job  # imports torch

    job = train_job(
        fields,
        settings or TrainSettings(),
        path=path_or_none(path),
        noise_models=noise_models,
        resume=path_or_none(resume),
    )
    return run(job, on_event)


@documented_by("jobs.split.job", "split_job")
def split(
    model: Model | str | PathLike[str],
    image: Image,
    settings: SplitSettings | None = None,
    *,
    region: tuple[slice, slice] | None = None,
    on_event: Callable[[SplitEvent], None] = ignore,
) -> Split:
    """Split an image, or a part of it, into its structures.

    Returns
    -------
    MMSE and sigma of every structure in the unit of the image, and the samples that were kept;
    the images know where they lie (`Image.origin`).
    """
    from napari_denoisplit.jobs.split.job import split_job  # imports torch

    given = model_or_path(model), checked_image(image)
    job = split_job(*given, settings or SplitSettings(), region=region_of(region))
    return run(job, on_event)


def region_of(index: tuple[slice, slice] | None) -> PlaneRegion | None:
    """Take rows and columns as arrays are indexed with; None stays None."""
    from napari_denoisplit.images.plane_region import PlaneRegion

    return None if index is None else PlaneRegion.of_slices(*index)


@documented_by("jobs.preflight", "preflight")
def preflight(
    model: Model | str | PathLike[str],
    image: Image | ImageFile,
    settings: SplitSettings | None = None,
    *,
    on_disk: bool = False,
    region: tuple[slice, slice] | None = None,
) -> Preflight:
    """Tell what a split will take, before it begins: memory, disk, tiles. No pixel is read.

    Parameters
    ----------
    on_disk
        Whether the results go to disk block by block, as by `split_to_zarr`.

    Returns
    -------
    Numbers; `sentence` says them in words, and `problem` why the results do not fit into memory.
    """
    from napari_denoisplit.jobs.preflight import preflight as told  # imports torch

    chosen, part = settings or SplitSettings(), region_of(region)
    given = model_or_path(model), checked_image(image)
    return told(*given, chosen, on_disk=on_disk, region=part)


@documented_by("jobs.denoise.images", "denoise_images_job")
def denoise(
    image: Image,
    settings: DenoiseSettings | None = None,
    *,
    model: str | PathLike[str] | None = None,
    resume: bool = False,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Image:
    """Denoise an image by a network that learns from this image alone (Noise2Void).

    Parameters
    ----------
    image
        Any axes; each channel has a network of its own.
    model
        Model file (``*.denoisplit``) of the network: one that exists is applied and nothing is
        learned, otherwise what is learned is kept there. Each of several channels has a file of its
        own, with the name of the channel.

    Returns
    -------
    The image as float32, axes, pixel size and channel names kept. Its `notes` end with the verdict
    on each channel, e.g. that the result is blank.
    """
    from napari_denoisplit.jobs.denoise.images import denoise_images_job  # imports torch

    given, path = [checked_image(image)], path_or_none(model)
    job = denoise_images_job(given, settings or DenoiseSettings(), path=path, resume=resume)
    return run(job, on_event).images[0]


@documented_by("jobs.denoise.by_samples", "denoise_by_samples_job")
def denoise_by_samples(
    image: Image,
    settings: DenoiseSettings,
    *,
    model: str | PathLike[str] | None = None,
    resume: bool = False,
    noise_model: NoiseModel | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Split:
    """Denoise an image of one channel by samples, with sigma (HDN, DivNoising).

    Parameters
    ----------
    image
        Without a channel axis, or with one channel. To learn from several images, use `train` with
        the preset 'hdn' or 'divnoising', and `split`.
    settings
        With the method 'hdn' or 'divnoising'; budget, patches, samples, device.
    model
        Model file (``*.denoisplit``) of the network: one that exists is applied and nothing is
        learned, otherwise what is learned is kept there. It can be calibrated, and splits.

    Returns
    -------
    A split with one structure.
    """
    from napari_denoisplit.jobs.denoise.by_samples import denoise_by_samples_job  # imports torch

    job = denoise_by_samples_job(
        [checked_image(image)],
        settings,
        path=path_or_none(model),
        resume=resume,
        noise_model=noise_model,
    )
    return run(job, on_event)[0]


@documented_by("measures.comparison", "compare")
def evaluate(truth: Image, prediction: Image) -> tuple[ChannelScore, ...]:
    """PSNR and (MS-)SSIM of every channel: range-invariant, and of the prediction as it is."""
    from napari_denoisplit.measures.comparison import compare  # imports scipy

    return compare(checked_image(truth), checked_image(prediction))
