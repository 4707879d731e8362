"""Blocks of a slide: read, split and written, in this process or by the workers of others."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from napari_denoisplit.events import Stage
from napari_denoisplit.jobs.split.memory import MemoryFallback
from napari_denoisplit.jobs.split.results import not_finite
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import facts_of, sampler_of
from napari_denoisplit.sampling.blocks import BlockSplit, block_steps
from napari_denoisplit.sampling.cost import block_tile, memory_for, overlap_of

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.slide.store import SlideStore
    from napari_denoisplit.sampling.blocks import Block, State
    from napari_denoisplit.settings import SplitSettings


class BlockWorkers(AbstractContextManager["BlockWorkers"]):
    """Who splits the blocks: this process, or the workers of a cluster."""

    compute: Compute
    """Device and precision."""
    memory: float
    """Bytes that a block may take."""

    @abstractmethod
    def split(
        self, store: SlideStore, missing: list[int], stop: threading.Event
    ) -> Generator[Stage | float, None, list[str]]:
        """Split blocks and write them.

        Parameters
        ----------
        store
            Where they go.
        missing
            Numbers of the blocks.
        stop
            When set, what has begun is put down for the next run or left to end by itself.

        Yields
        ------
        How many of the blocks are done, and what a user should know.

        Returns
        -------
        What a user should know before trusting the result.
        """


class OwnProcess(BlockWorkers):
    """Splits blocks here, one after the other.

    Parameters
    ----------
    model
        The model.
    view
        The superposition without a channel axis.
    settings
        Samples, device and all the rest.
    """

    def __init__(self, model: Model, view: Image, settings: SplitSettings) -> None:
        self.compute = Compute.choose(settings.device, settings.precision)
        self.memory = memory_for(settings, self.compute.device, blocks=True)
        self._model, self._view, self._settings = model, view, settings

    def __exit__(self, *error: object) -> None:
        pass

    def __str__(self) -> str:
        """Read e.g. 'cpu, float32'."""
        return str(self.compute)

    def split(
        self, store: SlideStore, missing: list[int], stop: threading.Event
    ) -> Generator[Stage | float, None, list[str]]:
        """Split blocks and write them; see `BlockWorkers`."""
        work = BlockWork(self._model, self._view, store, self._settings, self.compute)
        with keep_freed_memory():
            for done, number in enumerate(missing):
                steps = work.steps(number, stop)
                for step in steps:
                    yield step if isinstance(step, Stage) else done + step
                if stop.is_set():
                    break
        return work.notes


class BlockWork:
    """Splits blocks of one slide, one after the other.

    Parameters
    ----------
    model
        The model.
    view
        The superposition without a channel axis.
    store
        Where the results go.
    settings
        Samples, seed, overlap.
    compute
        Device and precision.
    """

    def __init__(
        self,
        model: Model,
        view: Image,
        store: SlideStore,
        settings: SplitSettings,
        compute: Compute,
    ) -> None:
        edge, tile_size = store.sizes
        self._model, self._view, self._store, self._settings = model, view, store, settings
        self._network_on = lru_cache(maxsize=1)(partial(sampler_of, model.network))
        network = model.header.network

        def choose_tile(chosen: Compute) -> int | None:
            """Tile of the plan where it was made; another device has its own."""
            if chosen == compute:
                return tile_size
            memory = memory_for(settings, chosen.device, blocks=True)
            return block_tile(facts_of(network, chosen.dtype), settings, edge, memory)

        facts = facts_of(network, compute.dtype)
        overlap = overlap_of(settings, facts)
        self._means = MemoryFallback(
            compute, choose_tile, edge=edge + 2 * overlap, facts=facts, overlap=overlap
        )

    @property
    def notes(self) -> list[str]:
        """What had to be given up for want of memory, and values that are no numbers."""
        return self._means.notes

    def steps(self, number: int, stop: threading.Event) -> Generator[Stage | float, None, bool]:
        """Split a block and write it.

        Parameters
        ----------
        number
            Of the block.
        stop
            When set, the samples so far are put down for the next run.

        Yields
        ------
        Share of the block that is done, and a Stage where memory ran out or a value is no number.

        Returns
        -------
        Whether the block is written.
        """
        block = self._store.block(number)
        split = yield from self._means.attempts(lambda: self._attempt(number, block, stop))
        if not isinstance(split, BlockSplit):
            if split is not None:
                self._store.put_down(number, split)
            return False
        self._store.write(number, split, self._model.header.calibration)
        bad = not_finite(split.mmse, split.spread if self._settings.n_samples > 1 else split.mmse)
        if bad is not None:
            note = f"{block}: {bad}"
            self.notes.append(note)
            yield Stage(note)
        return True

    def _attempt(
        self, number: int, block: Block, stop: threading.Event
    ) -> Generator[float, None, BlockSplit | State | None]:
        return block_steps(
            self._network_on(self._means.compute),
            self._model.header.normalization,
            self._view,
            block,
            self._settings,
            tile_size=self._means.tile_size,
            begun=self._store.begun(number),
            stop=stop,
        )
