from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.images.results.pictures import (
    DIVERGING,
    PictureColours,
    course,
    default_colours,
    following,
    ramp,
    render,
    symmetric,
)


@pytest.mark.parametrize(
    ("loop", "expected"),
    [("round", [1, 2, 0, 1, 2]), ("to and fro", [1, 2, 1, 0, 1]), ("once", [1, 2])],
)
def test_play_goes_on_as_the_loop_says(loop, expected):
    seen, place = [], (0, 1)
    while len(seen) < 5 and (place := following(*place, 3, loop)):
        seen.append(place[0])
    assert seen == expected


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_round_repeated_is_what_play_shows(n):
    film = course(n, "to and fro")
    place, played = (0, 1), [0]
    while len(played) < 2 * len(film) and n > 1:
        place = following(*place, n, "to and fro")
        played.append(place[0])
    assert (list(film) * 2)[: len(played)] == played


def test_no_difference_is_dark_and_limits_are_the_same_above_and_below(rng):
    difference = rng.normal(2, 1, size=(2, 50, 60)).astype("f4")
    low, high = symmetric(difference)
    assert low == -high
    colours = default_colours(difference, is_difference=True)
    assert colours.limits[0] == colours.limits[1]
    picture = render(
        np.zeros((1, 4, 4), "f4"),
        PictureColours(colours.limits[:1], colours.tables[:1]),
        "overlay",
    )
    assert picture.max() < 40


def test_structures_add_up_in_their_colours_or_stand_side_by_side(rng):
    frame = rng.uniform(0, 9, size=(2, 30, 40)).astype("f4")
    colours = default_colours(frame, is_difference=False)
    apart = render(frame, colours, "side by side")
    left, right = apart[:, :40].astype(int), apart[:, -40:].astype(int)
    assert_array_equal(render(frame, colours, "overlay"), np.minimum(left + right, 255))


def test_a_ramp_begins_ends_and_has_its_middle_where_it_says():
    table = ramp(*DIVERGING)
    assert_array_equal(table[[0, -1]], np.rint(255 * np.array(DIVERGING))[[0, -1]])
    assert table.shape == (256, 3)
