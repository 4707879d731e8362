"""One segmentation from many samples, with how far they agree.

Each sample is a possible image, and is segmented as an image would be. The share of the samples in
which a pixel is foreground tells how sure the segmentation is there; segmenting that share again
gives the consensus.

Source: DivNoising (Prakash et al. 2021, arXiv:2006.06072), section 5, "Consensus (Avg)", and
supplement 4: local threshold against a mean filter, skeleton of the space between the masks,
connected components. There the skeleton is taken from each sample, and the average is thresholded
as an image is: `published.py`. Here the average is cut at one half, and parted once, by zones of
influence of the cores that nearly all samples see.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.giving_up import look
from napari_denoisplit.measures.samples.objects import connected_objects

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Booleans = NDArray[np.bool_]

Segment = Callable[["Floats"], "NDArray[np.bool_]"]
"""Finds the foreground (Y, X) of an image (Y, X)."""
RADIUS = 15
"""Of the mean filter, pixels."""
LEAST_PIXELS = 20
"""Smaller objects are left out."""
_LEAST_CONTRAST = 0.5
_CORE = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Consensus:
    """A segmentation that many samples agree on."""

    labels: NDArray[np.int32]
    """(Y, X), 0 outside of objects."""
    confidence: Floats
    """(Y, X), share of the samples in which the pixel is foreground, 0 to 1."""
    n_objects: tuple[int, ...]
    """Objects in each sample."""
    agreement: tuple[float, ...]
    """Of each object of the consensus: mean over its pixels of the confidence."""


def local_threshold(image: Floats, radius: int = RADIUS) -> Booleans:
    """Foreground that is brighter than its surroundings and than most of the image.

    A pixel is foreground if it is above the mean of the square of edge 2 radius + 1 around it, by
    half of the standard deviation of the image. Without that, half of an empty background
    would be foreground.
    """
    from scipy.ndimage import uniform_filter  # takes 0.2 s

    mean = uniform_filter(image, 2 * radius + 1, mode="reflect")
    return np.asarray(image > mean + _LEAST_CONTRAST * image.std())


def consensus_of(
    samples: Iterable[Floats],
    segment: Segment = local_threshold,
    *,
    least_pixels: int = LEAST_PIXELS,
    separate: bool = True,
) -> Consensus:
    """Segment every sample, average, and segment the average.

    Parameters
    ----------
    samples
        Images (Y, X) of one structure.
    segment
        Foreground of an image; a function of your own, if you like. It is used for the samples;
        their average is cut where more than half of them see foreground, which is where the mean
        absolute difference to the samples is least.
    least_pixels
        Smaller objects are left out.
    separate
        Whether touching objects are parted between their cores, where nearly all samples see
        foreground. Pixels of an object go to the core that is nearest.

    Raises
    ------
    ValueError
        There is no sample.
    """
    total: Floats | None = None
    counts = []
    for sample in samples:
        look()
        found = np.asarray(segment(sample), dtype=bool)
        total = np.zeros(sample.shape, np.float32) if total is None else total
        total += found
        counts.append(int(connected_objects(found, least_pixels).max()))
    if total is None:
        raise ValueError("there is no sample to segment")
    confidence = total / np.float32(len(counts))
    foreground = confidence > 0.5
    look()
    labels = connected_objects(foreground, least_pixels)
    if separate:
        labels = _parted(confidence, foreground, least_pixels)
    members = np.bincount(labels.ravel())
    sums = np.bincount(labels.ravel(), confidence.ravel())
    agreement = tuple((sums[1:] / np.maximum(members[1:], 1)).tolist())
    return Consensus(labels, confidence, tuple(counts), agreement)


def _parted(confidence: Floats, foreground: Booleans, least_pixels: int) -> NDArray[np.int32]:
    """Part objects that hold several cores along the lines between the zones of the cores.

    A core is where nearly all samples see foreground. Zones of influence meet where two cores are
    equally near.
    """
    from scipy.ndimage import distance_transform_edt

    whole = connected_objects(foreground)
    cores = connected_objects(confidence >= _CORE, least_pixels)
    if not cores.any():
        return connected_objects(foreground, least_pixels)
    nearest = distance_transform_edt(cores == 0, return_distances=False, return_indices=True)
    zone, home = cores[tuple(nearest)], whole[tuple(nearest)]
    # A zone ends with the object that its core lies in.
    zone = np.where(home == whole, zone, 0)
    zone[~foreground] = 0
    rest = connected_objects(foreground & (zone == 0), least_pixels)
    labels = np.where(rest > 0, rest + cores.max(), zone)
    present = np.unique(labels[labels > 0])
    return np.where(labels > 0, np.searchsorted(present, labels) + 1, 0).astype(np.int32)
