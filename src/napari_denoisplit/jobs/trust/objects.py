"""Objects of a structure: means with intervals, and how far they can be trusted."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Count, Stage
from napari_denoisplit.images.results.arrays import pixels_of
from napari_denoisplit.measures.samples.objects import ObjectSums, connected_objects
from napari_denoisplit.measures.trust.mask import background_of, relative_uncertainty

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.samples.objects import ObjectSummary
    from napari_denoisplit.settings import ObjectSettings

MOST_PIXELS = 2**27
"""MMSE, sigma, mask and labels are held in memory, some 40 bytes a pixel: 5 GiB."""


@dataclass(frozen=True, slots=True)
class SummedObjects:
    """What is known of every object of a structure."""

    objects: tuple[ObjectSummary, ...]
    n_samples: int
    """Samples behind the intervals."""
    background: float
    """Grey level without structure, by which the trusted share was told."""
    stopped_early: bool

    @property
    def summary(self) -> str:
        """One sentence or two: how many objects, and what their intervals rest on."""
        n = len(self.objects)
        text = f"{n} object{'' if n == 1 else 's'}"
        if not n:
            return f"{text}."
        if any(one.sigma is not None for one in self.objects):
            text += f", intervals from {self.n_samples} answers."
            return text + (" Stopped before the last answer." if self.stopped_early else "")
        why = "it was stopped too early" if self.stopped_early else "too few answers are kept"
        return f"{text}, without intervals of their means: {why}."


def objects_job(
    split: Split,
    structure: int | str,
    settings: ObjectSettings,
    *,
    labels: NDArray[np.integer] | None = None,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, SummedObjects]:
    """Sum up the objects of one structure.

    Parameters
    ----------
    split
        With MMSE. Without sigma nothing tells what is trusted, and labels are needed. Samples are
        read one after the other; where none were kept, means have no interval.
    structure
        Which: its number from 0, or its name.
    settings
        What is trusted.
    labels
        (..., Y, X), 0 outside of objects; None takes the connected parts of the trust mask.
    stop
        When set, the intervals rest on the samples so far.

    Yields
    ------
    Stage, Progress

    Raises
    ------
    ImageError
        MMSE is missing, or sigma and labels; the labels have another shape; or there are more
        pixels than `MOST_PIXELS`.
    """
    stop = stop or threading.Event()
    chosen = split.index_of(structure)
    if split.mmse_arrays is None:
        raise ImageError(f"{split.name!r}: its MMSE is missing. Split the image again.")
    if math.prod(split.shape) > MOST_PIXELS:
        raise ImageError(
            f"The MMSE has the shape {split.shape}: objects are summed up in memory, of "
            f"{MOST_PIXELS:,} pixels at most. Split a region of it, or crop it first."
        )
    if labels is not None and labels.shape != split.shape:
        raise ImageError(
            f"The MMSE has the shape {split.shape}, the labels {labels.shape}: choose those of the "
            "same image."
        )
    yield Stage("Finding the objects")
    mean = pixels_of(split.mmse_arrays[chosen][...])
    spread = mask = None
    background = background_of(mean) if settings.background is None else settings.background
    if split.sigma_arrays is not None:
        spread = pixels_of(split.sigma_arrays[chosen][...])
        mask = relative_uncertainty(mean, spread, background) <= settings.limit
    if labels is None:
        if mask is None:
            raise ImageError(
                f"{split.name!r} has no uncertainty (sigma), so that no mask tells its objects: "
                "give labels of them (for commands: --labels)."
            )
        labels = connected_objects(mask, settings.least_pixels)
    sums = ObjectSums(labels, mean, spread, mask, mirrored=split.mirrored)
    n = split.n_kept if sums.n_objects else 0
    yield Stage("Summing up the objects")
    count = Count("answer", n)
    for k in range(n):
        if stop.is_set():
            break
        sums.add(pixels_of(split.need_samples()[chosen][k]))
        yield count.progress(k + 1)
    return SummedObjects(sums.summaries(), sums.n_samples, background, stop.is_set())
