from __future__ import annotations

import pytest

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.region import parse_region


@pytest.mark.parametrize("text", ["", "1:2", "1:2,3", "a:b,c:d", "-1:2,3:4", "5:5,0:3", "3:1,:"])
def test_a_region_that_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"--region.*as in 100:300,50:250"):
        parse_region(text)
