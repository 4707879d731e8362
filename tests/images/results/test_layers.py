"""What the layers of a result show, and how."""

from __future__ import annotations

import pytest
from tests.results import NAMES, stack_of_samples

from napari_denoisplit.images.layer_record import MMSE, SAMPLES, SIGMA
from napari_denoisplit.images.results.layers import layers_of, levels_of
from napari_denoisplit.images.results.split import Split


@pytest.fixture
def split(rng):
    return stack_of_samples(rng)


def test_levels_have_the_axes_of_the_viewer_and_sigma_only_where_it_is_known(split):
    levels = levels_of(split, "YZX")
    assert levels[0, MMSE].arrays[0].shape == (16, 3, 20)
    assert levels[1, SAMPLES].arrays[0].shape == (4, 16, 3, 20)
    alone = Split("ZYX", NAMES, mmse_arrays=split.mmse_arrays)
    assert (0, SIGMA) not in levels_of(alone, "ZYX")


def test_the_mmse_is_visible_first_and_samples_where_there_is_none(split):
    def visible(one):
        return {key for key, _, look in layers_of(one, levels_of(one, one.axes)) if look["visible"]}

    assert visible(split) == {(0, MMSE), (1, MMSE)}
    alone = Split("ZYX", NAMES, sample_arrays=split.sample_arrays)
    assert visible(alone) == {(0, SAMPLES), (1, SAMPLES)}
