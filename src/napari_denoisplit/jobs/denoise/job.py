"""Denoise images by a network that learns from these images alone."""

from __future__ import annotations

import threading
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.checkpoint import ModelHeader, last_path, load_model
from napari_denoisplit.errors import (
    REPLACE,
    ImageError,
    ModelFileError,
    NoiseModelError,
    TrainingError,
)
from napari_denoisplit.events import Count, Stage, changed, status_alone
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.windows import training_windows
from napari_denoisplit.jobs.denoise.denoiser import Denoiser
from napari_denoisplit.jobs.learning.loop import SECONDS_BETWEEN_PROGRESS, learn_job
from napari_denoisplit.jobs.learning.run import Run
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.measures.trust.degeneracy import CORRELATION, judge_denoised
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.noise.pairs.estimation import correlation_of_neighbours
from napari_denoisplit.settings import (
    PRESETS,
    DenoiseSettings,
    DenoisingUNetSettings,
    MixSettings,
    TrainSettings,
)
from napari_denoisplit.verdict import CORRELATED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.verdict import Verdict

MOST_JUDGED = 100_000
"""Pixels in which the correlation of the noise is looked for: a tenth of a second."""
AVERAGE_DECAY = 0.99
"""About the last hundred steps: a training of three minutes has a thousand."""
LARGEST_GRADIENT = 1.0
"""Norm; a hot pixel in a batch would otherwise undo many steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Denoised:
    """Denoised images, in the unit of the input."""

    images: tuple[NDArray[np.float32], ...]
    """One for each input, of its shape. Planes that were not begun after a stop are NaN."""
    verdict: Verdict
    """Whether the result is one: blank, unchanged and patterned results are recognized."""
    stopped_early: bool
    model: Model
    """The network behind the result."""

    @property
    def n_steps(self) -> int:
        """Steps of training behind the result."""
        return int(self.model.header.training["steps"])  # type: ignore[arg-type]

    def check(self) -> None:
        """Refuse a degenerate result as the signal of a noise model.

        Raises
        ------
        NoiseModelError
            The verdict is 'do not use', or the noise is correlated: the denoiser has kept part of
            it, and what it took away looks independent though it is not.
        """
        correlated = self.verdict.figures.get(CORRELATION, 0.0) > CORRELATED
        if self.verdict.grade == "do not use" or correlated:
            way_out = (
                " Repeated exposures of one field show such noise as it is." if correlated else ""
            )
            raise NoiseModelError(
                f"The denoised image cannot serve as signal. {self.verdict.reasons[0]}{way_out}"
            )


def denoise_job(
    images: Sequence[Any],
    settings: DenoiseSettings,
    *,
    for_noise_model: bool = False,
    stop: threading.Event | None = None,
    names: Sequence[str] = (),
    channel: str = "",
    path: Path | None = None,
    resume: bool = False,
) -> Job[StatusEvent, Denoised]:
    """Train a Noise2Void network on noisy images of one channel, and denoise them with it.

    Parameters
    ----------
    images
        (..., Y, X) each, of any size; numpy or sliceable like it. One network learns from all.
    settings
        Budget, patches, device.
    for_noise_model
        Return what serves best as signal of a noise model, in 17 times the time of a prediction:
        the noise that is left over then has the right variance, see `Denoiser.denoised`.
    stop
        When set in training, the step under way is given up, `stop` is cleared, and the images are
        denoised by the network as it is; when set then, planes that are not done are left out.
    names
        Names of the images, for messages.
    channel
        Name of what the images show, for the model.
    path
        Model file of the network. One that exists is applied as it is; otherwise what is learned
        is kept there, and the state to go on from beside it.
    resume
        Go on learning where the training that wrote `path` ended; the whole budget is spent once
        more.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    Denoised

    Raises
    ------
    ImageError
        An image is constant, or holds values that are not finite.
    TrainingError
        Ten steps in a row were not finite, it was stopped before the first, or the method is none
        that gives one answer.
    ModelFileError
        The model file is damaged, or holds no denoiser.
    JobError
        Another run writes to the same path.
    """
    stop = stop or threading.Event()
    names = names or [""] * len(images)
    names = [name or f"image {i + 1}" for i, name in enumerate(names)]
    if not images:
        raise ImageError("There is no image to denoise: give at least one.")
    if settings.method != "noise2void":
        raise TrainingError(
            f"The method {settings.method!r} denoises by samples: use `denoise_by_samples` for it, "
            "or take the method 'noise2void'."
        )
    compute = Compute.choose(settings.device, settings.precision)
    neighbours = correlation_of_neighbours(images[0], MOST_JUDGED)  # before a stop, not after it
    with keep_freed_memory():
        if path is not None and path.exists() and not resume:
            yield Stage(f"Denoising by the network in {path.name}, nothing is learned")
            model = load_denoiser(path)
        else:
            run = prepare(images, settings, compute, names, channel, path if resume else None)
            yield Stage(f"Learning to denoise on {compute}")
            with nullcontext() if path is None else locked(path):
                trained = yield from changed(learn_job(run, path, stop), status_alone)
            model = trained.model
        was_stopped = stop.is_set()
        if was_stopped and not for_noise_model:
            stop.clear()  # a training that was stopped is to have a result
        yield Stage("Denoising by what was learned so far" if was_stopped else "Denoising")
        results = yield from _denoise(
            Denoiser(model, compute), images, names, for_noise_model, stop
        )
        yield Stage("Looking at the result")  # and here ends who needs all of it
    return Denoised(
        images=results,
        verdict=judge_denoised(
            images,
            results,
            correlation=None if neighbours is None else neighbours[0],
            most_correlation=CORRELATED,
        ),
        stopped_early=was_stopped or stop.is_set(),
        model=model,
    )


def prepare(
    images: Sequence[Any],
    settings: DenoiseSettings,
    compute: Compute,
    names: Sequence[str],
    channel: str = "",
    resume: Path | None = None,
) -> Run:
    """Hold pixels of the images to train on, and a network: a new one, or that of a model file."""
    windows = training_windows(images, least_edge=settings.patch_size, names=names)
    fields = [window[None] for window in windows]
    masks = [np.ones(window.shape, dtype=bool) for window in windows]
    training = train_settings(settings)
    last = None if resume is None else load_denoiser(last_path(resume))
    if last is None:
        normalization = Normalization.of(fields, masks, (1.0,), (names[0],))
        header = ModelHeader(
            network=DenoisingUNetSettings(),
            mix=MixSettings(weights=(1.0,)),
            normalization=normalization,
            channel_names=(channel or names[0],),
            provenance={"sources": list(names), **versions(), "seed": settings.seed},
            training={"settings": training.model_dump(mode="json")},
        )
    else:
        header = last.header
    with torch.random.fork_rng(devices=[]):
        run = Run.begin(fields, masks, header, training, compute)
        if last is not None:
            run.take_up(last)
    return run


def train_settings(settings: DenoiseSettings) -> TrainSettings:
    """Turn the settings of a denoiser into those of its training."""
    common = settings.model_dump(
        include={"minutes", "steps", "patch_size", "seed", "device", "precision"}
    )
    if settings.method == "hdn":
        network = PRESETS["hdn"].network.model_copy(
            update={"levels_off": tuple(range(settings.levels_off))}
        )
        recipe: dict[str, Any] = {"preset": "hdn", "network": network}
    else:
        recipe = {"optimizer": "adam", "learning_rate": 1e-3, "batch_size": 16}
    if settings.method == "divnoising":
        recipe["preset"] = "divnoising"
    elif settings.method == "noise2void":
        recipe |= {
            "gradient_clip": LARGEST_GRADIENT,
            "average_decay": AVERAGE_DECAY,
            "independent_share": 0.0,
        }
    given = settings.model_dump(include={"batch_size", "learning_rate"}, exclude_none=True)
    return TrainSettings(**common | recipe | given)


def load_denoiser(path: Path) -> Model:
    """Read a model file, and refuse one that holds a splitting network."""
    model = load_model(path)
    if model.header.network.kind != "denoiser":
        raise ModelFileError(
            f"{path} holds a network that splits images ({', '.join(model.header.channel_names)}): "
            "choose a file that was written by denoising."
        )
    return model


def _denoise(
    denoiser: Denoiser,
    images: Sequence[Any],
    names: Sequence[str],
    for_noise_model: bool,
    stop: threading.Event,
) -> Job[StatusEvent, tuple[NDArray[np.float32], ...]]:
    """Denoise every plane of every image."""
    results = tuple(np.full(image.shape, np.nan, np.float32) for image in images)
    places = [
        (i, plane) for i, image in enumerate(images) for plane in np.ndindex(image.shape[:-2])
    ]
    count, told = Count("plane", len(places)), time.monotonic()
    warned = False
    for number, (i, index) in enumerate(places):
        plane = np.asarray(images[i][index], dtype=np.float32)
        if not np.isfinite(plane).all():
            raise ImageError(
                f"{names[i]!r} holds pixels that are NaN or infinite"
                f"{f' in plane {index}' if index else ''}. {REPLACE}"
            )
        try:
            with giving_up(stop):
                result = denoiser.denoised(plane, for_noise_model=for_noise_model)
        except GivenUp:
            return results
        results[i][index] = result
        if not (warned or np.isfinite(result).all()):
            warned = True
            yield Stage(
                f"Values of {names[i]!r} are NaN or infinite after denoising: do not use them. The "
                "image has pixels that are far too large for the denoiser."
            )
        now = time.monotonic()
        if now - told > SECONDS_BETWEEN_PROGRESS:
            told = now
            yield count.progress(number + 1)
    return results
