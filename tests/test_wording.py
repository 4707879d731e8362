from __future__ import annotations

import pytest

from napari_denoisplit.wording import duration, gib, grey_levels, not_finite, time_left


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04123, "0.0412"),
        (258.31, "258"),
        (999.6, "1,000"),
        (1013.0, "1,013"),
        (-65535, "-65,535"),
    ],
)
def test_grey_levels_have_no_power_of_ten(value, shown):
    assert grey_levels(value) == shown


def test_amounts_read_as_one_would_say_them():
    assert [duration(s) for s in (0.04, 4.2, 25.3, 600, 7200, 9e5)] == [
        "0.1 s", "4.2 s", "25 s", "10 min", "2.0 h", "10.4 days",
    ]  # fmt: skip
    assert [gib(n) for n in (1e6, 3e9, 3e12)] == ["1 MiB", "2.8 GiB", "2.7 TiB"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.2, "1 s left"),
        (59, "59 s left"),
        (600, "10 min left"),
        (599, "9 min left"),
        (9000, "2.5 h left"),
    ],
)
def test_time_left_is_said_as_people_say_it(seconds, text):
    assert time_left(seconds) == text


@pytest.mark.parametrize(
    ("number", "says"), [(1, "1 pixel that is"), (1024, "1,024 pixels that are")]
)
def test_one_pixel_is_no_plural(number, says):
    assert not_finite(number) == f"{says} NaN or infinite"
