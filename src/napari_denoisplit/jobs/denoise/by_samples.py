"""Denoise images of one channel by posterior samples: HDN and DivNoising."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from napari_denoisplit.checkpoint import last_path, load_model
from napari_denoisplit.errors import ImageError, ModelFileError, NoiseModelError, TrainingError
from napari_denoisplit.events import Stage, changed, status_alone
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.sources import source_line
from napari_denoisplit.images.training.windows import training_windows
from napari_denoisplit.jobs.denoise.job import train_settings
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.measures.trust.degeneracy import judge_denoised
from napari_denoisplit.measures.trust.likeness import KEY as LIKENESS
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import DenoiseSettings


def denoise_by_samples_job(
    images: Sequence[Image],
    settings: DenoiseSettings,
    *,
    path: Path | None = None,
    resume: bool = False,
    noise_model: NoiseModel | None = None,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, tuple[Split, ...]]:
    """Train a network on noisy images of one channel, and draw samples of each image by it.

    Parameters
    ----------
    images
        Without a channel axis, or with one channel; other axes as they are.
    settings
        Method, budget, patches, samples, device.
    path
        Model file of the network. One that exists is applied as it is; otherwise what is learned
        is kept there, and the state to go on from beside it. It can be calibrated, and splits.
    resume
        Go on learning where the training that wrote `path` ended; the whole budget is spent once
        more.
    noise_model
        Of the channel, in image units; None fits one to the images.
    stop
        When set in training, it is cleared, and samples are drawn by the network as it is; when
        set then, what was drawn is kept.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    A split with one structure for each image; the notes of one that is blank, or the input again,
    say so.

    Raises
    ------
    ImageError
        An image has several channels, is too small or constant, or a pixel is not finite.
    TrainingError
        Ten steps in a row were not finite, it was stopped before the first, or latents go unused.
    ModelFileError
        The model file is damaged, or its network does not denoise one channel by samples.
    NoiseModelError
        One was given beside a network that is applied as it is.
    """
    stop = stop or threading.Event()
    _check(images, settings)
    views = [planes_of(image) for image in images]
    if path is not None and path.exists() and not resume:
        if noise_model is not None:
            raise NoiseModelError(
                f"{path} is applied as it is, with the noise model that it was trained with: leave "
                "the noise model out, or name a new file for the network."
            )
        yield Stage(f"Denoising by the network in {path.name}, nothing is learned")
        model = _load(path)
    else:
        yield Stage("Learning to denoise")
        learning = train_job(
            _fields(images, views, settings),
            train_settings(settings),
            path=path,
            noise_models=None if noise_model is None else [noise_model],
            resume=last_path(path) if resume and path is not None else None,
            stop=stop,
        )
        model = _of_these((yield from changed(learning, status_alone)).model)
    drawing = SplitSettings(
        n_samples=settings.n_samples,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        grey_levels="kept",
    )
    if stop.is_set():
        stop.clear()  # a training that was stopped is to have a result
        yield Stage("Drawing answers by what was learned so far")
    splits = []
    for image, view in zip(images, views, strict=True):
        split = yield from changed(split_job(model, image, drawing, stop=stop), status_alone)
        splits.append(split)
        if stop.is_set():
            break
        mmse = cast("NDArray[np.float32]", split.mmse_arrays)[0]
        if not np.isfinite(mmse).all():  # the split says so itself
            continue
        verdict = judge_denoised([view.data], [mmse])
        if verdict.grade == "do not use":
            told = f"{image.name}: {verdict.headline}"
            yield Stage(told)
            splits[-1] = replace(split, notes=(*split.notes, told))
    return tuple(splits)


def _check(images: Sequence[Image], settings: DenoiseSettings) -> None:
    if not images:
        raise ImageError("There is no image to denoise: give at least one.")
    if settings.method == "noise2void":
        raise TrainingError(
            "Noise2Void draws no samples: take the method 'hdn' or 'divnoising', or `denoise`."
        )
    for image in images:
        if image.n_channels > 1:
            raise ImageError(
                f"{image.name!r} has {image.n_channels} channels, and {settings.method!r} denoises "
                "one: select it (for commands: --channel NAME), or take 'noise2void'."
            )


def _fields(
    images: Sequence[Image], views: Sequence[Image], settings: DenoiseSettings
) -> TrainingFields:
    """Pixels to train on; the images may be of different sizes."""
    names = [image.name for image in images]
    windows = training_windows(
        [view.data for view in views], least_edge=settings.patch_size, names=names
    )
    first = images[0]
    return TrainingFields(
        tuple(window[None] for window in windows),
        (first.channel_names[0] if first.channel_names else "denoised",),
        sources=tuple(source_line(image) for image in images),
        pixel_size=first.pixel_size,
        units=first.units,
    )


def _of_these(model: Model) -> Model:
    """Forget what images like those of the training look like, for those of the training."""
    training = {k: v for k, v in model.header.training.items() if k != LIKENESS}
    return replace(model, header=model.header.model_copy(update={"training": training}))


def _load(path: Path) -> Model:
    """Read a model file, and refuse one that does not draw samples of one channel."""
    import torch

    model = load_model(path)
    network = model.header.network
    if network.n_channels != 1 or not facts_of(network, torch.float32).draws:
        raise ModelFileError(
            f"{path} holds a network that does not draw samples of one channel "
            f"({network.in_words}; {', '.join(model.header.channel_names)}): choose a file of the "
            "method 'hdn' or 'divnoising', or another name for a new one."
        )
    return model
