"""Several processes that train one network, as torchrun starts them.

Each holds the whole network and draws the same patches, takes its part of every batch, and steps
along the mean of all gradients. The first leads: it alone validates, decides and writes. Torch
keeps the group of a process; without torchrun there is none, and nothing here does anything.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING

import torch
from torch import distributed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_denoisplit.jobs.learning.run import Run
    from napari_denoisplit.nn.objective import Batch


class Order(IntEnum):
    """What the process that leads tells the others to do next."""

    STEP = 0
    BEGIN_ANEW = 1
    END = 2


@contextmanager
def joined() -> Iterator[None]:
    """Join the other processes of torchrun, if it started this one."""
    if not distributed.is_available() or not distributed.is_torchelastic_launched():
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        distributed.init_process_group("cpu:gloo,cuda:nccl")
    else:
        distributed.init_process_group("gloo")
    try:
        yield
    finally:
        distributed.destroy_process_group()


def is_joined() -> bool:
    """Whether this process is one of a group."""
    return distributed.is_available() and distributed.is_initialized()


def number() -> int:
    """Return which process this is; 0 leads, as one does that is alone."""
    return distributed.get_rank() if is_joined() else 0


def count() -> int:
    """Return how many processes there are."""
    return distributed.get_world_size() if is_joined() else 1


def in_words() -> str:
    """Say how many processes there are; empty for one."""
    return f" in {count()} processes" if count() > 1 else ""


def own_part(batch: Batch) -> Batch:
    """Take the part of this process of a batch that all of them have drawn."""
    return list(batch.parts(count()))[number()]


def to_mean(*values: Tensor) -> None:
    """Replace tensors by their mean over all processes."""
    if is_joined():
        for value in values:
            distributed.all_reduce(value)
            value /= count()


def tell(order: Order, learning_rate: float = 0.0) -> None:
    """Tell all other processes what to do next."""
    if is_joined():
        distributed.broadcast(torch.tensor([order, learning_rate], dtype=torch.float64), src=0)


def follow(run: Run) -> None:
    """Do what the process that leads tells, until it tells the end.

    Parameters
    ----------
    run
        As that of the process that leads, but for the noise in its latents.
    """
    _draw_own_noise(run)
    while True:
        told = torch.empty(2, dtype=torch.float64)
        distributed.broadcast(told, src=0)
        match Order(int(told[0])):
            case Order.STEP:
                run.trainer.learning_rate = float(told[1])
                run.trainer.step()
            case Order.BEGIN_ANEW:
                run.begin_anew()
                _draw_own_noise(run)
            case Order.END:
                return


def _draw_own_noise(run: Run) -> None:
    """Draw other noise for the latents than the other processes do: the patches are others."""
    seed = hash((run.settings.seed, run.restarts, run.trainer.step_count, number()))
    torch.manual_seed(seed % 2**31)
