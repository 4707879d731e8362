"""The jobs as plain functions, for Python."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.events import run
from napari_denoisplit.settings import (
    DenoiseSettings,
    NoiseFitSettings,
    SplitSettings,
    TrainSettings,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Event
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.image_file import ImageFile
    from napari_denoisplit.images.noise_data import NoiseData
    from napari_denoisplit.images.training_fields import TrainingFields
    from napari_denoisplit.jobs.batch import BatchResult
    from napari_denoisplit.jobs.noise_fitting import Judged, NoiseFit
    from napari_denoisplit.jobs.slides import SlideSplit
    from napari_denoisplit.jobs.splitting import Split
    from napari_denoisplit.jobs.training import Trained
    from napari_denoisplit.measures.comparison import ChannelScore
    from napari_denoisplit.noise.model import NoiseModel
    from napari_denoisplit.settings import NoiseSource

__all__ = [
    "denoise",
    "evaluate",
    "fit_noise_model",
    "judge_noise_model",
    "split",
    "split_folder",
    "split_to_zarr",
    "train",
]


def train(
    fields: TrainingFields,
    settings: TrainSettings | None = None,
    *,
    path: Path | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    resume: Path | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Trained:
    """Train a model that splits superpositions of the channels of `fields`.

    Parameters
    ----------
    fields
        Noisy channels; `TrainingFields.from_images` makes them from images.
    settings
        Preset, budget, device and all the rest; None takes every default.
    path
        Where to write the best model so far after each improvement (``*.denoisplit``).
    noise_models
        One for each channel; None fits them to the channels.
    resume
        File ``*.last.denoisplit`` of a training to go on with.
    on_event
        Called with every event of the job, e.g. `EpochDone`.

    Returns
    -------
    The best model, and the history of its training.

    Raises
    ------
    TrainingError
        Training cannot start with these fields, or cannot go on.
    NoiseModelError
        A noise model cannot be fitted or does not suit.
    ModelFileError
        The file to resume from is damaged or of another network.
    """
    from napari_denoisplit.jobs.training import train_job  # imports torch

    job = train_job(
        fields, settings or TrainSettings(), path=path, noise_models=noise_models, resume=resume
    )
    return run(job, on_event)


def split(
    model: Model | Path,
    image: Image,
    settings: SplitSettings | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Split:
    """Split an image into its structures.

    Parameters
    ----------
    model
        A model, or its file.
    image
        Superposition; every axis but C is kept.
    settings
        Number of samples, device and all the rest; None takes every default.
    on_event
        Called with every event of the job, e.g. `SampleDrawn`.

    Returns
    -------
    MMSE and sigma of every structure in the unit of the image, and the samples that were kept.

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite.
    ModelFileError
        The model file is damaged or foreign.
    """
    from napari_denoisplit.jobs.splitting import split_job  # imports torch

    return run(split_job(model, image, settings or SplitSettings()), on_event)


def split_folder(
    model: Model | Path,
    folder: str | PathLike[str] | Iterable[str | PathLike[str]],
    output: str | PathLike[str],
    settings: SplitSettings | None = None,
    *,
    pattern: str = "*",
    recursive: bool = False,
    channel: str | None = None,
    again: bool = False,
    on_event: Callable[[Event], None] = lambda event: None,
) -> BatchResult:
    """Split every image of a folder and write the results as OME-TIFF files.

    A file that cannot be split is reported in the result, and the others are split nevertheless. A
    file that has the same results already, by their own record, is skipped.

    Parameters
    ----------
    model
        A model, or its file. Results of a model that is in no file are always made again.
    folder
        Folder with images; or several folders and files.
    output
        Folder of the results, and of the table ``batch.csv`` of what has become of each file.
        Nothing in it that a split has made is taken for an image.
    settings
        Number of samples, device and all the rest; None takes every default, but keeps no samples.
    pattern
        Which files to take, e.g. ``"cell*.tif"``.
    recursive
        Whether to take images from sub-folders, too; results keep the sub-folders.
    channel
        Channel to split of images that have several: its name, or its number from 1.
    again
        Whether to split files whose results are there already.
    on_event
        Called with every event of the job, e.g. `FileDone` and `FileFailed`.

    Returns
    -------
    What has become of each file.

    Raises
    ------
    ImageError
        There is no image in the folder, or two would have the same results.
    ModelFileError
        The model file is damaged or foreign.
    JobError
        The results cannot be written: the folder is protected, or the disk is full.
    """
    from napari_denoisplit.jobs.batch import batch_job  # imports torch
    from napari_denoisplit.jobs.batch_items import find_items
    from napari_denoisplit.jobs.batch_record import Reading

    places = [folder] if isinstance(folder, (str, PathLike)) else folder
    job = batch_job(
        model,
        find_items([Path(place) for place in places], pattern=pattern, recursive=recursive),
        settings or SplitSettings(keep_samples=0),
        output=Path(output),
        reading=Reading(channel),
        skip_done=not again,
    )
    return run(job, on_event)


def split_to_zarr(
    model: Model | Path,
    image: Image | ImageFile,
    path: str | PathLike[str],
    settings: SplitSettings | None = None,
    *,
    resume: bool = True,
    scheduler: str | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> SlideSplit:
    """Split an image of any size block by block into an OME-Zarr folder.

    Memory does not depend on the size of the image. A run that was interrupted or killed goes on
    where it was when the same is started again, and gives the same result.

    Parameters
    ----------
    model
        A model, or its file.
    image
        Superposition whose pixels are read where they are needed, e.g. of a dask array; or its
        file.
    path
        Folder with the results, as the images ``mmse``, ``sigma`` and ``samples/000`` ...
    settings
        Number of samples, memory and all the rest; None takes every default, but keeps no samples.
    resume
        Whether to go on with what is there; otherwise it is replaced.
    scheduler
        Address of a dask.distributed scheduler whose workers split the blocks; model and image
        are then files that all of them can read (extra ``cluster``).
    on_event
        Called with every event of the job, e.g. `Progress`.

    Returns
    -------
    Where the result is, and how much of it is there.

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite; or another folder has that
        name.
    ModelFileError
        The model file is damaged or foreign.
    JobError
        What is there was begun with something else; memory does not suffice; or the cluster is
        not there.
    """
    from napari_denoisplit.jobs.slides import split_to_zarr_job  # imports torch

    job = split_to_zarr_job(
        model,
        image,
        Path(path),
        settings or SplitSettings(keep_samples=0),
        resume=resume,
        scheduler=scheduler,
    )
    return run(job, on_event)


def denoise(
    image: Image,
    settings: DenoiseSettings | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Image:
    """Denoise an image by a network that learns from this image alone (Noise2Void).

    Parameters
    ----------
    image
        Any axes; each channel has a network of its own.
    settings
        Minutes of each channel, device and all the rest; None takes every default.
    on_event
        Called with every event of the job, e.g. `Progress`.

    Returns
    -------
    The image as float32, axes, pixel size and channel names kept. Its `notes` end with the verdict
    on each channel, e.g. that the result is blank.

    Raises
    ------
    ImageError
        A channel is constant, or a pixel is not finite.
    TrainingError
        Training cannot go on.
    """
    from napari_denoisplit.jobs.image_denoising import denoise_images_job  # imports torch

    return run(denoise_images_job([image], settings or DenoiseSettings()), on_event).images[0]


def evaluate(truth: Image, prediction: Image) -> tuple[ChannelScore, ...]:
    """Range-invariant PSNR and MS-SSIM of every channel.

    Parameters
    ----------
    truth
        Clean image.
    prediction
        Image of the same size along every axis.

    Raises
    ------
    ImageError
        The sizes differ, a pixel is not finite, or a plane of the truth is constant.
    """
    from napari_denoisplit.measures.comparison import compare  # imports scipy

    return compare(truth, prediction)


def fit_noise_model(
    image: Image | NoiseData,
    source: NoiseSource = "single",
    settings: NoiseFitSettings | None = None,
    *,
    channel: int | None = None,
    clean: Image | None = None,
    denoise: DenoiseSettings | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
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
    settings
        Kind of the model and all the rest; None takes every default.
    channel
        Which channel, from 0; may be left out of an image that has one.
    clean
        The same field without noise, for 'pairs'.
    denoise
        How the denoiser of 'bootstrap' is trained; None takes every default.
    on_event
        Called with every event of the job, e.g. `FitStep`.

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
    from napari_denoisplit.jobs.noise_fitting import fit_noise_job  # imports torch

    data = _noise_data(image, source, channel, clean)
    return run(fit_noise_job(data, settings or NoiseFitSettings(), denoise=denoise), on_event)


def judge_noise_model(
    model: NoiseModel | Path,
    image: Image | NoiseData,
    source: NoiseSource = "single",
    settings: NoiseFitSettings | None = None,
    *,
    channel: int | None = None,
    clean: Image | None = None,
    denoise: DenoiseSettings | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> Judged:
    """Judge a noise model by an image that it need not have been fitted to.

    Parameters
    ----------
    model
        A noise model of any kind, or its file.
    image, source, settings, channel, clean, denoise, on_event
        As of `fit_noise_model`; of the settings, those that choose pixels are used.

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
    from napari_denoisplit.jobs.noise_fitting import gather_job, judge_noise_job
    from napari_denoisplit.noise.files import read_noise_model

    judged = read_noise_model(model) if isinstance(model, (str, PathLike)) else model
    data = _noise_data(image, source, channel, clean)
    gathering = gather_job(data, settings or NoiseFitSettings(), denoise=denoise)
    pairs, _ = run(gathering, on_event)
    return run(judge_noise_job(judged, pairs), on_event)


def _noise_data(
    image: Image | NoiseData, source: NoiseSource, channel: int | None, clean: Image | None
) -> NoiseData:
    from napari_denoisplit.images.noise_data import NoiseData

    if isinstance(image, NoiseData):
        return image
    return NoiseData.from_image(image, source, channel=channel, clean=clean)
