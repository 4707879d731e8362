from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.partition import partition, window_sums

FRACTIONS = {"patch_size": 32, "validation_fraction": 0.1, "test_fraction": 0.1}


def fields(rng, n: int, shape=(160, 240)) -> list[np.ndarray]:
    return [rng.normal(size=(2, *shape)).astype(np.float32) for _ in range(n)]


@settings(max_examples=12, deadline=None)
@given(
    n=st.integers(1, 12),
    height=st.integers(128, 220),
    width=st.integers(128, 220),
    seed=st.integers(0),
)
def test_training_validation_and_test_share_no_pixel(n, height, width, seed):
    images = fields(np.random.default_rng(seed), n, (height, width))
    parts = partition(images, **FRACTIONS)
    seen = [m.astype(int) for m in parts.train]
    for region in (*parts.validation, *parts.test):
        seen[region.field][region.y0 : region.y1, region.x0 : region.x1] += 1
    assert max(s.max() for s in seen) == 1


@pytest.mark.parametrize("n", [1, 3, 10, 25])
def test_about_a_tenth_is_kept_for_each(rng, n):
    images = fields(rng, n)
    parts = partition(images, **FRACTIONS)
    total = sum(i[0].size for i in images)
    for regions in (parts.validation, parts.test):
        share = sum(r.of(images)[0].size for r in regions) / total
        assert 0.06 < share < 0.15


def test_few_fields_give_a_block_each_and_many_give_whole_fields(rng):
    few, many = (partition(fields(rng, n), **FRACTIONS) for n in (3, 10))
    assert [r.field for r in few.validation] == [0, 1, 2]
    assert [(r.field, r.y1, r.x1) for r in many.validation] == [(1, 160, 240)]


@pytest.mark.parametrize(
    ("n", "validation", "test"),
    [
        (10, [0], [1]),
        (15, [0, 2], [1]),
        (25, [0, 1, 4], [2, 3]),
        (40, [0, 1, 2, 7], [3, 4, 5, 6]),
        (55, [0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10]),
    ],
)
def test_validation_and_test_take_turns_as_published(rng, n, validation, test):
    parts = partition(fields(rng, n, (32, 32)), **FRACTIONS, alternate=True)
    assert [r.field for r in parts.validation] == validation
    assert [r.field for r in parts.test] == test
    trained = [i for i, mask in enumerate(parts.train) if mask.any()]
    assert trained == list(range(len(validation) + len(test), n))


def test_repeats_of_a_place_take_their_turn_together(rng):
    parts = partition(fields(rng, 20, (32, 32)), **FRACTIONS, alternate=True, repeats=2)
    assert [r.field for r in parts.validation] == [0, 1]
    assert [r.field for r in parts.test] == [2, 3]


def test_masked_pixels_are_never_used(rng):
    images = fields(rng, 1)
    mask = np.ones((160, 240), bool)
    mask[40:90, 100:200] = False
    parts = partition(images, masks=[mask], **FRACTIONS)
    assert not parts.train[0][~mask].any()
    for region in (*parts.validation, *parts.test):
        assert region.of([mask]).all()


def test_no_test_part_leaves_more_to_train(rng):
    parts = partition(fields(rng, 1), patch_size=32, validation_fraction=0.1, test_fraction=0)
    assert parts.test == ()


def test_the_validation_block_shows_structure_where_most_of_the_field_is_empty(rng):
    image = rng.normal(size=(1, 320, 320)).astype(np.float32)
    image[:, :, 160:] += 30 * rng.normal(size=(1, 320, 160)).astype(np.float32)
    (block,) = partition([image, image][:1], **FRACTIONS).validation
    assert block.x1 > 160


def test_a_field_without_room_is_refused_with_sizes(rng):
    with pytest.raises(ImageError, match=r"40x40.*32x32"):
        partition(fields(rng, 1, (40, 40)), **FRACTIONS)


def test_window_sums_are_sums_over_windows(rng):
    values = rng.normal(size=(20, 30))
    expected = np.lib.stride_tricks.sliding_window_view(values, (7, 7)).sum(axis=(2, 3))
    np.testing.assert_allclose(window_sums(values, 7), expected)


@pytest.mark.parametrize("n_places", [1, 12])
def test_no_place_is_learned_in_one_repeat_and_tested_in_another(rng, n_places):
    parts = partition(fields(rng, 3 * n_places), repeats=3, **FRACTIONS)
    for first in range(0, 3 * n_places, 3):
        a, *others = parts.train[first : first + 3]
        assert all((a == b).all() for b in others)
    for region in (*parts.validation, *parts.test):
        assert not region.of(parts.train).any()


@pytest.mark.parametrize("scale", [2.0**-70, 2.0**-23, 2.0**70])
def test_the_partition_does_not_depend_on_the_unit_of_the_grey_levels(rng, scale):
    images = fields(rng, 2)
    for image in images:
        image[:, 40:90, 60:150] *= 9
    scaled = [image * np.float32(scale) for image in images]
    one, other = (partition(given, **FRACTIONS) for given in (images, scaled))
    assert (one.validation, one.test) == (other.validation, other.test)
