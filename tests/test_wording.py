from __future__ import annotations

import pytest

from napari_denoisplit.wording import grey_levels


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
