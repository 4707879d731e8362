"""Whether to believe a split, and what its samples agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import checked_image, model_or_path
from napari_denoisplit.events import run
from napari_denoisplit.settings import ObjectSettings, SplitSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Event
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.split.results import Split
    from napari_denoisplit.jobs.trust.consensus import ConsensusStack
    from napari_denoisplit.jobs.trust.objects import SummedObjects
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.measures.samples.consensus import Segment

_CHECKED = 5  # samples: the noise of the image limits the check


def check_split(
    model: Model | str | PathLike[str],
    image: Image,
    settings: SplitSettings | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> tuple[Split, ResidualCheck]:
    """Split an image and check without truth whether the split explains it.

    Parameters
    ----------
    model
        A model with noise models, or its file.
    image
        Superposition; every axis but C is kept.
    settings
        As of `split`; the samples that are kept take part in the check. None draws five.
    on_event
        Called with every event of the job.

    Returns
    -------
    The split; and its residual, with a verdict that says good, usable or do not use, and why.

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite, or is too small.
    ModelFileError
        The model file is damaged or foreign, or holds no noise models.
    """
    from napari_denoisplit.jobs.trust.residuals import trust_job  # imports torch

    chosen = settings or SplitSettings(n_samples=_CHECKED, keep_samples=_CHECKED)
    return run(trust_job(model_or_path(model), checked_image(image), chosen), on_event)


def most_probable(
    samples: NDArray[np.floating], *, on_event: Callable[[Event], None] = lambda event: None
) -> NDArray[np.float32]:
    """Approximate MAP: the mode of posterior samples, by mean shift on small windows.

    Parameters
    ----------
    samples
        (K, C, ..., Y, X), five or more, e.g. `Split.samples` of an image with the axes YX.
    on_event
        Called with every event of the job.

    Returns
    -------
    (C, ..., Y, X)

    Raises
    ------
    ImageError
        There are fewer than five samples, or planes smaller than 10 x 10 pixels.
    """
    from napari_denoisplit.jobs.trust.consensus import map_job

    return run(map_job(samples), on_event)


def segment_samples(
    samples: NDArray[np.floating],
    segment: Segment | None = None,
    *,
    least_pixels: int = 20,
    separate: bool = True,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ConsensusStack:
    """Segment every sample of a structure, and keep what more than half of them see.

    Parameters
    ----------
    samples
        (K, ..., Y, X) of one structure, e.g. ``split.samples[:, 0]``.
    segment
        Function that returns the foreground (Y, X) of an image (Y, X); None is a local threshold.
    least_pixels
        Smaller objects are left out.
    separate
        Whether objects that touch are parted where nearly all samples see several cores.
    on_event
        Called with every event of the job.

    Returns
    -------
    Labels, and the share of samples that see foreground.

    Raises
    ------
    ImageError
        There are fewer than two samples.
    """
    from napari_denoisplit.jobs.trust.consensus import consensus_job
    from napari_denoisplit.measures.samples.consensus import local_threshold

    job = consensus_job(
        samples, segment or local_threshold, least_pixels=least_pixels, separate=separate
    )
    return run(job, on_event)


def sum_up_objects(
    mmse: NDArray[np.floating],
    sigma: NDArray[np.floating],
    samples: NDArray[np.floating] | None = None,
    settings: ObjectSettings | None = None,
    *,
    labels: NDArray[np.integer] | None = None,
    mirrored: bool = True,
    on_event: Callable[[Event], None] = lambda event: None,
) -> SummedObjects:
    """Mean of every object of a structure with its interval, and how much of it can be believed.

    Parameters
    ----------
    mmse, sigma
        (..., Y, X) of one structure.
    samples
        (K, ..., Y, X) of that structure, e.g. ``split.samples[:, 0]``, read one after the other;
        without them means have no interval.
    settings
        What is trusted; None takes every default.
    labels
        (..., Y, X), objects from 1 on; None takes the connected parts of the trust mask.
    mirrored
        Whether the samples were drawn in mirrored pairs, as they are by default
        (`SplitSettings.antithetic`).
    on_event
        Called with every event of the job.

    Returns
    -------
    One `ObjectSummary` for each object, by rising label.

    Raises
    ------
    ImageError
        The shapes differ, or there are too many pixels for memory.
    """
    from napari_denoisplit.jobs.trust.objects import objects_job  # imports scipy

    chosen = settings or ObjectSettings()
    job = objects_job(mmse, sigma, samples, chosen, labels=labels, mirrored=mirrored)
    return run(job, on_event)
