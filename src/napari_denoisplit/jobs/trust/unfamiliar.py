"""Map of how unlike the training images each place of an image looks to a model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.events import Count, Stage
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.images.acquisition import to_training, without_background
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.jobs.trust.likeness import figures_of, likeness_of
from napari_denoisplit.measures.trust.camera import without_specks
from napari_denoisplit.measures.trust.likeness import EDGE, at_least_noisy, noise_of
from napari_denoisplit.nn.compute import keep_freed_memory
from napari_denoisplit.nn.families.magnified import enlarged

if TYPE_CHECKING:
    import threading

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.measures.trust.likeness import Likeness
    from napari_denoisplit.settings import Acquisition

_MOST_BLANK = 0.02
"""Share of a block that may be blank: its edge would look like no cell."""


def unfamiliar_job(
    model: Model, image: Image, check: ResidualCheck, taken: Acquisition, *, stop: threading.Event
) -> Job[StatusEvent, Image | None]:
    """Compare each block of 64 x 64 pixels of an image with the training images of a model.

    Parameters
    ----------
    model
        The one that made the split.
    image
        The superposition.
    check
        Its residual, which is NaN in planes that were not split: of these nothing is said.
    taken
        How the image was taken.
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
    likeness, residual = likeness_of(model.header), check.residual
    height, width = residual.shape[-2:]
    if likeness is None or min(height, width) < EDGE:
        return None
    levels = without_background(planes_of(image).transposed(residual.axes), taken).data
    n = model.header.normalization
    yield Stage(f"Comparing {image.name} with the training images")
    planes = [i for i in np.ndindex(residual.shape[:-2]) if not np.isnan(residual.data[i]).all()]
    places = [(*index, row) for index in planes for row in range(0, height, EDGE)]
    count = Count("row of blocks", len(places))
    found = np.full(residual.shape, np.nan, np.float32)
    for done, (*index, row) in enumerate(places, start=1):
        top = min(row, height - EDGE)
        rows = np.asarray(levels[(*index, slice(top, top + EDGE))], np.float32)
        rows = (to_training(rows, taken) - np.float32(n.input_mean)) / np.float32(n.input_std)
        try:
            with keep_freed_memory(), giving_up(stop):
                blocks = _strangeness(model, likeness, rows, taken.magnification)
        except GivenUp:
            return None
        found[(*index, slice(row, row + EDGE))] = np.repeat(blocks, EDGE)[:width]
        yield count.progress(done)
    return replace(residual, data=found, name=f"{image.name} unfamiliar")


def _strangeness(
    model: Model, likeness: Likeness, rows: NDArray[np.float32], magnification: int
) -> NDArray[np.floating]:
    """Strangeness of the blocks of normalized rows (64, X); the last ends where these end."""
    width = rows.shape[1]
    lefts = [min(left, width - EDGE) for left in range(0, width, EDGE)]
    tiles = np.stack([rows[:, left : left + EDGE] for left in lefts])
    known = np.isfinite(tiles).all(axis=(1, 2)) & (_blank(tiles) < _MOST_BLANK)
    found = np.full(len(tiles), np.nan)
    if known.any():
        tiles = without_specks(tiles[known], noise_of(tiles[known]))
        if magnification > 1:  # first: it makes less of the noise, and neighbours alike
            tiles = enlarged(torch.from_numpy(tiles)[:, None])[:, 0].numpy()
        seen = torch.from_numpy(at_least_noisy(tiles, likeness.noise))[:, None]
        found[known] = likeness.strangeness(figures_of(model, seen))
    return found


def _blank(tiles: NDArray[np.float32]) -> NDArray[np.floating]:
    """Share of the pixels of tiles (N, Y, X) that are as all around them, as beside a mosaic."""
    from scipy.ndimage import maximum_filter, minimum_filter  # takes 0.2 s; only this needs it

    low, high = (of(tiles, size=(1, 3, 3)) for of in (minimum_filter, maximum_filter))
    blank: NDArray[np.bool_] = low == high
    return np.asarray(blank.mean(axis=(1, 2)))
