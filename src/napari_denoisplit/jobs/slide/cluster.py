"""The blocks of a slide on the workers of a dask.distributed cluster.

Each task is the number of a block. Its worker reads the block from the image file, splits it, and
writes its files; nothing but the number and a short report travels. Blocks are files of their own,
and a block does not depend on who splits it, so workers may come, die and be replaced: dask gives
their blocks to others, and the result stays the same.
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit
from uuid import uuid4

import cloudpickle
import torch
from distributed import Client, KilledWorker, get_worker
from distributed.comm import parse_address, parse_host_port

from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.errors import DenoisplitError, JobError, message_of
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.jobs.slide.blocks import BlockWork, BlockWorkers
from napari_denoisplit.jobs.slide.plan import hash_of_model
from napari_denoisplit.jobs.slide.store import SlideStore
from napari_denoisplit.jobs.split.input import as_recorded
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.sampling.cost import memory_for

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import SplitSettings

SHARE_OF_LIMIT = 0.5
"""Of the memory that dask grants a worker; at 0.6 it begins to write to disk, at 0.95 to kill."""
MAX_ORDERS = 90_000
"""Bytes that each task carries; a longer description has pixels in it."""
RETRIES = 2
"""Of a block that fails with an error that is not ours, such as a disk that was away."""
POLL = 0.2
TIMEOUT = 20.0
"""Seconds to wait for the scheduler."""


@dataclass(frozen=True, slots=True, eq=False)
class _Orders:
    """What every worker needs to know."""

    model: Path
    image: Image | ImageFile
    settings: SplitSettings
    run: str = field(default_factory=lambda: uuid4().hex)
    """Tells runs apart: under the same names, files of the next may be others."""


@dataclass(frozen=True, slots=True)
class _Report:
    """What became of a block."""

    error: DenoisplitError | None = None
    """An error that another worker would meet, too."""
    notes: list[str] = field(default_factory=list)


class Cluster(BlockWorkers):
    """The workers of a cluster; made by `reach`.

    Parameters
    ----------
    client
        Connection, closed at the end.
    orders
        What every worker is told, pickled.
    compute, memory
        Device and precision of every worker, and the bytes that the smallest of them has.
    n_workers
        How many there are at the beginning.
    """

    def __init__(
        self, client: Any, orders: bytes, compute: Compute, memory: float, n_workers: int
    ) -> None:
        self.compute, self.memory = compute, memory
        self._client, self._orders, self._n_workers = client, orders, n_workers

    @classmethod
    def reach(
        cls,
        scheduler: str,
        model: Model | Path,
        image: Image | ImageFile,
        settings: SplitSettings,
        stop: threading.Event,
    ) -> Job[StatusEvent, Self]:
        """Connect to a cluster and wait for its first worker.

        Parameters
        ----------
        scheduler
            Address, e.g. 'tcp://node01:8786'.
        model, image
            Files that every worker can read, or an image that can be sent without its pixels.
        settings
            Samples, device and all the rest.
        stop
            When set, waiting ends.

        Yields
        ------
        Stage, Progress

        Raises
        ------
        JobError
            There is no scheduler, no worker came before the stop, the workers cannot compute what
            is asked for or do not agree, or the image lies in memory.
        """
        orders = _sealed(model, image, settings)
        client = _client_of(scheduler)
        with ExitStack() as unless_reached:
            unless_reached.callback(client.close)
            if not client.nthreads():
                yield Stage(f"Waiting for a worker of {scheduler}")
            while not client.nthreads():
                yield Progress(0.0, None, "waiting for a worker")
                if stop.wait(1.0):
                    raise JobError("It was stopped before a worker was there: nothing is begun.")
            facts = _facts_of_workers(client, settings)
            compute, memory = _common(facts)
            unless_reached.pop_all()
        return cls(client, orders, compute, memory, len(facts))

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def __str__(self) -> str:
        """Read e.g. '4 workers (cuda, bfloat16)'."""
        return f"{self._n_workers} worker{'' if self._n_workers == 1 else 's'} ({self.compute})"

    def split(
        self, store: SlideStore, missing: list[int], stop: threading.Event
    ) -> Generator[Stage | float, None, list[str]]:
        """Split blocks and write them; see `BlockWorkers`.

        After a stop, blocks that workers have begun are finished by them and count in the next run.
        """
        finished: SimpleQueue[Any] = SimpleQueue()
        futures = self._client.map(
            _do_block,
            missing,
            orders=self._orders,
            path=str(store.path.resolve()),
            pure=False,
            retries=RETRIES,
        )
        for future in futures:
            future.add_done_callback(finished.put)
        notes: list[str] = []
        try:
            done = 0
            while done < len(futures) and not stop.is_set():
                try:
                    future = finished.get(timeout=POLL)
                except Empty:
                    self._check_connection()
                    continue
                for note in _report_of(future).notes:
                    if note not in notes:
                        notes.append(note)
                        yield Stage(note)
                done += 1
                yield float(done)
        finally:
            if self._client.status == "running":
                self._client.cancel(futures)
        return notes

    def _check_connection(self) -> None:
        if self._client.status in ("closed", "closing"):
            raise JobError(
                "The connection to the scheduler is lost. What was written is kept: run the same "
                "again when the cluster is there."
            )


def _client_of(scheduler: str) -> Any:
    """Connect to a scheduler."""
    try:
        kind, place = parse_address(scheduler)
        if kind in ("tcp", "tls"):
            # Asked first: a client that was made with half an address waits for long to be closed.
            parse_host_port(place)
        return Client(scheduler, set_as_default=False, timeout=TIMEOUT)
    except (OSError, ValueError, TypeError) as error:  # the last: no certificate for TLS
        raise JobError(
            f"There is no scheduler at {scheduler!r} ({message_of(error)}): give the address "
            "that `dask scheduler` prints, e.g. tcp://node01:8786."
        ) from error


def _sealed(model: Model | Path, image: Image | ImageFile, settings: SplitSettings) -> bytes:
    """Pickle what workers need, so that dask sends it as it is."""
    path = model.path if isinstance(model, Model) else model
    if path is None:
        raise JobError("The workers of a cluster need the model as a file: save it first.")
    if isinstance(image, ImageFile):
        image = image.absolute()
    try:
        sealed: bytes = cloudpickle.dumps(_Orders(path.resolve(), image, settings))
    except (TypeError, ValueError, AttributeError) as error:
        raise JobError(
            f"The image cannot be sent to workers ({message_of(error)}): give it as a file that "
            "every worker can read (ImageFile)."
        ) from error
    if len(sealed) > MAX_ORDERS:
        raise JobError(
            f"The image takes {len(sealed) / 2**20:.1f} MiB in memory, which would go to every "
            "worker with every block: give it as a file that all of them can read (ImageFile)."
        )
    return sealed


def _facts_of_workers(client: Any, settings: SplitSettings) -> dict[str, tuple[Compute, float]]:
    """Device and memory of each worker by its address."""
    try:
        facts: dict[str, tuple[Compute, float]] = client.run(_facts, settings)
    except ImportError as error:
        raise JobError(
            f"The workers lack this program ({message_of(error)}): start them in an environment "
            "where the same version of napari-denoisplit is installed."
        ) from error
    hosts = Counter(urlsplit(address).hostname for address in facts)
    return {
        # The workers of a machine share its memory; each of its GPUs belongs to one of them.
        address: (
            compute,
            memory / hosts[urlsplit(address).hostname]
            if compute.device.type == "cpu" and settings.memory_gib is None
            else memory,
        )
        for address, (compute, memory) in facts.items()
    }


def _common(facts: dict[str, tuple[Compute, float]]) -> tuple[Compute, float]:
    """Return what all workers have; refuse those that would compute different numbers."""
    kinds = Counter(str(compute) for compute, _ in facts.values())
    if len(kinds) > 1:
        listing = ", ".join(f"{n} on {kind}" for kind, n in kinds.most_common())
        raise JobError(
            f"The workers differ ({listing}), and so would their blocks: choose a device and a "
            "precision that all of them have, e.g. --device cpu --precision float32."
        )
    computes, memories = zip(*facts.values(), strict=True)
    return computes[0], min(memories)


def _report_of(future: Any) -> _Report:
    """Outcome of a block; raises what went wrong."""
    if future.status == "cancelled":
        raise JobError(
            "The scheduler is gone, or has dropped a block. What was written is kept: run the same "
            "again to go on."
        )
    error = future.exception()
    if isinstance(error, KilledWorker):
        raise JobError(
            f"{error.allowed_failures + 1} workers died over one block, most likely for lack of "
            "memory: give each worker more, or start again with less (--memory-gib)."
        ) from error
    if error is not None:
        raise JobError(f"A worker failed: {message_of(error)}") from error
    report = cast("_Report", future.result())
    if report.error is not None:
        raise report.error
    return report


# What follows runs in the workers.

_ONE_AT_A_TIME = threading.Lock()
"""A worker with several threads gives them all to one block, as memory is planned for one."""
_NEVER = threading.Event()


def _facts(settings: SplitSettings, dask_worker: Any) -> tuple[Compute, float]:
    """Device and precision of this worker, and the bytes that it may take.

    dask fills in `dask_worker` by its name.
    """
    compute = Compute.choose(settings.device, settings.precision)
    memory = memory_for(settings, compute.device, blocks=True)
    limit = dask_worker.memory_manager.memory_limit
    if limit and compute.device.type == "cpu" and settings.memory_gib is None:
        memory = min(memory, SHARE_OF_LIMIT * limit)
    return compute, memory


def _do_block(number: int, orders: bytes, path: str) -> _Report:
    """Split one block and write it."""
    with _ONE_AT_A_TIME, keep_freed_memory():
        torch.set_num_threads(get_worker().state.nthreads)
        try:
            work = _work(orders, path)
        except DenoisplitError as error:
            return _Report(
                JobError(
                    f"The worker {get_worker().address} cannot begin: {error} (Model, image and "
                    "result must lie where every worker finds them under the same names.)"
                )
            )
        try:
            before = len(work.notes)
            for _ in work.steps(number, _NEVER):
                pass
        except DenoisplitError as error:
            return _Report(error)
        return _Report(notes=work.notes[before:])


@lru_cache(maxsize=1)
def _work(orders: bytes, path: str) -> BlockWork:
    """Load the model and open image and result, once for each run and worker."""
    known: _Orders = cloudpickle.loads(orders)
    image = known.image.open() if isinstance(known.image, ImageFile) else known.image
    model, settings = load_model(known.model), known.settings
    compute = Compute.choose(settings.device, settings.precision)
    store = SlideStore(Path(path))
    model, view = as_recorded(model, image, settings.acquisition)
    store.check({"model": hash_of_model(model), "computed_on": str(compute)})
    return BlockWork(model, view, store, settings, compute)
