"""Pictures side by side, of planes smaller and larger than the screen."""

from __future__ import annotations

import pytest

from napari_denoisplit.widgets.samples.picture_row import row_on_screen, whole_row


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("seen", [(0, 300), (-50, 700), (400, 4000), (-5000, 5000)])
def test_every_picture_is_on_screen_and_none_covers_another(n, seen):
    row = row_on_screen(1000, n, seen)
    begin, end = row.x or (0, 1000)
    assert end - begin < row.pitch
    for shift in row.shifts(n) if row.x else ():
        assert seen[0] <= begin + shift < end + shift <= seen[1]


def test_pictures_that_fit_are_whole():
    assert row_on_screen(1000, 2, (-100, 2000)) == whole_row(1000)
    assert row_on_screen(1000, 2, (-100, 1900)).x is not None
    assert row_on_screen(1000, 1, (300, 400)) == whole_row(1000)  # it has no neighbour


def test_a_place_on_the_screen_belongs_to_the_picture_there():
    row = row_on_screen(1000, 3, (200, 500))
    assert [row.number_at(x, 3) for x in (200, 250, 299, 301, 399, 401, 900, 0)] == [
        0, 0, 0, 1, 1, 2, 2, 0,
    ]  # fmt: skip


def test_columns_are_those_of_the_part_at_any_resolution():
    row = row_on_screen(1000, 2, (200, 408))  # 104 for each, a hundred of them pixels
    assert row.columns(0, 1, 1000) == slice(200, 300)
    assert row.columns(1.5, 4, 250) == slice(50, 75)
    assert row.columns(280, 1, 500) == slice(0, 20)
    assert whole_row(1000).columns(0, 1, 1000) == slice(0, 1000)
