from __future__ import annotations

import pytest
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Progress, Stage, run
from napari_denoisplit.jobs.split.memory import MemoryFallback
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.settings import LadderSettings

CPU = Compute(torch.device("cpu"), torch.float32)
CUDA = Compute(torch.device("cuda"), torch.float32)
CPU_MESSAGE = (
    "[enforce fail at alloc_cpu.cpp:129] err == 0. DefaultCPUAllocator: can't allocate memory: you "
    "tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
)


def fallback(compute: Compute = CPU, tile: int | None = None) -> MemoryFallback:
    facts = facts_of(LadderSettings(n_levels=3), torch.float32)
    return MemoryFallback(compute, lambda _: tile, edge=1000, facts=facts, overlap=96)


def collected(job):
    events = []
    return run(job, events.append), events


def test_tiles_are_halved_until_memory_suffices():
    means, tried = fallback(), []

    def attempt():
        tried.append(means.tile_size)
        yield Progress(0.5, None, "")
        if means.tile_size is None or means.tile_size > 300:
            raise RuntimeError(CPU_MESSAGE)
        return "done"

    result, events = collected(means.attempts(attempt))
    assert result == "done"
    assert tried == [None, 496, 248]
    assert [e.text for e in events if isinstance(e, Stage)] == means.notes
    assert "tiles of 248 pixels" in means.notes[-1]


def test_after_the_smallest_tiles_a_gpu_gives_way_to_the_cpu():
    means, tried = fallback(CUDA, tile=512), []

    def attempt():
        tried.append((means.compute.device.type, means.tile_size))
        if means.compute.device.type == "cuda":
            raise torch.OutOfMemoryError("CUDA out of memory")
        return "done"
        yield

    result, events = collected(means.attempts(attempt))
    assert result == "done"
    assert tried == [("cuda", 512), ("cuda", 256), ("cuda", 224), ("cpu", 512)]
    assert "on the CPU" in events[-1].text


def test_too_little_memory_for_anything_is_said_with_the_way_out():
    def attempt():
        raise MemoryError
        yield

    with pytest.raises(JobError, match=r"smallest tiles \(224 pixels\): close other programs"):
        run(fallback().attempts(attempt))


def test_an_error_of_another_kind_is_raised_at_once():
    def attempt():
        tried.append(1)
        raise RuntimeError("expected 4D input")
        yield

    tried = []
    with pytest.raises(RuntimeError, match="4D"):
        run(fallback().attempts(attempt))
    assert len(tried) == 1
