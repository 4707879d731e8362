"""Parts of recordings: those that a model is adapted to, and those that judge it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.acquisition import to_training, without_background
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.measures.trust.likeness import EDGE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.settings import Acquisition

    Floats = NDArray[np.float32]

PLANES = 3
"""Of a recording that take part, at most."""
ASIDE = 1 / 3
"""Share of each plane that is kept aside to judge."""
LEAST_ASIDE = 2 * EDGE
"""Edge of what judges, pixels."""
MOST_ASIDE = 512
_N_TILES = 96
_SEED = 20261130


class Parts(NamedTuple):
    """A recording, less its background."""

    seen: tuple[Image, ...]
    """(Y, X) each, what a model is adapted to."""
    aside: tuple[Image, ...]
    """(Y, X) each, what it is not adapted to."""
    acquisition: Acquisition
    """How it was taken; without the background, which is gone."""


def parts_of(image: Image, acquisition: Acquisition) -> Parts:
    """Cut the planes of a recording along their longer edge; only what takes part is read later.

    Raises
    ------
    ImageError
        It is too small, or has several channels.
    """
    view = without_background(planes_of(image), acquisition)
    height, width = view.shape[-2:]
    longer = max(height, width)
    first = longer - min(max(int(longer * ASIDE), LEAST_ASIDE), MOST_ASIDE)
    if min(height, width) < LEAST_ASIDE or first < LEAST_ASIDE:
        raise ImageError(
            f"{image.name!r} has planes of {height} x {width} pixels: to adapt to it, and to judge "
            f"by another part of it, takes {LEAST_ASIDE} x {2 * LEAST_ASIDE}. Give larger images."
        )
    # What judges is in the middle of the shorter edge.
    low = max(0, (min(height, width) - MOST_ASIDE) // 2)
    across, all_across = (low, low + min(MOST_ASIDE, height, width)), (0, None)
    spans = ((0, first), all_across), ((first, None), across)
    seen, aside = (
        PlaneRegion(*(span if height == longer else span[::-1])).cut(view) for span in spans
    )
    planes = list(np.ndindex(view.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, PLANES).round().astype(int))
    seen_planes, aside_planes = (
        tuple(replace(part, data=part.data[planes[i]], axes="YX") for i in chosen)
        for part in (seen, aside)
    )
    return Parts(seen_planes, aside_planes, acquisition.model_copy(update={"background": ()}))


def tiles_of(parts: Parts, normalization: Normalization) -> Floats:
    """Read tiles (N, Y, X) of what is seen, normalized, in the grey levels of the training images.

    Raises
    ------
    ImageError
        None of them is finite and holds something.
    """
    rng = np.random.default_rng(_SEED)
    tiles = []
    for image in parts.seen:
        last = [n - EDGE for n in image.shape]
        for y, x in rng.integers(0, last, size=(_N_TILES // len(parts.seen), 2), endpoint=True):
            tile = np.asarray(image.data[y : y + EDGE, x : x + EDGE], np.float32)
            if np.isfinite(tile).all() and np.ptp(tile) > 0:
                tiles.append(tile)
    if not tiles:
        raise ImageError(
            f"{parts.seen[0].name!r} holds no part that is finite and not all one grey level: give "
            "another image."
        )
    levels = to_training(np.stack(tiles), parts.acquisition)
    mean, std = np.float32(normalization.input_mean), np.float32(normalization.input_std)
    normalized: Floats = (levels - mean) / std
    return normalized
