"""Likeness of a model: how its own kind of images look to its encoder, measured after training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import ValidationError

from napari_denoisplit.errors import ImageError
from napari_denoisplit.measures.trust.likeness import (
    EDGE,
    KEY,
    LEAST_TILES,
    Likeness,
    contrast_of,
    noise_of,
)
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.nn.likeness import map_figures

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from torch import Tensor

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.learning.shelved import ShelvedBatches

N_TILES = 512
_AT_ONCE = 16
_SEED = 20261128
MOST_NOISE = 1.0
"""Noise added to a part of the tiles, in standard deviations of their own at most: up to twice its
variance, which costs a model about 1 dB, does not make an image another kind."""


def with_likeness(model: Model, batches: Batches | ShelvedBatches, stop: threading.Event) -> Model:
    """Return a trained model that knows how its own kind of images look to it.

    Parameters
    ----------
    model
        On any device.
    batches
        What it was trained on.
    stop
        When set, no more tiles are looked at than it takes.

    Returns
    -------
    The model unchanged where the images have no room for a tile.
    """
    if EDGE % facts_of(model.header.network, torch.float32).multiple:
        return model
    try:
        tiles = torch.cat(list(_tiles(batches.evenly(EDGE, _SEED), stop)))
    except ImageError:
        return model
    plain = tiles[:, 0].cpu().numpy()
    noise = noise_of(plain)
    generator = torch.Generator().manual_seed(_SEED)
    share = torch.rand((len(tiles), 1, 1, 1), generator=generator) * 2 - 1
    more = MOST_NOISE * noise * share.clamp(min=0).sqrt()  # half of the tiles as they are
    noisy = tiles.cpu() + more * torch.randn(tiles.shape, generator=generator)
    figures = figures_of(model, noisy, stop)
    if len(tiles) < LEAST_TILES or not all(np.isfinite(level).all() for level in figures):
        return model
    likeness = Likeness.of(figures, noise, contrast_of(plain, noise))
    training = {**model.header.training, KEY: likeness.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))


def likeness_of(header: ModelHeader) -> Likeness | None:
    """Return how images of a model's own kind look to it, if its file says."""
    try:
        return Likeness.model_validate(header.training.get(KEY))
    except ValidationError:
        return None


@torch.no_grad()
def figures_of(
    model: Model, tiles: Tensor, stop: threading.Event | None = None
) -> list[np.ndarray]:
    """Figures of normalized tiles (N, 1, Y, X): (N, D) of each level, finest first.

    After a stop N is only as large as it has to be.
    """
    network = model.network.eval()
    device = next(network.parameters()).device
    found: list[list[Tensor]] = []
    for some in torch.split(tiles, _AT_ONCE):
        if stop is not None and stop.is_set() and len(found) * _AT_ONCE >= LEAST_TILES:
            break
        found.append([level.cpu() for level in map_figures(network.encode(some.to(device)))])
    return [torch.cat(level).double().numpy() for level in zip(*found, strict=True)]


def _tiles(batches: Batches, stop: threading.Event) -> Iterator[Tensor]:
    n_drawn = 0
    while n_drawn < (LEAST_TILES if stop.is_set() else N_TILES):
        batch = batches.draw()
        margin = (batch.superposition.shape[-1] - batch.channels.shape[-1]) // 2
        tiles = batch.superposition[..., margin : margin + EDGE, margin : margin + EDGE]
        n_drawn += len(tiles)
        yield tiles
