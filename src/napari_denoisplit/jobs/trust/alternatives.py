"""The few alternatives that the posterior samples of a region fall into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.measures.samples.interpretations import LARGEST, interpret

if TYPE_CHECKING:
    import threading

    from napari_denoisplit.events import Job
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.samples.interpretations import Interpretations

ALTERNATIVES = 3
"""How many to sort samples into where nothing else is asked for."""


def alternatives_job(
    split: Split,
    region: PlaneRegion,
    plane: tuple[int, ...] | None = None,
    *,
    n_alternatives: int = ALTERNATIVES,
    bandwidth: float | None = None,
    stop: threading.Event | None = None,
) -> Job[Stage, Interpretations]:
    """Sort the samples of a region into alternatives, all structures together.

    Parameters
    ----------
    split
        With two samples or more.
    region
        Rows and columns: 2 to 256 pixels along each edge.
    plane
        Index along each axis before Y and X; None takes the first.
    n_alternatives
        How many, at most as many as samples; with a bandwidth there are as many as there are.
    bandwidth
        Distance of two images in grey levels within which samples are one alternative, found by
        mean shift as DivNoising published it (800, of 10,000 samples); None: by Ward's method.
    stop
        Ends the job; nothing is kept then.

    Yields
    ------
    Stage

    Raises
    ------
    ImageError
        There are fewer than two samples; the plane does not exist or was not split to its end
        there; the region has another size, or lies outside.
    JobError
        It was stopped.
    """
    split.need_samples(2)
    plane, spans = split.checked_plane(plane), region.spans(*split.plane_shape)
    sizes = tuple(last - first for first, last in spans)
    ends = (last for _, last in spans)
    is_inside = all(end <= n for end, n in zip(ends, split.plane_shape, strict=True))
    if not (is_inside and all(2 <= size <= LARGEST for size in sizes)):
        raise ImageError(
            f"The region {region} has {sizes} pixels (Y, X), a plane of {split.name!r} "
            f"{split.plane_shape}: choose one of 2 to {LARGEST} pixels along each edge, inside."
        )
    yield Stage("Sorting the answers")
    box = tuple(slice(*span) for span in spans)
    each = [split.read_samples(c, plane, box) for c in range(split.n_structures)]
    drawn = np.stack(each, axis=1).astype(np.float32)  # (K, C, Y, X)
    if not np.isfinite(drawn).all():
        raise ImageError(
            f"{split.name!r} was not split to its end in the region {region}: split it again, or "
            "choose another region."
        )
    try:
        with giving_up(stop):
            return interpret(drawn, min(n_alternatives, len(drawn)), bandwidth=bandwidth)
    except GivenUp:
        raise JobError("It was stopped before the answers were sorted.") from None
