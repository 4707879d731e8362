"""Brightness of structures as an encoder sees it: learned after training, read from images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from pydantic import ValidationError

from napari_denoisplit.errors import ImageError
from napari_denoisplit.jobs.trust.likeness import figures_of, tiles_of
from napari_denoisplit.measures.brightness import KEY, TILES_PER_TERM, Brightness, terms_of
from napari_denoisplit.measures.trust.likeness import EDGE, at_least_noisy, noise_of
from napari_denoisplit.nn.families import facts_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
    from napari_denoisplit.nn.objective import Batch

MOST_TILES = 2048
ELSEWHERE = 0.4, 1.6
"""Factors of a model that was trained with one brightness: as far as a recording may differ."""
MOST_NOISE = 1.5
"""Variance of the noise of the tiles, in units of that of training superpositions; more for a model
of a noise range, as no noise can be taken out of a recording."""
_SEED = 20261129


def with_brightness(model: Model, batches: Batches | ShelvedBatches) -> Model:
    """Return a trained model that can tell how bright structures are in an image.

    Parameters
    ----------
    model
        On any device.
    batches
        What it was trained on.

    Returns
    -------
    The model unchanged where it has one structure or very many, or its images have no room for a
    tile or no noise in most of it.
    """
    header = model.header
    n_structures = len(header.channel_names)
    n_tiles = TILES_PER_TERM * terms_of(np.ones((1, n_structures))).shape[1]
    if (
        n_structures == 1
        or n_tiles > MOST_TILES
        or EDGE % facts_of(header.network, torch.float32).multiple
    ):
        return model
    try:
        tiles = tiles_of(batches, min(MOST_TILES, 8 * n_tiles), _SEED)
    except ImageError:
        return model
    within = header.mix.factors if header.mix.is_range else ELSEWHERE
    seen, factors, noise = _mixed_anew(tiles, header, within)
    if not noise > 0:
        return model
    figures = figures_of(model, seen)
    if not all(np.isfinite(level).all() for level in figures):
        return model  # it has diverged
    known = Brightness.of(figures, factors, within, noise)
    training = {**header.training, KEY: known.model_dump(mode="json")}
    return replace(model, header=header.model_copy(update={"training": training}))


def _mixed_anew(
    tiles: Batch, header: ModelHeader, within: tuple[float, float]
) -> tuple[torch.Tensor, NDArray[np.float64], float]:
    """Mix channels with factors of all sizes: normalized (N, 1, Y, X), factors (N, C), the noise.

    The noise of a mixed tile grows with its factors; that of a recording does not. So all have as
    much as the noisiest of them, and tell their factors by their structures alone; and factors that
    would make a tile far noisier than recordings are made smaller.
    """
    n = header.normalization
    channels = tiles.channels if tiles.factors is None else tiles.channels / tiles.factors
    channels = channels.cpu()
    count, n_structures = channels.shape[:2]
    factors = np.random.default_rng(_SEED).uniform(*within, (count, n_structures))
    weights = np.asarray(header.mix.mean_weights(n_structures)) / n.input_std
    noise = weights * [noise_of(channel) for channel in channels.transpose(0, 1).numpy()]
    variance = (noise**2).sum()
    most = max(MOST_NOISE, header.mix.noise_high**2) * variance
    found = ((factors * noise) ** 2).sum(axis=1, keepdims=True)
    factors *= np.sqrt(most / np.maximum(found, most)) if most > 0 else 1
    missing = most - ((factors * noise) ** 2).sum(axis=1)
    spread = np.sqrt(np.maximum(missing, 0)).astype(np.float32)[:, None, None, None]
    shares = torch.from_numpy((factors * weights).astype(np.float32))
    mixed = torch.einsum("nc,ncyx->nyx", shares, channels)[:, None]
    mixed += (header.mix.offset - n.input_mean) / n.input_std
    white = torch.randn(mixed.shape, generator=torch.Generator().manual_seed(_SEED))
    seen = mixed + torch.from_numpy(spread) * white
    return seen, factors, float(np.sqrt(most))


def brightness_of(header: ModelHeader) -> Brightness | None:
    """Return what a model knows of the brightness of structures, if its file says."""
    try:
        return Brightness.model_validate(header.training.get(KEY))
    except ValidationError:
        return None


def factors_of(model: Model, known: Brightness, windows: NDArray[np.float32]) -> tuple[float, ...]:
    """Estimate how bright structures are in a recording, beside the training superpositions.

    Parameters
    ----------
    model
        In evaluation mode, not told anything.
    known
        Of the model.
    windows
        Of the recording, (N, Y, X), normalized, without specks.
    """
    seen = torch.from_numpy(at_least_noisy(windows, known.noise))[:, None]
    return known.factors_of(figures_of(model, seen))
