"""One module answers what decides tile size, batch and memory."""

from __future__ import annotations

import re

import pytest
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.memory import free_memory
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.cost import (
    block_tile,
    fitting_batch,
    fitting_tile,
    memory_for,
    memory_to_sample,
    overlap_of,
    smallest_tile,
)
from napari_denoisplit.settings import PRESETS, LadderSettings, SplitSettings

CPU = torch.device("cpu")
FAST = facts_of(PRESETS["fast"].network, torch.float32)
PAPER = facts_of(PRESETS["large"].network, torch.float32)


@pytest.mark.parametrize("preset", ["tiny", "fast", "large"])
def test_the_presets_have_the_context_that_was_measured_for_them(preset):
    facts = facts_of(PRESETS[preset].network, torch.float32)
    assert overlap_of(SplitSettings(), facts) == 96
    assert [facts.context(positions) for positions in (1, 2, 4)] == [16, 32, 64]


def test_a_network_that_looks_further_gets_more_context_and_a_small_one_less():
    overlaps = [
        overlap_of(SplitSettings(), facts_of(LadderSettings(n_levels=n), torch.float32))
        for n in (1, 2, 5, 6)
    ]
    assert overlaps == [20, 56, 192, 384]


def test_a_tile_that_is_all_context_is_refused():
    with pytest.raises(JobError, match="at least 208"):
        overlap_of(SplitSettings(tile_size=192), PAPER)
    assert overlap_of(SplitSettings(tile_size=208), PAPER) == 96


@pytest.mark.parametrize("preset", ["fast", "hdn"])
@pytest.mark.parametrize("overlap", [None, 40])
def test_the_tile_that_a_refusal_names_is_taken(preset, overlap):
    facts = facts_of(PRESETS[preset].network, torch.float32)
    with pytest.raises(JobError, match="at least") as refused:
        overlap_of(SplitSettings(overlap=overlap, tile_size=96), facts)
    least = int(re.findall(r"at least (\d+)", str(refused.value))[0])
    assert overlap_of(SplitSettings(overlap=overlap, tile_size=least), facts) * 2 < least


def test_tiles_are_cut_only_when_memory_asks_for_it():
    shape = (1000, 800)
    need = memory_to_sample(PAPER, shape, None)
    assert fitting_tile(PAPER, shape, 96, need) is None
    size = fitting_tile(PAPER, shape, 96, need / 2)
    assert size is not None
    assert size % 16 == 0
    assert memory_to_sample(PAPER, shape, size) <= need / 2


def test_the_smallest_tile_still_keeps_something():
    assert fitting_tile(PAPER, (4096, 4096), 96, memory=1) == smallest_tile(PAPER, 96) == 256


def test_small_planes_are_drawn_several_at_once_as_far_as_memory_allows():
    def batch(size: int, memory: float = 1e12) -> int:
        return fitting_batch(FAST, CPU, (size, size), memory)

    assert [batch(size) for size in (64, 128, 256, 4096)] == [16, 4, 1, 1]
    need = memory_to_sample(FAST, (64, 64), None)
    assert [batch(64, need * n) for n in (5, 0.5)] == [5, 1]


@pytest.mark.parametrize("gib", [0.3, 0.7, 1.5])
def test_tiles_of_a_block_are_even(gib):
    size = block_tile(PAPER, SplitSettings(), 1024, gib * 2**30)
    n = -(-1024 // (size - 192))
    assert 0 <= n * (size - 192) - 1024 < 16 * n
    assert size % 16 == 0


def test_a_block_that_fits_is_not_cut():
    assert block_tile(PAPER, SplitSettings(), 1024, 8 * 2**30) is None


def test_memory_is_what_was_asked_for_or_half_of_what_is_free(tight):
    tight(2**40)
    assert memory_for(SplitSettings(memory_gib=2), CPU) == 2 * 2**30
    assert memory_for(SplitSettings(), CPU) == free_memory() / 2
    assert memory_for(SplitSettings(), CPU, blocks=True) <= 1.5 * 2**30


def test_an_overlap_need_be_no_multiple_of_what_the_network_divides():
    assert overlap_of(SplitSettings(overlap=24, tile_size=80), PAPER) == 32
    with pytest.raises(JobError, match="at least 80"):
        overlap_of(SplitSettings(overlap=24, tile_size=64), PAPER)
