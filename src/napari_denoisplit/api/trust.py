"""Residual, MAP, consensus, alternatives and objects of a split, as plain functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import checked_image, model_or_path, opened
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import ObjectSettings, SplitSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.api.arguments import Result
    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import SplitEvent, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.trust.consensus import ConsensusStack
    from napari_denoisplit.jobs.trust.objects import SummedObjects
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.measures.samples.consensus import Segment
    from napari_denoisplit.measures.samples.interpretations import Interpretations

_CHECKED = 5  # samples: the noise of the image limits the check


@documented_by("jobs.trust.job", "trust_job")
def check_split(
    model: Model | str | PathLike[str],
    image: Image,
    settings: SplitSettings | None = None,
    *,
    on_event: Callable[[SplitEvent], None] = ignore,
) -> tuple[Split, ResidualCheck]:
    """Split an image and check without truth whether the split explains it.

    Parameters
    ----------
    settings
        Samples and device. The samples that are kept take part in the check; None draws five.

    Returns
    -------
    The split; and its residual, with a verdict that says good, usable or do not use, and why.
    """
    from napari_denoisplit.jobs.trust.job import trust_job  # imports torch

    chosen = settings or SplitSettings(n_samples=_CHECKED, keep_samples=_CHECKED)
    return run(trust_job(model_or_path(model), checked_image(image), chosen), on_event)


@documented_by("jobs.trust.consensus", "map_job")
def most_probable(
    result: Result, *, on_event: Callable[[StatusEvent], None] = ignore
) -> NDArray[np.float32]:
    """Approximate MAP: the mode of posterior samples, by mean shift on small windows.

    Returns
    -------
    (C, ..., Y, X)
    """
    from napari_denoisplit.jobs.trust.consensus import map_job

    return run(map_job(opened(result)), on_event)


@documented_by("jobs.trust.consensus", "consensus_job")
def segment_samples(
    result: Result,
    structure: int | str = 0,
    segment: Segment | None = None,
    *,
    least_pixels: int = 20,
    separate: bool = True,
    published: bool = False,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> ConsensusStack:
    """Segment every sample of a structure, and keep what more than half of them see.

    Parameters
    ----------
    segment
        Function that returns the foreground (Y, X) of an image (Y, X); None is a local threshold.
    least_pixels
        Smaller objects are left out.
    separate
        Whether objects that touch are parted where nearly all samples see several cores.
    published
        Whether it is made as DivNoising published it: each sample is thresholded, the space between
        its masks thinned to lines, and the average of all segmented once more so.

    Returns
    -------
    Labels, and the share of samples that see foreground.
    """
    from napari_denoisplit.jobs.trust.consensus import consensus_job
    from napari_denoisplit.measures.samples.consensus import local_threshold

    return run(
        consensus_job(
            opened(result),
            structure,
            segment or local_threshold,
            least_pixels=least_pixels,
            separate=separate,
            published=published,
        ),
        on_event,
    )


@documented_by("jobs.trust.alternatives", "alternatives_job")
def find_alternatives(
    result: Result,
    region: tuple[slice, slice],
    *,
    plane: tuple[int, ...] | None = None,
    n_alternatives: int = 3,
    bandwidth: float | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Interpretations:
    """Sort the samples of a small region into the few alternatives that they fall into.

    Parameters
    ----------
    region
        Rows and columns, ``np.s_[100:140, 50:90]``: 2 to 256 pixels along each edge.

    Returns
    -------
    The alternatives, the best supported first, and whether they are more than spread.
    """
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.jobs.trust.alternatives import alternatives_job

    job = alternatives_job(
        opened(result),
        PlaneRegion.of_slices(*region),
        plane,
        n_alternatives=n_alternatives,
        bandwidth=bandwidth,
    )
    return run(job, on_event)


@documented_by("jobs.trust.objects", "objects_job")
def sum_up_objects(
    result: Result,
    structure: int | str = 0,
    settings: ObjectSettings | None = None,
    *,
    labels: NDArray[np.integer] | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> SummedObjects:
    """Mean of every object of a structure with its interval, and how much of it can be believed.

    Returns
    -------
    One `ObjectSummary` for each object, by rising label.
    """
    from napari_denoisplit.jobs.trust.objects import objects_job  # imports scipy

    job = objects_job(opened(result), structure, settings or ObjectSettings(), labels=labels)
    return run(job, on_event)
