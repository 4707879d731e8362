"""Patches of images that memory does not hold: one shelf of them is read while another is used."""

from __future__ import annotations

from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Generic, TypeVar

import torch

from napari_denoisplit.events import Progress
from napari_denoisplit.jobs.learning.batches import steps_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from napari_denoisplit.events import Job
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.partition import Partition
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.images.training.shelves import Shelves
    from napari_denoisplit.jobs.learning.batches import Batches
    from napari_denoisplit.nn.objective import Batch

    Fields = TrainingFields | SeparateFields

T = TypeVar("T")
VISITS = 2
"""Times that the pixels of a shelf are seen before it is exchanged: half as much is read as is
learned from, which a disk and one core keep up with."""
SECONDS_BETWEEN_LOOKS = 0.3


class Reading(Generic[T]):
    """Something that is read in the background, region by region.

    Parameters
    ----------
    read
        Calls what it is given before each region.
    """

    def __init__(self, read: Callable[[Callable[[], None]], T]) -> None:
        self.n_read = 0
        self._is_ended = False
        pool = ThreadPoolExecutor(1)
        self._future = pool.submit(read, self._count)
        pool.shutdown(wait=False)  # its thread ends with the work

    def _count(self) -> None:
        if self._is_ended:
            raise CancelledError
        self.n_read += 1

    def is_done(self, seconds: float) -> bool:
        """Wait so long at most, and say whether the result is there."""
        return bool(wait([self._future], seconds).done)

    def result(self) -> T:
        """Wait for what was read; what went wrong is raised here."""
        return self._future.result()

    def end(self) -> None:
        """Read no further region."""
        self._is_ended = True


def begin_job(shelves: Shelves) -> Job[Progress, tuple[Fields, Partition]]:
    """Read what a training begins with; see `Shelves.beginning`."""
    reading = Reading(shelves.beginning)
    try:
        while not reading.is_done(SECONDS_BETWEEN_LOOKS):
            yield Progress(0.0, None, f"{reading.n_read:,} regions read")
        return reading.result()
    finally:
        reading.end()


class ShelvedBatches:
    """Takes the place of `Batches` where these can be had of one shelf at a time.

    Which shelf is used when depends on the number of batches drawn alone, and not on how long
    reading takes: a slow disk is waited for. So a training can be repeated and resumed.

    Parameters
    ----------
    first
        Batches of the first shelf.
    shelves
        All of them.
    make
        Makes batches of the fields of a shelf.
    """

    def __init__(self, first: Batches, shelves: Shelves, make: Callable[[Fields], Batches]) -> None:
        self._now, self._shelves, self._make = first, shelves, make
        seen = first.batch_size * first.patch_size**2
        self._visits = VISITS * shelves.n_pixels / seen  # batches in which all shelves are used
        self._number, self._left = 0, self._draws_of(0)
        self._next = self._reading(1)

    def draw(self) -> Batch:
        """Draw the next batch."""
        if not self._left:
            self._take(self._number + 1, self._next.result())
        self._left -= 1
        return self._now.draw()

    def evenly(self, patch_size: int, seed: int) -> Batches:
        """Return batches of the shelf that is in use; see `Batches.evenly`."""
        return self._now.evenly(patch_size, seed)

    @property
    def patch_size(self) -> int:
        """Edge of a patch, pixels."""
        return self._now.patch_size

    @property
    def n_places(self) -> int:
        """Number of places that a patch may come from, on all shelves."""
        return self._shelves.n_places

    @property
    def steps_per_epoch(self) -> int:
        """As of `Batches`."""
        return steps_of(self._shelves.n_pixels, self._now)

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed run needs to draw the same patches."""
        shelf = [self._number, self._left, self._shelves.n_bytes]
        return self._now.state() | {"shelf": torch.tensor(shelf)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`; its shelf is read again."""
        number, left, _ = state["shelf"].tolist()
        if number != self._number:
            self._next.end()
            self._take(number, self._reading(number).result())
        self._left = left
        self._now.restore(state)

    def close(self) -> None:
        """Read no further shelf."""
        self._next.end()

    def _take(self, number: int, batches: Batches) -> None:
        """Use another shelf; that which was used is gone before the next is read."""
        batches.rng = self._now.rng
        self._number, self._now, self._left = number, batches, self._draws_of(number)
        self._next = self._reading(number + 1)

    def _reading(self, number: int) -> Reading[Batches]:
        return Reading(lambda on_read: self._make(self._shelves.read(number, on_read)))

    def _draws_of(self, number: int) -> int:
        return max(1, round(self._visits * self._shelves.share(number)))
