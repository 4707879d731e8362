"""Tile size, batch and memory of sampling: the one answer to each.

Letters: Y, X pixels of what is read, context included.
"""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING

import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.memory import free_memory, room_for
from napari_denoisplit.sampling.border import round_up

if TYPE_CHECKING:
    from napari_denoisplit.nn.sampler import NetworkFacts
    from napari_denoisplit.settings import SplitSettings

OVERLAP = 6
"""Positions of the coarsest level, 96 pixels of the presets: with so much context tiles differ from
the whole plane by a hundred-thousandth of sigma (docs/study_speed.md)."""
MOST_ON_CPU = 1.5 * 2**30
"""Bytes beyond which larger tiles make a CPU hardly faster, where a result goes to disk."""
AT_ONCE = 2**16
"""Pixels that a processor has enough to do with: beyond, larger batches are hardly faster."""
AT_ONCE_GPU = 2**20
EDGE_ON_CPU = 1024
EDGE_ON_GPU = 2048
"""Edges of a block: large enough for its context to cost little, small enough to lose little."""
IMAGES_IN_WORK = 6
"""Images of a plane beside its running moments, measured: what is read of it, the sample that is
drawn, its difference to the mean, and the copies of sample, MMSE and sigma that are shown."""


def memory_for(settings: SplitSettings, device: torch.device, *, blocks: bool = False) -> float:
    """Bytes that sampling may take on a device; `blocks` where it goes to disk block by block."""
    if settings.memory_gib is not None:
        return settings.memory_gib * 2**30
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_memory()
    memory = room_for("sampling", free)
    return min(memory, MOST_ON_CPU) if blocks and device.type == "cpu" else memory


def overlap_of(settings: SplitSettings, facts: NetworkFacts) -> int:
    """Pixels of context on each side, a multiple of what the network divides.

    Raises
    ------
    JobError
        Tiles of the size in the settings are all context.
    """
    chosen = facts.context(OVERLAP) if settings.overlap is None else settings.overlap
    overlap = round_up(chosen, facts.multiple)
    least = 2 * overlap + facts.multiple
    if settings.tile_size is not None and settings.tile_size < least:
        raise JobError(
            f"A tile of {settings.tile_size} pixels keeps nothing within an overlap of {overlap} "
            f"on each side: use a tile of at least {least}."
        )
    return overlap


def smallest_tile(facts: NetworkFacts, overlap: int) -> int:
    """Edge of the smallest tile that is worth its context, pixels."""
    return 2 * round_up(overlap, facts.multiple) + 4 * facts.multiple


def memory_to_sample(facts: NetworkFacts, shape: tuple[int, int], tile_size: int | None) -> float:
    """Bytes that sampling takes at most in tiles; None is one tile for all (Y, X).

    Where the plane is cut, what is kept of the whole plane lies beside the tile.
    """
    height, width = shape
    if tile_size is None or tile_size >= max(shape):
        return facts.working_bytes * height * width
    tile = min(tile_size, height) * min(tile_size, width)
    return facts.working_bytes * tile + facts.kept_bytes * height * width


def fitting_tile(
    facts: NetworkFacts, shape: tuple[int, int], overlap: int, memory: float
) -> int | None:
    """Edge of the largest tile for which `memory` bytes suffice; None where (Y, X) fits whole.

    Never below `smallest_tile`.
    """
    height, width = shape
    if memory_to_sample(facts, shape, None) <= memory:
        return None
    left = max(0.0, memory - facts.kept_bytes * height * width)
    edge = int((left / facts.working_bytes) ** 0.5) // facts.multiple * facts.multiple
    return max(edge, smallest_tile(facts, overlap))


def fitting_batch(
    facts: NetworkFacts, device: torch.device, shape: tuple[int, int], memory: float
) -> int:
    """Choose how many samples to draw at once: several of a plane too small to use the machine.

    Of the preset 'fast' in bfloat16 a sample takes 8.9 ms alone and 5.6 ms among sixteen at 64 x 64
    pixels, 16.7 and 13.7 among four at 128 x 128, and 47 and 45 at 256 x 256.
    """
    at_once = AT_ONCE if device.type == "cpu" else AT_ONCE_GPU
    pixels = min(at_once, memory / facts.working_bytes)
    return max(1, int(pixels / (shape[0] * shape[1])))


def block_sizes(
    facts: NetworkFacts, settings: SplitSettings, device: torch.device, memory: float
) -> tuple[int, int | None]:
    """Choose the edges of a block and of the tiles within it; None is one tile."""
    edge = settings.block_size or (EDGE_ON_CPU if device.type == "cpu" else EDGE_ON_GPU)
    edge = round_up(edge, lcm(64, facts.multiple))
    return edge, block_tile(facts, settings, edge, memory)


def block_tile(
    facts: NetworkFacts, settings: SplitSettings, edge: int, memory: float
) -> int | None:
    """Edge of the tiles within a block of this edge; None is one tile.

    All are made equally large: a rest of a few columns would cost its context.
    """
    if settings.tile_size is not None:
        return settings.tile_size
    multiple, overlap = facts.multiple, overlap_of(settings, facts)
    read = edge + 2 * overlap
    left = max(0.0, memory - _results_of_block(facts, settings, edge))
    fitting = fitting_tile(facts, (read, read), overlap, left)
    if fitting is None or fitting >= read:
        return None
    n = -(-edge // max(multiple, fitting - 2 * overlap))
    return round_up(-(-edge // n), multiple) + 2 * overlap


def memory_of_block(
    facts: NetworkFacts, settings: SplitSettings, edge: int, tile_size: int | None
) -> float:
    """Bytes that splitting a block takes at most, results included."""
    read = edge + 2 * overlap_of(settings, facts)
    return memory_to_sample(facts, (read, read), tile_size) + _results_of_block(
        facts, settings, edge
    )


def _results_of_block(facts: NetworkFacts, settings: SplitSettings, edge: int) -> float:
    """Bytes of the input, a sample, the moments, what is kept, and a copy while it is written."""
    kept = min(settings.keep_samples, settings.n_samples)
    read = edge + 2 * overlap_of(settings, facts)
    images = kept + (6 if settings.antithetic else 4)
    return 4.0 * ((2 + facts.n_channels) * read**2 + images * facts.n_channels * edge**2)


def bytes_in_work(shape: tuple[int, ...], settings: SplitSettings) -> float:
    """Bytes beside results and network that the plane takes whose samples are drawn.

    Parameters
    ----------
    shape
        Of the results, (C, ..., Y, X).
    settings
        Mirrored noise takes more moments.
    """
    n_moments = 4 if settings.antithetic else 2
    return 4.0 * (n_moments + IMAGES_IN_WORK) * shape[0] * shape[-2] * shape[-1]
