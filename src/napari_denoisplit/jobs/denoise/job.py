"""Denoise images by a network that learns from these images alone."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import ImageError, NoiseModelError
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.windows import training_windows
from napari_denoisplit.jobs.denoise.denoiser import Denoiser
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.budget import Budget
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.measures.trust.degeneracy import CORRELATION, judge_denoised
from napari_denoisplit.nn.blind_spot import BlindSpotObjective
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.unet import UNet
from napari_denoisplit.noise.judging.findings import CORRELATED
from napari_denoisplit.noise.pairs.estimation import correlation_of_neighbours
from napari_denoisplit.settings import DenoiseSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.verdict import Verdict

SECONDS_BETWEEN_PROGRESS = 0.3
MOST_JUDGED = 1_000_000
"""Pixels in which the correlation of the noise is looked for: half a second."""
N_FILTERS = 16
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
    n_steps: int
    """Steps of training behind the result."""
    seconds: float
    """Seconds of training."""
    for_noise_model: bool
    """Whether the images are made to serve as signal of a noise model."""

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
                f"The denoised image is no signal. {self.verdict.reasons[0]}{way_out}"
            )


def denoise_job(
    images: Sequence[Any],
    settings: DenoiseSettings,
    *,
    for_noise_model: bool = False,
    stop: threading.Event | None = None,
    names: Sequence[str] = (),
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
        When set in training, the images are denoised by the network as it is; when set later, the
        planes that are not begun are left out.
    names
        Names of the images, for messages.

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
        Ten steps in a row were not finite.
    """
    stop = stop or threading.Event()
    names = names or [""] * len(images)
    names = [name or f"image {i + 1}" for i, name in enumerate(names)]
    if not images:
        raise ImageError("There is no image to denoise: give at least one.")
    compute = Compute.choose(settings.device, settings.precision)
    trainer, normalization = prepare(images, settings, compute, names)
    yield Stage(f"Learning to denoise on {compute}")
    with keep_freed_memory():
        seconds = yield from learn(trainer, settings, stop)
        # A noise model takes no gaps, and a training that was stopped is to have a result.
        to_the_end = for_noise_model or stop.is_set()
        yield Stage("Denoising")
        denoiser = Denoiser(trainer.average.network, normalization, compute)
        results = yield from _denoise(
            denoiser, images, names, for_noise_model, None if to_the_end else stop
        )
    found = correlation_of_neighbours(images[0], MOST_JUDGED)
    return Denoised(
        images=results,
        verdict=judge_denoised(
            images,
            results,
            correlation=None if found is None else found[0],
            most_correlation=CORRELATED,
        ),
        stopped_early=stop.is_set(),
        n_steps=trainer.step_count,
        seconds=seconds,
        for_noise_model=for_noise_model,
    )


def prepare(
    images: Sequence[Any], settings: DenoiseSettings, compute: Compute, names: Sequence[str]
) -> tuple[Trainer[UNet], Normalization]:
    """Hold pixels of the images to train on, and a fresh network."""
    windows = training_windows(images, least_edge=settings.patch_size, names=names)
    fields = [window[None] for window in windows]
    masks = [np.ones(window.shape, dtype=bool) for window in windows]
    normalization = Normalization.of(fields, masks, (1.0,), (names[0],))
    training = train_settings(settings)
    batches = Batches(
        fields,
        masks,
        normalization,
        training.mix,
        patch_size=settings.patch_size,
        batch_size=settings.batch_size,
        structure_bias=training.structure_bias,
        augment=training.augment,
        independent_share=training.independent_share,
        seed=settings.seed,
        device=compute.device,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UNet(N_FILTERS)
    objective = BlindSpotObjective(settings.seed)
    return Trainer(network, objective, batches, training, compute), normalization


def train_settings(settings: DenoiseSettings) -> TrainSettings:
    """Turn the settings of a denoiser into those of its training."""
    return TrainSettings(
        **settings.model_dump(),
        optimizer="adam",
        gradient_clip=LARGEST_GRADIENT,
        average_decay=AVERAGE_DECAY,
        independent_share=0.0,
    )


def learn(
    trainer: Trainer[UNet], settings: DenoiseSettings, stop: threading.Event
) -> Job[StatusEvent, float]:
    """Follow the gradient until the budget is used up; return the seconds that it took."""
    budget = Budget(train_settings(settings), step=0, epoch=0)
    told, used = -np.inf, 0.0
    while used < 1 and not (stop.is_set() and trainer.step_count):
        trainer.learning_rate = budget.learning_rate(used)
        trainer.step()
        used = budget.used(trainer.step_count, 0)
        if budget.seconds - told > SECONDS_BETWEEN_PROGRESS:
            told = budget.seconds
            text = f"step {trainer.step_count}, error {trainer.take_means().loss:.4f}"
            yield Progress(used, budget.seconds_left(used), text)
    return budget.seconds


def _denoise(
    denoiser: Denoiser,
    images: Sequence[Any],
    names: Sequence[str],
    for_noise_model: bool,
    stop: threading.Event | None,
) -> Job[StatusEvent, tuple[NDArray[np.float32], ...]]:
    """Denoise every plane of every image."""
    results = tuple(np.full(image.shape, np.nan, np.float32) for image in images)
    places = [
        (i, plane) for i, image in enumerate(images) for plane in np.ndindex(image.shape[:-2])
    ]
    start = told = time.monotonic()
    for number, (i, index) in enumerate(places):
        plane = np.asarray(images[i][index], dtype=np.float32)
        if not np.isfinite(plane).all():
            raise ImageError(
                f"{names[i]!r} holds pixels that are NaN or infinite"
                f"{f' in plane {index}' if index else ''}: replace them first."
            )
        for result in denoiser.denoised(plane, for_noise_model=for_noise_model):
            if result is not None:
                results[i][index] = result
            if stop is not None and stop.is_set():
                return results
        now = time.monotonic()
        if now - told > SECONDS_BETWEEN_PROGRESS:
            told, done = now, (number + 1) / len(places)
            text = f"plane {number + 1} of {len(places)}"
            yield Progress(done, (now - start) * (1 - done) / done, text)
    return results
