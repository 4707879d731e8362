"""Where an image lies is kept when axes come, go and change places, and of a part of it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.place import Place


@pytest.fixture
def place(rng):
    affine = np.vstack([rng.normal(size=(3, 4)), [0, 0, 0, 1]])
    return Place("ZYX", {"Z": 2, "Y": 0.5}, {"X": 7, "Z": 1}, affine=affine)


@pytest.mark.parametrize("axes", ["SZYX", "YX", "XZY", "X"])
def test_a_pixel_of_a_part_lies_where_it_lies_in_the_whole(place, axes):
    start = {"Z": 4, "Y": 2, "X": 1}
    keywords = place.keywords(axes, start)
    pixel = [{"Y": 3, "X": 5}.get(axis, 0) for axis in axes]
    turn = keywords["affine"]
    found = turn[:-1, :-1] @ (keywords["translate"] + np.multiply(keywords["scale"], pixel))
    found = dict(zip(axes, found + turn[:-1, -1], strict=True))
    whole = (4, 2 + 3 * ("Y" in axes), 1 + 5)
    expected = dict(zip("ZYX", place.world("ZYX", whole), strict=True))
    assert {axis: at for axis, at in found.items() if axis != "S"} == pytest.approx(
        {axis: expected[axis] for axis in axes if axis != "S"}
    )


def test_a_pixel_is_as_large_as_the_affine_makes_it():
    doubled = Place("YX", {"Y": 0.5, "X": 0.25}, affine=np.diag([2.0, 3.0, 1.0]))
    assert doubled.step == pytest.approx(0.75)
