"""Map of how unlike the training images each place of an image looks to a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.events import Count, Stage
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.images.acquisition import to_training, without_background
from napari_denoisplit.images.results.record import acquisition_of
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.jobs.trust.likeness import figures_of, likeness_of
from napari_denoisplit.measures.trust.likeness import EDGE, at_least_noisy, noise_of, without_specks
from napari_denoisplit.nn.compute import keep_freed_memory
from napari_denoisplit.nn.families.magnified import enlarged

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.trust.likeness import Likeness

_MOST_BLANK = 0.02
"""Share of a block that may be blank: its edge would look like no cell."""


def unfamiliar_job(
    model: Model, image: Image, split: Split, *, stop: threading.Event
) -> Job[StatusEvent, Image | None]:
    """Compare each block of 64 x 64 pixels of an image with the training images of a model.

    Parameters
    ----------
    model
        The one that made the split.
    image, split
        The superposition, and what tells how it was taken.
    stop
        When set, the map is given up.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    See `Likeness.strangeness`; axes of the input without C, NaN where pixels of a block are not
    finite, where a part of it is blank, and where a plane was not split. None where the model does
    not know how its own kind looks, planes are smaller than a block, or it was stopped.
    """
    likeness = likeness_of(model.header)
    view = planes_of(image).transposed(split.axes)
    if likeness is None or min(view.shape[-2:]) < EDGE:
        return None
    taken = acquisition_of(split.provenance)
    levels = without_background(view, taken).data
    n = model.header.normalization
    yield Stage(f"Comparing {image.name} with the training images")
    tops = _starts(view.shape[-2])
    # Of planes that were not split nothing is said.
    planes = [i for i in np.ndindex(view.shape[:-2]) if np.isfinite(split.read_mmse(i)[0]).all()]
    count = Count("row of blocks", len(planes) * len(tops))
    found = np.full(view.shape, np.nan, np.float32)
    done = 0
    for index in planes:
        strips = []
        for top in tops:
            rows = np.asarray(levels[(*index, slice(top, top + EDGE))], np.float32)
            rows = (to_training(rows, taken) - np.float32(n.input_mean)) / np.float32(n.input_std)
            try:
                with keep_freed_memory(), giving_up(stop):
                    strips.append(_strangeness(model, likeness, rows, taken.magnification))
            except GivenUp:
                return None
            done += 1
            yield count.progress(done)
        found[index] = np.repeat(strips, _lengths(view.shape[-2]), axis=0)
    return replace(view, data=found, name=f"{image.name} unfamiliar", notes=())


def _strangeness(
    model: Model, likeness: Likeness, rows: NDArray[np.float32], magnification: int
) -> NDArray[np.floating]:
    """Strangeness of normalized rows (64, X) at each column: (X,)."""
    tiles = np.stack([rows[:, left : left + EDGE] for left in _starts(rows.shape[1])])
    known = np.isfinite(tiles).all(axis=(1, 2)) & (_blank(tiles) < _MOST_BLANK)
    found = np.full(len(tiles), np.nan)
    if known.any():
        tiles = without_specks(tiles[known], noise_of(tiles[known]))
        if magnification > 1:  # first: it makes less of the noise, and neighbours alike
            tiles = enlarged(torch.from_numpy(tiles)[:, None])[:, 0].numpy()
        seen = torch.from_numpy(at_least_noisy(tiles, likeness.noise))[:, None]
        found[known] = likeness.strangeness(figures_of(model, seen))
    return np.repeat(found, _lengths(rows.shape[1]))


def _blank(tiles: NDArray[np.float32]) -> NDArray[np.floating]:
    """Share of the pixels of tiles (N, Y, X) that are as all around them, as beside a mosaic."""
    from scipy.ndimage import maximum_filter, minimum_filter  # takes 0.2 s; only this needs it

    low, high = (of(tiles, size=(1, 3, 3)) for of in (minimum_filter, maximum_filter))
    blank: NDArray[np.bool_] = low == high
    return np.asarray(blank.mean(axis=(1, 2)))


def _starts(n: int) -> list[int]:
    """First pixels of blocks that cover n pixels; the last ends where these end."""
    return [*range(0, n - EDGE, EDGE), n - EDGE]


def _lengths(n: int) -> list[int]:
    """Pixels that each block stands for."""
    starts = range(0, n - EDGE, EDGE)
    return [*(EDGE for _ in starts), n - EDGE * len(starts)]
