"""What a job yields, and how a job is run.

A job is a generator of events whose return value is its result. The window, the command line and
Python consume the same generator; a `threading.Event` asks it to stop, which is an ordinary end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from napari_denoisplit.giving_up import GivenUp, giving_up

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.curves import JointHistogram


@dataclass(frozen=True, slots=True)
class Elbo:
    """Parts of the loss, averaged over a part of the data."""

    loss: float
    """reconstruction + beta * KL, nats per pixel and channel."""
    reconstruction: float
    """Mean negative log-likelihood, nats per pixel and channel."""
    kl_per_level: tuple[float, ...]
    """KL of each level as it enters the loss, finest level first."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The job has begun something that a user may want to know about."""

    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the job is."""

    done: float
    """Share done, 0 to 1."""
    seconds_left: float | None
    """Estimate of the time left; None while unknown."""
    text: str
    """What is being counted, e.g. 'step 120, 3.1 patches/s'."""


class Count:
    """Progress of a job that does so many alike, with the time left by how long they took.

    Parameters
    ----------
    what
        One of them, e.g. 'plane'.
    total
        How many there are.
    before
        How many of them an earlier run has done.
    """

    def __init__(self, what: str, total: int, before: int = 0) -> None:
        self._what, self._total, self._before = what, total, before
        self._began = time.monotonic()

    def progress(self, done: float) -> Progress:
        """Progress after so many of this run, a part of the next counted in."""
        reached = self._before + done
        left = (time.monotonic() - self._began) * (self._total - reached) / done if done else None
        text = f"{self._what} {min(int(reached) + 1, self._total)} of {self._total}"
        return Progress(reached / self._total, left, text)

    def with_part(self, number: int, part: Progress) -> Progress:
        """Progress of all while one of them, counted from 0, has come so far."""
        of_all = self.progress(number + part.done)
        return replace(of_all, text=f"{of_all.text}, {part.text}")


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of training and its validation are over."""

    epoch: int
    step: int
    seconds: float
    """Seconds of training so far, earlier runs of a resumed training counted in."""
    train: Elbo
    validation: Elbo
    psnr: tuple[float, ...]
    """Range-invariant PSNR of each channel on validation, dB, against the noisy channels (or
    the clean ones where they were given)."""
    learning_rate: float
    skipped_steps: int
    """Steps left out so far because their loss or gradient was not finite."""
    is_best: bool
    shares: tuple[tuple[float, ...], ...] = ()
    """What each predicted structure (row) holds of each, on validation; see `Separation.shares`."""


@dataclass(frozen=True, slots=True)
class PreviewSplit:
    """A split of a validation region by the network as it is now, in image units."""

    epoch: int
    superposition: NDArray[np.float32]
    """(Y, X)"""
    mmse: NDArray[np.float32]
    """(C, Y, X)"""
    channels: NDArray[np.float32]
    """(C, Y, X), the noisy channels of the same region."""


@dataclass(frozen=True, slots=True)
class SampleDrawn:
    """One more posterior sample of one plane is complete; arrays are copies, in image units."""

    plane: tuple[int, ...]
    """Index of the plane over the image's axes before Y and X (without C); () for one plane."""
    index: int
    """Number of this sample in its plane, from 0."""
    n_samples: int
    sample: NDArray[np.float32]
    """(C, Y, X)"""
    mmse: NDArray[np.float32]
    """(C, Y, X), mean of the samples so far."""
    sigma: NDArray[np.float32]
    """(C, Y, X), spread of the samples so far, calibrated if the model is; zero at first."""


@dataclass(frozen=True, slots=True)
class PartDrawn:
    """One tile of a sample is complete, of a plane that is cut into tiles; image units."""

    plane: tuple[int, ...]
    """As in `SampleDrawn`."""
    index: int
    """Number of the sample, from 0."""
    y: tuple[int, int]
    x: tuple[int, int]
    """Rows and columns of the tile within the plane, half-open."""
    sample: NDArray[np.float32]
    """(C, y, x), a copy."""


@dataclass(frozen=True, slots=True)
class LensDrawn:
    """What is known of the part of an image that is in view; only the lens yields it."""

    plane: tuple[int, ...]
    """As in `SampleDrawn`."""
    y: tuple[int, int]
    x: tuple[int, int]
    """Rows and columns within the plane, half-open: the view and a few pixels around it."""
    mmse: NDArray[np.float32]
    """(C, y, x), mean of the samples so far, NaN where none was drawn."""
    sigma: NDArray[np.float32]
    """(C, y, x), their spread, calibrated if the model is; NaN below two samples."""
    n_samples: int
    """Samples behind the pixels that have the fewest."""
    of: int
    """Samples that will be drawn while the view rests."""


