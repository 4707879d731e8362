"""Fallback of a job when memory runs out: smaller tiles, then the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.nn.compute import Compute, give_memory_back, is_out_of_memory
from napari_denoisplit.sampling.cost import smallest_tile

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_denoisplit.nn.sampler import NetworkFacts

E = TypeVar("E")
R = TypeVar("R")

RAN_OUT = "Out of memory"
"""With this begins every note of a `MemoryFallback`."""


class MemoryFallback:
    """Tile size and device of a job: smaller tiles each time memory runs out, then the CPU.

    Parameters
    ----------
    compute
        Where the job begins.
    choose_tile
        Tile size for a device and precision; None is one tile for all.
    edge
        Edge of what one tile for all covers, pixels.
    facts, overlap
        They bound the tile from below.
    """

    def __init__(
        self,
        compute: Compute,
        choose_tile: Callable[[Compute], int | None],
        *,
        edge: int,
        facts: NetworkFacts,
        overlap: int,
    ) -> None:
        self.compute = compute
        self.tile_size = choose_tile(compute)
        self.notes: list[str] = []
        """What had to be given up, in sentences."""
        self._choose_tile, self._edge = choose_tile, edge
        self._multiple, self._smallest = facts.multiple, smallest_tile(facts, overlap)

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
            give_memory_back()
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
