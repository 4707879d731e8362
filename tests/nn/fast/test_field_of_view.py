"""How much of the top-down pass a part of its result needs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from napari_denoisplit.nn.fast.field_of_view import Window, needed_windows

SHAPES = [(512 >> size, 512 >> size) for size in range(5)]


def test_all_of_the_result_needs_everything():
    everything = Window.of_all((512, 512))
    assert needed_windows(everything, SHAPES, 1) == [Window.of_all(shape) for shape in SHAPES]


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_each_size_lies_within_the_doubled_one_above_it(n_blocks):
    windows = needed_windows(Window((100, 133), (470, 512)), SHAPES, n_blocks)
    for fine, coarse in pairwise(windows):
        for (first, last), (low, high) in zip(fine, coarse, strict=True):
            assert 2 * low <= first < last <= 2 * high


def test_the_work_grows_with_the_part_and_with_the_blocks():
    def work(part: Window, n_blocks: int = 1, n_final: int = 1) -> int:
        return sum(w.area for w in needed_windows(part, SHAPES, n_blocks, n_final))

    parts = [Window((256 - r, 256 + r), (256 - r, 256 + r)) for r in (16, 64, 160, 256)]
    areas = [work(part) for part in parts]
    assert areas == sorted(set(areas))
    assert work(parts[0], n_blocks=4) > areas[0]
    assert work(parts[0], n_final=5) > areas[0]
