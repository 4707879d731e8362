"""How much memory a job may take, and what it does when there is less than it thought."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, TypeVar

import psutil
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.nn.compute import Compute

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_denoisplit.settings import NetworkSettings, SplitSettings

E = TypeVar("E")
R = TypeVar("R")

SHARE_OF_FREE_MEMORY = 0.5

RAN_OUT = "Out of memory"
"""With this begins every note of a `Retreat`."""

# What torch and the libraries below it say; only torch.OutOfMemoryError has a type of its own.
OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "could not allocate",
    "bad_alloc",
    "ALLOC_FAILED",
    "could not create a primitive",  # oneDNN, whose convolutions found no memory
)


def free_memory(device: torch.device) -> float:
    """Bytes that are free on a device."""
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return float(psutil.virtual_memory().available)


def memory_for(settings: SplitSettings, device: torch.device) -> float:
    """Bytes that sampling may take on a device."""
    if settings.memory_gib is not None:
        return settings.memory_gib * 2**30
    return free_memory(device) * SHARE_OF_FREE_MEMORY


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)


class Retreat:
    """Tile size and device of a job: smaller tiles each time memory runs out, then the CPU.

    Parameters
    ----------
    compute
        Where the job begins.
    choose_tile
        Tile size for a device and precision; None is one tile for all.
    edge
        Edge of what one tile for all covers, pixels.
    network, overlap
        They bound the tile from below.
    """

    def __init__(
        self,
        compute: Compute,
        choose_tile: Callable[[Compute], int | None],
        *,
        edge: int,
        network: NetworkSettings,
        overlap: int,
    ) -> None:
        self.compute = compute
        self.tile_size = choose_tile(compute)
        self.notes: list[str] = []
        """What had to be given up, in sentences."""
        self._choose_tile, self._edge = choose_tile, edge
        self._multiple = int(2**network.n_levels)
        # As in `fitting_tile_size`: smaller tiles are all context.
        self._smallest = 2 * -(-overlap // self._multiple) * self._multiple + 4 * self._multiple

    def attempts(
        self, attempt: Callable[[], Generator[E, None, R]]
    ) -> Generator[E | Stage, None, R]:
        """Do something until memory suffices.

        Parameters
        ----------
        attempt
            Begins it, with the tile size and device that hold then.

        Yields
        ------
        What every attempt yields, and a Stage between two.

        Raises
        ------
        JobError
            Memory does not suffice even for the smallest tiles on the CPU.
        """
        while True:
            try:
                return (yield from attempt())
            except (MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                note = self._give_way(error)
            # Only here the error is gone, and with it the frames that hold the tensors.
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.notes.append(note)
            yield Stage(note)

    def _give_way(self, error: BaseException) -> str:
        """Take a smaller tile, or the CPU; say so."""
        before = self.tile_size or self._edge
        half = max(before // 2 // self._multiple * self._multiple, self._smallest)
        if half < before:
            self.tile_size = half
            return f"{RAN_OUT}: going on with tiles of {half} pixels"
        if self.compute.device.type == "cpu":
            raise JobError(
                f"Out of memory with the smallest tiles ({before} pixels): close other programs, "
                "use a smaller overlap, or a machine with more memory."
            ) from error
        given_up = self.compute.device.type
        self.compute = Compute.choose("cpu")
        self.tile_size = self._choose_tile(self.compute)
        return f"{RAN_OUT} on {given_up} with the smallest tiles: going on, slower, on the CPU"
