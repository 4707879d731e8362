"""Consensus and mode of posterior samples, plane by plane."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Count, Stage
from napari_denoisplit.giving_up import GivenUp, giving_up, look
from napari_denoisplit.measures.samples.consensus import LEAST_PIXELS, consensus_of, local_threshold
from napari_denoisplit.measures.samples.mode_seeking import WINDOW, Modes
from napari_denoisplit.measures.samples.published import published_consensus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.samples.consensus import Segment


@dataclass(frozen=True, slots=True, eq=False)
class ConsensusStack:
    """Consensus of every plane."""

    labels: NDArray[np.int32]
    """(..., Y, X), unique over all planes, 0 outside of objects."""
    confidence: NDArray[np.float32]
    """(..., Y, X), share of the samples that see foreground; NaN where a plane was not split."""
    n_objects: tuple[int, ...]
    """Objects in each sample, over all planes."""

    @property
    def summary(self) -> str:
        """One sentence: how many objects, and how much the samples differ in that."""
        low, high = min(self.n_objects, default=0), max(self.n_objects, default=0)
        return (
            f"{int(np.count_nonzero(np.unique(self.labels)))} objects in the consensus of "
            f"{len(self.n_objects)} answers, which have {low} to {high} each."
        )


def consensus_job(
    split: Split,
    structure: int | str = 0,
    segment: Segment = local_threshold,
    *,
    least_pixels: int = LEAST_PIXELS,
    separate: bool = True,
    published: bool = False,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, ConsensusStack]:
    """Segment every sample, and what most of them agree on.

    Parameters
    ----------
    split
        With two samples or more.
    structure
        Which: its number from 0, or its name.
    segment, least_pixels, separate
        As of `consensus_of`.
    published
        Whether it is made as DivNoising published it, see `published_consensus`; `segment` and
        `separate` are not used then, and the confidence is the share of the samples in which no
        line is there.
    stop
        When set, the plane under way is given up.

    Yields
    ------
    Stage, Progress

    Raises
    ------
    ImageError
        There are fewer than two samples.
    """
    stop = stop or threading.Event()
    split.need_samples(2)
    chosen = split.index_of(structure)
    if published:
        find = partial(published_consensus, least_pixels=least_pixels)
    else:
        how = {"segment": segment, "least_pixels": least_pixels, "separate": separate}
        find = partial(consensus_of, **how)  # type: ignore[arg-type]
    labels = np.zeros(split.shape, np.int32)
    confidence = np.full(split.shape, np.nan, np.float32)
    counts = np.zeros(split.n_kept, int)
    planes = list(np.ndindex(split.leading_shape))
    yield Stage(f"Segmenting {split.n_kept} answers")
    last, count = 0, Count("plane", len(planes))
    for number, plane in enumerate(planes):
        if stop.is_set():
            break
        drawn = split.read_samples(chosen, plane)
        if np.isfinite(drawn).all():
            try:
                with giving_up(stop):
                    found = find(drawn)
            except GivenUp:
                break
            labels[plane] = np.where(found.labels > 0, found.labels + last, 0)
            last += len(found.agreement)
            confidence[plane] = found.confidence
            counts += found.n_objects
        yield count.progress(number + 1)
    return ConsensusStack(labels, confidence, tuple(counts.tolist()))


FEWEST = 5
"""Samples: of fewer, the mode is the mean or a single sample."""


def map_job(
    split: Split, *, stop: threading.Event | None = None
) -> Job[StatusEvent, NDArray[np.float32]]:
    """Find the approximate mode of the posterior, plane by plane.

    Parameters
    ----------
    split
        With five samples or more; its structures are looked at together.
    stop
        When set, the job ends after the current row of windows; planes that were not finished
        are NaN.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    (C, ..., Y, X) float32.

    Raises
    ------
    ImageError
        There are fewer than 5 samples, or planes are smaller than a window.
    """
    stop = stop or threading.Event()
    if split.n_kept < FEWEST or min(split.plane_shape) < WINDOW:
        raise ImageError(
            f"The MAP needs {FEWEST} samples of {WINDOW} x {WINDOW} pixels or more; there are "
            f"{split.n_kept} of {split.plane_shape}: split again, and keep more samples (in the "
            "widget by 'Answers to keep', on the command line by --keep-samples)."
        )
    result = np.full((split.n_structures, *split.shape), np.nan, np.float32)
    planes = list(np.ndindex(split.leading_shape))
    yield Stage(f"Seeking the mode of {split.n_kept} answers")
    count = Count("plane", len(planes))
    for number, plane in enumerate(planes):
        try:
            with giving_up(stop):
                modes = _modes_of(split, plane)
        except GivenUp:
            return result
        if modes is None:
            continue  # a plane that was not split, or not to the end
        for share in modes.rows():
            if stop.is_set():
                return result
            yield count.progress(number + share)
        result[(slice(None), *plane)] = modes.image
    return result


def _modes_of(split: Split, plane: tuple[int, ...]) -> Modes | None:
    """Read all samples of a plane; None where some pixels are no numbers."""
    shape = (split.n_kept, split.n_structures, *split.plane_shape)
    drawn = np.empty(shape, np.float32)
    for c in range(split.n_structures):
        look()
        drawn[:, c] = split.read_samples(c, plane)
    return Modes(drawn) if np.isfinite(drawn).all() else None
