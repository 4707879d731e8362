from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.separate import SeparateFields
from napari_denoisplit.images.training.shelves import EDGE, Shelves

HOW = {"patch_size": 8, "validation_fraction": 0.1, "test_fraction": 0.1, "seed": 0}
REGION = 8 * 2 * 16 * 16
"""Bytes of a region in a training: two channels of 16 x 16 pixels."""


def stack(n: int, *, repeats: int = 1) -> TrainingFields:
    """Fields of one level each, their number, in two channels."""
    levels = np.repeat(np.arange(n, dtype=np.float32), 2).reshape(n, 2, 1, 1)
    return TrainingFields(
        tuple(levels * np.ones((16, 16), np.float32)), ("a", "b"), repeats=repeats
    )


def numbers(fields: TrainingFields) -> list[int]:
    return [int(field[0, 0, 0]) for field in fields.fields]


def read(shelves: Shelves, number: int) -> TrainingFields:
    return shelves.read(number, lambda: None)


def test_every_training_field_comes_as_often_as_any_other():
    shelves = Shelves(stack(50), **HOW, n_bytes=7 * REGION)
    seen = Counter(number for k in range(40) for number in numbers(read(shelves, k)))
    assert set(seen) == set(range(10, 50))
    assert set(seen.values()) == {7}


def test_no_kept_field_is_trained_on_and_those_of_validation_are_told():
    shelves = Shelves(stack(50), **HOW, n_bytes=7 * REGION)
    assert [r.field for r in shelves.aside.test] == [0, 1, 2, 3, 4]
    assert [r.field for r in shelves.aside.validation] == [5, 6, 7, 8, 9]
    fields, parts = shelves.beginning(lambda: None)
    assert numbers(fields)[:5] == [fields_.field for fields_ in shelves.aside.validation]
    assert numbers(fields)[5:] == numbers(read(shelves, 0))
    assert [mask.all() for mask in parts.train] == [False] * 5 + [True] * 7
    assert [r.field for r in parts.validation] == [0, 1, 2, 3, 4]


def test_what_is_kept_may_be_for_validation_and_test_in_turns():
    aside = Shelves(stack(50), **HOW, alternate=True, n_bytes=7 * REGION).aside
    assert [r.field for r in aside.validation] == [0, 1, 2, 6, 7, 8]
    assert [r.field for r in aside.test] == [3, 4, 5, 9]


def test_regions_of_a_large_field_fill_it_and_share_no_pixel():
    size = (2 * EDGE + 9, EDGE - 1)
    whole = np.arange(size[0] * size[1], dtype=np.float32).reshape(1, *size)
    how = HOW | {"test_fraction": 0}
    shelves = Shelves(TrainingFields((whole,), ("a",)), **how, n_bytes=10**9)
    fields, _ = shelves.beginning(lambda: None)
    assert max(field.shape[1] for field in fields.fields) <= EDGE
    pixels = np.concatenate([field.ravel() for field in fields.fields])
    np.testing.assert_array_equal(np.sort(pixels), whole.ravel())


def test_exposures_of_one_place_stay_together():
    shelves = Shelves(stack(60, repeats=3), **HOW, n_bytes=12 * REGION)
    places = np.reshape(numbers(read(shelves, 1)), (-1, 3))
    assert len(places) == 4
    assert (places == places[:, :1] // 3 * 3 + [0, 1, 2]).all()


def test_separate_structures_share_the_memory_and_keep_parts_of_their_own():
    structures = {
        name: [Image(np.full((16, 16), level + k, np.float32), "YX") for k in range(20)]
        for name, level in (("a", 0), ("b", 100))
    }
    shelves = Shelves(SeparateFields.from_images(structures), **HOW, n_bytes=8 * REGION)
    assert [r.field for r in shelves.aside.validation] == [2, 3, 22, 23]
    fields = shelves.read(0, lambda: None)
    assert fields.shows == (0,) * 8 + (1,) * 8
    assert min(numbers(fields.structures[1])) >= 104


def test_too_little_memory_and_too_few_places_are_refused():
    with pytest.raises(ImageError, match="One region of each structure takes"):
        Shelves(stack(50), **HOW, n_bytes=REGION - 1)
    with pytest.raises(ImageError, match=r"have 2 places .* 2 are kept"):
        Shelves(stack(2), **HOW)
