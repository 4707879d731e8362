"""The consensus of samples as DivNoising published it, from thresholds and skeletons alone.

Source: Prakash et al. 2021 (arXiv:2006.06072), section 5, "Consensus (Avg)", and supplement 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.giving_up import look
from napari_denoisplit.measures.samples.consensus import LEAST_PIXELS, RADIUS, Consensus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Booleans = NDArray[np.bool_]


def published_consensus(
    samples: Iterable[NDArray[np.float32]], *, least_pixels: int = LEAST_PIXELS
) -> Consensus:
    """Threshold and skeletonize every sample, average, and do the whole once more.

    A mask is what is brighter than the mean of the square of edge 31 around it; the space between
    the masks is thinned to lines; what they part are the cells, background included. That suits
    images that are full of cells, as those of the paper. A line of the average stays where more of
    the samples have it than have lines around it, so that a wall that few of them see stays, too.

    Parameters
    ----------
    samples
        Images (Y, X) of one structure.
    least_pixels
        Smaller objects are left out.

    Raises
    ------
    ValueError
        There is no sample.
    """
    parted = [_parted(sample) for sample in samples]
    if not parted:
        raise ValueError("there is no sample to segment")
    share = np.stack(parted).mean(axis=0, dtype=np.float32)
    labels = _cells(_parted(share), least_pixels)
    members = np.bincount(labels.ravel())
    sums = np.bincount(labels.ravel(), share.ravel())
    agreement = tuple((sums[1:] / np.maximum(members[1:], 1)).tolist())
    counts = tuple(int(_cells(one, least_pixels).max()) for one in parted)
    return Consensus(labels, share, counts, agreement)


def _parted(image: NDArray[np.float32]) -> Booleans:
    """Everything but the lines between the masks."""
    from scipy.ndimage import uniform_filter  # takes 0.2 s

    look()
    mask = image > uniform_filter(image, 2 * RADIUS + 1, mode="reflect")
    return ~skeleton(~mask)


def _cells(parted: Booleans, least_pixels: int) -> NDArray[np.int32]:
    """Label what lines part; across a corner of a line nothing is connected."""
    from scipy.ndimage import label

    found, n = label(parted)
    sizes = np.bincount(found.ravel(), minlength=n + 1)
    keep = sizes >= least_pixels
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0)[found].astype(np.int32)


def skeleton(mask: Booleans) -> Booleans:
    """Thin a mask (Y, X) to lines that are not parted where it is whole.

    Squares of 2 x 2 pixels vanish, and slants that are two pixels wide nearly so, as is known of
    this thinning.

    Source: Zhang and Suen 1984, "A fast parallel algorithm for thinning digital patterns".
    """
    thin = np.pad(mask, 1)
    while True:
        before = thin.sum()
        for first in (True, False):
            thin[1:-1, 1:-1] &= ~_outer(thin, first)
        if thin.sum() == before:
            return thin[1:-1, 1:-1]


def _outer(mask: Booleans, first: bool) -> Booleans:
    """Pixels at the outside of a mask that may go, of its south-east or its north-west."""
    height, width = mask.shape
    # From north, clockwise.
    around = [(0, 1), (0, 2), (1, 2), (2, 2), (2, 1), (2, 0), (1, 0), (0, 0)]
    ring = [mask[y : y + height - 2, x : x + width - 2] for y, x in around]
    n_set = np.sum(ring, axis=0)
    n_begins = np.sum(
        [~here & then for here, then in zip(ring, [*ring[1:], ring[0]], strict=True)], axis=0
    )
    north, east, south, west = ring[::2]
    if first:
        open_to = ~(north & east & south) & ~(east & south & west)
    else:
        open_to = ~(north & east & west) & ~(north & south & west)
    return np.asarray((n_set >= 2) & (n_set <= 6) & (n_begins == 1) & open_to)
