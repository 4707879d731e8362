"""The part of a plane of samples that a screen needs, at the resolution that it needs."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from napari_denoisplit.images.results.levels import SplitLevels, Window, with_coarser
from napari_denoisplit.images.results.split import Split

EDGE = 4096


class Disk:
    """Samples whose pixels are their place, and that count what is read."""

    def __init__(self, shape):
        self.shape, self.dtype, self.ndim, self.read = shape, np.dtype("f4"), len(shape), 0

    def __getitem__(self, index):
        y, x = np.arange(self.shape[-2])[index[-2]], np.arange(self.shape[-1])[index[-1]]
        part = y[:, None] * 10_000.0 + x
        self.read += part.size
        return part.astype("f4")


@pytest.fixture
def levels():
    fine = Split("YX", ("a",), sample_arrays=(Disk((3, EDGE, EDGE)),), pixel_size={"X": 0.5})
    halves = [(Disk((3, EDGE >> n, EDGE >> n)),) for n in range(4)]
    return SplitLevels(with_coarser(fine, {"sample_arrays": halves}))


def test_all_of_a_plane_is_read_coarsely_and_a_detail_finely(levels):
    whole = levels.window((0, EDGE), (0, EDGE), zoom=600 / EDGE)
    assert (whole.level, whole.y) == (3, (0, EDGE >> 3))
    detail = levels.window((1000, 1600), (2000, 2600), zoom=1.0)
    assert detail.level == 0
    levels.read_sample(1, (), detail)
    assert levels.splits[0].sample_arrays[0].read < 2 * 600 * 600
    assert levels.splits[3].pixel_size == {"X": 4.0}


@pytest.mark.parametrize("zoom", [0.01, 0.05, 0.2, 0.5, 1, 3, 40])
def test_what_is_on_screen_is_sharp_and_fits_into_memory(levels, zoom):
    span = round(EDGE / 2 - 400 / zoom), round(EDGE / 2 + 400 / zoom)
    window = levels.window(span, span, zoom)
    assert levels.shows(window, span, span)
    assert window.n_pixels < 2**21
    assert levels.steps[window.level][0] * zoom <= 1.2 or window.level == 0


def test_small_movements_need_nothing_new(levels):
    first = levels.window((1000, 1600), (1000, 1600), zoom=1.0)
    assert levels.window((1050, 1650), (950, 1550), 1.0, first) is first
    assert levels.window((1500, 2100), (1000, 1600), 1.0, first) != first


def test_levels_that_are_not_stored_are_thought_out():
    data = np.arange(2 * 2500 * 3000, dtype="f4").reshape(2, 2500, 3000)
    levels = SplitLevels(Split("YX", ("a",), sample_arrays=(data,)))
    assert [one.plane_shape for one in levels.splits] == [(2500, 3000), (1250, 1500), (625, 750)]
    assert levels.overview is None  # all of it would have to be read
    (part,) = levels.read_sample(1, (), Window(2, (3, 5), (0, 750)))
    assert_array_equal(part, data[1, 12:20:4, ::4])


def test_small_planes_are_looked_at_as_a_whole():
    assert not SplitLevels(Split("YX", ("a",), sample_arrays=(np.zeros((2, 99, 99)),))).is_large


def test_a_part_is_cut_at_its_own_or_at_full_resolution():
    data = np.random.default_rng(0).normal(size=(2, 2500, 3000)).astype("f4")
    levels = SplitLevels(
        Split("YX", ("a",), sample_arrays=(data,), mmse_arrays=(data.mean(axis=0),))
    )
    window = Window(2, (10, 625), (5, 6))
    assert_allclose(levels.cut(window).sample_arrays[0], data[:, 40::4, 20:24:4])
    full = levels.cut(window, full=True)
    assert_allclose(full.sample_arrays[0], data[:, 40:, 20:24])
    assert full.mmse_arrays[0].shape == (2460, 4)


def test_levels_end_where_one_is_of_another_kind():
    stack = Split(
        "ZYX", ("a",), sample_arrays=(np.zeros((3, 2, 8, 8)),), mmse_arrays=(np.zeros((2, 8, 8)),)
    )
    samples, mmse = stack.sample_arrays, stack.mmse_arrays
    flat = [samples, (np.zeros((3, 1, 4, 4)),)], [mmse, (np.zeros((1, 4, 4)),)]
    good = [samples, (np.zeros((3, 2, 4, 4)),)], [mmse, (np.zeros((2, 4, 4)),)]
    for each, n_levels in ((flat, 0), ((good[0], [mmse]), 0), (good, 1)):
        levels = dict(zip(("sample_arrays", "mmse_arrays"), each, strict=True))
        assert len(with_coarser(stack, levels).coarser) == n_levels
