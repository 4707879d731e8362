"""A block of a plane, split alone: what the whole plane would have given there.

A block is read with the context around it, encoded once, and sampled with the latent noise of its
place in the plane. So it depends neither on the other blocks nor on the order or the machine, and
on its own size only as far as the context is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import ImageError
from napari_denoisplit.giving_up import finished
from napari_denoisplit.sampling.border import read_bordered
from napari_denoisplit.sampling.cost import overlap_of
from napari_denoisplit.sampling.frame import Frame
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Mapping

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.sampler import Sampler
    from napari_denoisplit.settings import SplitSettings


@dataclass(frozen=True, slots=True)
class Block:
    """A part of one plane, as half-open ranges of pixels."""

    plane: tuple[int, ...]
    """Index over the axes before Y and X; () for a single plane."""
    y: tuple[int, int]
    x: tuple[int, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.y[1] - self.y[0], self.x[1] - self.x[0]

    def __str__(self) -> str:
        """Read e.g. 'rows 0 to 1024, columns 1024 to 2000 of plane (3,)'."""
        place = f"rows {self.y[0]} to {self.y[1]}, columns {self.x[0]} to {self.x[1]}"
        return f"{place} of plane {self.plane}" if self.plane else place


@dataclass(frozen=True, slots=True, eq=False)
class BlockSplit:
    """What the samples of a block come to, image units, float32."""

    mmse: NDArray[np.float32]
    """(C, Y, X)"""
    spread: NDArray[np.float32]
    """(C, Y, X), standard deviation of the samples, not calibrated."""
    samples: NDArray[np.float32]
    """(K, C, Y, X), those that were asked for."""


State = dict[str, torch.Tensor]
"""The samples so far of a block that was stopped: its moments, and the `samples` that are kept."""


def block_steps(
    network: Sampler,
    normalization: Normalization,
    image: Image,
    block: Block,
    settings: SplitSettings,
    *,
    tile_size: int | None = None,
    begun: Mapping[str, torch.Tensor] | None = None,
    stop: threading.Event,
) -> Generator[float, None, BlockSplit | State | None]:
    """Split one block.

    Parameters
    ----------
    network
        Folded for the device and precision of choice.
    normalization
        Statistics of the model.
    image
        The superposition without a channel axis, (..., Y, X); only the block and its context are
        read.
    block
        What to split.
    settings
        Samples, seed and overlap; the context on each side is the overlap.
    tile_size
        Edge of the tiles within the block, context included; None is one tile.
    begun
        What an earlier call returned after a stop: sampling goes on behind it.
    stop
        When set, the tile under way is given up, and sampling ends.

    Yields
    ------
    Share of the block that is done, 0 to 1.

    Returns
    -------
    What was found; after a stop the samples so far, None where there is none.

    Raises
    ------
    ImageError
        A pixel of the block or its context is not finite, or `begun` is of other samples.
    """
    multiple = network.facts.multiple
    context = overlap_of(settings, network.facts)
    height, width = image.shape[-2:]
    frame = Frame.around(block.y, block.x, (height, width), context, multiple)
    posterior = Posterior(
        network,
        normalization,
        read_bordered(image, block.plane, frame.rows, frame.columns, multiple, str(block)),
        tile_size=_even_tile_size(frame.rows, frame.columns, tile_size, context, multiple),
        overlap=context,
        seed=settings.seed,
        plane_index=int(np.ravel_multi_index(block.plane, image.shape[:-2])) if block.plane else 0,
        antithetic=settings.antithetic,
        eightfold=settings.eightfold,
        origin=frame.origin,
    )
    for tile in posterior.tiles:
        if not finished(stop, posterior.encode, tile):
            return None
    tiles = frame.tiles(tile_size, context, multiple)
    sample = posterior.empty_sample()
    inside = frame.cropped(sample)
    moments = Moments(tuple(inside.shape), sample.device, antithetic=settings.antithetic)
    n_kept = min(settings.keep_samples, settings.n_samples)
    samples = np.empty((n_kept, *inside.shape), np.float32)
    if begun is not None:
        try:
            moments.go_on_from({name: begun[name] for name in begun.keys() - {"samples"}})
            samples[: moments.n] = begun["samples"].numpy()
        except (KeyError, ValueError) as error:
            raise ImageError(
                f"{block}: the samples that an earlier run left do not fit this one. Begin the "
                "result anew, or choose another name."
            ) from error
    for k in range(moments.n, settings.n_samples):
        for i, tile in enumerate(tiles):
            if not finished(stop, posterior.draw, k, tile, sample):
                kept = {"samples": torch.from_numpy(samples[:k])}
                return {**moments.state, **kept} if k else None
            yield (k + (i + 1) / len(tiles)) / settings.n_samples
        moments.add(inside)
        if k < n_kept:
            samples[k] = inside.cpu().numpy()
    return BlockSplit(moments.mean.cpu().numpy(), moments.std.cpu().numpy(), samples)


def _even_tile_size(
    rows: tuple[int, int],
    columns: tuple[int, int],
    tile_size: int | None,
    context: int,
    multiple: int,
) -> int | None:
    """Tile in which to encode what was read: no larger than `tile_size`, and without small rests.

    Tiles of many sizes would leave holes in memory that later ones do not fill.
    """
    read = max(rows[1] - rows[0], columns[1] - columns[0])
    if tile_size is None or tile_size >= read:
        return None
    for n in range(2, read // multiple):
        inner = -(-read // n // multiple) * multiple
        # The outermost tiles have context on one side only.
        if inner + context * (1 if n == 2 else 2) <= tile_size:
            return inner + 2 * context
    return tile_size