@dataclass(frozen=True, slots=True)
class BlocksWritten:
    """Blocks of a result on disk are there; at first those of an earlier run, or none."""

    path: Path
    """Folder of the result."""
    numbers: tuple[int, ...]
    """Of the blocks, in the order of the result's regions."""


@dataclass(frozen=True, slots=True)
class PairsGathered:
    """Pixels for the fit of a noise model are there: their histogram, before any fit."""

    joint: JointHistogram
    n_pixels: int
    """Pairs of signal and observation that the fit can use."""
    notes: tuple[str, ...]
    """What was found on the way, in sentences (drift, bleaching, saturated pixels)."""


@dataclass(frozen=True, slots=True)
class FitStep:
    """The fit of a noise model has come a round further."""

    text: str
    """What is being fitted, e.g. '3 Gaussians, 2 coefficients'."""
    round: int
    """Number of the round among all candidates of this job, from 0."""
    held_out_nll: float
    """Mean negative log-likelihood of held-out pixels, nats."""


@dataclass(frozen=True, slots=True)
class FileEvent:
    """Something has become of one file of a batch."""

    index: int
    """Place of the file among those of the batch, from 0."""
    path: Path


@dataclass(frozen=True, slots=True)
class FileStarted(FileEvent):
    """A file is being worked on."""

    why_again: str = ""
    """Why the result that is there already does not count; empty where there is none."""


@dataclass(frozen=True, slots=True)
class FileProgress(FileEvent):
    """How far the file is that is being worked on."""

    done: float
    """Share done, 0 to 1."""


FileStatus = Literal["waiting", "done", "skipped", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class FileOutcome(FileEvent):
    """What has become of one file; after one that failed the batch goes on with the next."""

    status: FileStatus = "waiting"
    """'done' now, 'skipped' as it was done before, 'stopped' with fewer samples, 'failed', or
    'waiting' because the batch was stopped."""
    outputs: tuple[Path, ...] = ()
    """Files and folders with its results, the MMSE first; none after a stop before the first
    sample."""
    seconds: float = 0.0
    message: str = ""
    """Why it failed, or what a user should know before trusting the result."""


StatusEvent = Stage | Progress
"""What any job yields; the unions below name what else a job does."""
SplitEvent = StatusEvent | PartDrawn | SampleDrawn
SlideEvent = StatusEvent | BlocksWritten
LensEvent = Stage | LensDrawn
NoiseEvent = StatusEvent | PairsGathered | FitStep
TrainEvent = NoiseEvent | EpochDone | PreviewSplit
BatchEvent = SplitEvent | FileStarted | FileProgress | FileOutcome
Event = TrainEvent | SplitEvent | SlideEvent | BatchEvent
"""What there is to show in a terminal, where one bar serves every job."""

E = TypeVar("E")
F = TypeVar("F")
R = TypeVar("R")
Job = Generator[E, None, R]
"""A job that yields `E` and returns `R`."""


def ignore(event: object) -> None:
    """Drop the event."""


def run(job: Job[E, R], on_event: Callable[[E], None] = ignore) -> R:
    """Run a job to its end and return its result.

    Parameters
    ----------
    job
        What a ``*_job`` function returned.
    on_event
        Called with every event, in the thread that runs the job.
    """
    while True:
        try:
            event = next(job)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        on_event(event)


def changed(job: Job[E, R], change: Callable[[E], Iterable[F]]) -> Job[F, R]:
    """Run a job as part of another, with other events in place of its own.

    Parameters
    ----------
    job
        The part.
    change
        Makes the events to yield of one event of the part; none to leave it out.
    """
    while True:
        try:
            event = next(job)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        yield from change(event)


def status_alone(event: object) -> tuple[StatusEvent, ...]:
    """Pass on what any job tells, and nothing else; for `changed`."""
    return (event,) if isinstance(event, Progress | Stage) else ()


def unless_stopped(job: Job[E, R], stop: threading.Event | None, error: Exception) -> Job[E, R]:
    """Run a job as part of another, to its end or until it looks at a stop, see `giving_up.look`.

    Parameters
    ----------
    job
        The part, of which nothing can be kept before it has ended.
    stop
        Asks for the end; None never does.
    error
        Raised then: says that there is nothing to keep.
    """
    try:
        while True:
            try:
                # Without a stop of its own, that of a larger job goes on to hold.
                with nullcontext() if stop is None else giving_up(stop):
                    try:
                        event = next(job)
                    except StopIteration as done:
                        return done.value  # type: ignore[no-any-return]
            except GivenUp:
                raise error from None
            yield event
    finally:
        job.close()
