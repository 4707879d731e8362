"""Likeness of a model: how its own kind of images look to its encoder, measured after training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import ValidationError

from napari_denoisplit.errors import ImageError
from napari_denoisplit.giving_up import look
from napari_denoisplit.measures.trust.background import (
    FEWEST,
    UsualBackground,
    background_of,
    dark_places,
)
from napari_denoisplit.measures.trust.camera import unclipped, without_specks
from napari_denoisplit.measures.trust.likeness import (
    EDGE,
    KEY,
    LEAST_TILES,
    Likeness,
    contrast_of,
    detail_of,
    noise_of,
    tile_starts,
)
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.nn.likeness import map_figures
from napari_denoisplit.nn.objective import Batch

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
    from napari_denoisplit.measures.trust.background import Background

N_TILES = 512
BACKGROUND_EDGES = (512, 384, 256, 128)
"""Of the images whose background is measured, pixels."""
N_BACKGROUNDS = 32
_SIDE_BY_SIDE = 4
"""Images that training pixels have room for side by side: fewer do not tell how they differ."""
_AT_ONCE = 16
_SEED = 20261128
MOST_NOISE = 1.0
"""Noise added to a part of the tiles, in units of the most that the model knows: up to twice its
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
    The model unchanged where the images have no room for a tile, or most of it has no noise.
    """
    if EDGE % facts_of(model.header.network, torch.float32).multiple:
        return model
    try:
        few = LEAST_TILES if stop.is_set() else N_TILES
        drawn = tiles_of(batches, few, _SEED)
    except ImageError:
        return model
    tiles = torch.from_numpy(unclipped(drawn.superposition[:, 0].cpu().numpy()))[:, None]
    plain = unclipped(_in_the_middle(drawn, model.header)[:, 0].cpu().numpy())
    if not (noise := noise_of(plain)) > 0:  # as of images that were clipped to their background
        return model
    backgrounds = usual_backgrounds(batches, model.header, few=stop.is_set())
    likeness = likeness_from(model, tiles, plain, noise, backgrounds, stop)
    if likeness is None:
        return model
    training = {**model.header.training, KEY: likeness.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))


def likeness_from(
    model: Model,
    tiles: Tensor,
    plain: NDArray[np.float32],
    noise: float,
    backgrounds: Sequence[UsualBackground] = (),
    stop: threading.Event | None = None,
) -> Likeness | None:
    """Summarize normalized tiles of a model's own kind; None where they are too few.

    Parameters
    ----------
    model
        On any device.
    tiles
        (N, 1, Y, X).
    plain
        (N, Y, X), the same with all structures as in the middle of the mixing range.
    noise
        Of these, as of `noise_of`.
    backgrounds
        Of larger ones.
    stop
        When set, no more tiles are looked at than it takes.
    """
    generator = torch.Generator().manual_seed(_SEED)
    share = torch.rand((len(tiles), 1, 1, 1), generator=generator) * 2 - 1
    most = (1 + MOST_NOISE**2) * model.header.mix.noise_high**2 - 1  # of the variance
    more = noise * (most * share.clamp(min=0)).sqrt()  # half of the tiles as they are
    noisy = tiles.cpu() + more * torch.randn(tiles.shape, generator=generator)
    figures = figures_of(model, noisy, stop)
    if len(tiles) < LEAST_TILES or not all(np.isfinite(level).all() for level in figures):
        return None
    detail = detail_of(without_specks(plain, noise), noise) or None
    return Likeness.of(figures, noise, contrast_of(plain, noise), detail, backgrounds)


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


def usual_backgrounds(
    batches: Batches | ShelvedBatches, header: ModelHeader, *, few: bool = False
) -> list[UsualBackground]:
    """Backgrounds of superpositions like those of training, of each size that they have room for.

    Parameters
    ----------
    batches
        What a model was trained on.
    header
        Of the model.
    few
        Whether to be quick.
    """
    found = []
    for edge in BACKGROUND_EDGES:
        try:
            evenly = batches.evenly(edge, _SEED)
        except ImageError:
            continue
        if evenly.n_pixels < _SIDE_BY_SIDE * edge**2:
            continue
        evenly.batch_size = 1  # they are large
        tiles = _drawn(evenly, 8 if few else N_BACKGROUNDS)
        planes = _in_the_middle(tiles, header)[:, 0].cpu().numpy()
        each = [b for b in map(_background, planes) if b is not None]
        if len(each) > len(planes) / 2:
            found.append(UsualBackground.of(edge, each))
    return found


def _background(plane: NDArray[np.float32]) -> Background | None:
    """Background of a square; None where it shows nothing."""
    look()
    starts = tile_starts(len(plane))
    y, x = (at.ravel() for at in np.meshgrid(starts, starts, indexing="ij"))
    cut = [plane[a : a + EDGE, b : b + EDGE] for a, b in zip(y, x, strict=True)]
    tiles = unclipped(np.stack(cut))
    noise = noise_of(tiles)
    places = dark_places(without_specks(tiles, noise), y, x, noise)
    if not len(places.level):
        return None
    return background_of(places, plane.shape, even=len(starts) < FEWEST)


def tiles_of(batches: Batches | ShelvedBatches, n: int, seed: int) -> Batch:
    """Draw n tiles or a few more, from everywhere alike.

    Raises
    ------
    ImageError
        The images have no room for a tile.
    """
    return _drawn(batches.evenly(EDGE, seed), n)


def _drawn(evenly: Batches, n: int) -> Batch:
    drawn: list[Batch] = []
    while sum(len(batch.channels) for batch in drawn) < n:
        look()
        drawn.append(evenly.draw())
    margin = (drawn[0].superposition.shape[-1] - evenly.patch_size) // 2
    inside = slice(margin, margin + evenly.patch_size)
    factors = [batch.factors for batch in drawn if batch.factors is not None]
    return Batch(
        torch.cat([batch.superposition for batch in drawn])[..., inside, inside],
        torch.cat([batch.channels for batch in drawn]),
        torch.cat(factors) if factors else None,
    )


def _in_the_middle(tiles: Batch, header: ModelHeader) -> Tensor:
    """Superpositions (N, 1, Y, X), normalized, with all structures as in the middle of the range.

    The gain of a recording is told by noise and contrast of one brightness, not of all.
    """
    if tiles.factors is None:
        return tiles.superposition
    channels = tiles.channels / tiles.factors
    weights = channels.new_tensor(header.mix.mean_weights(channels.shape[1]))
    mixed = torch.einsum("c,bcyx->byx", weights, channels)[:, None] + header.mix.offset
    n = header.normalization
    return (mixed - n.input_mean) / n.input_std
