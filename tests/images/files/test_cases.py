"""Files that were once read wrongly without a word, each with its right answer."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image

EAGER, LAZY = 2**40, 0


@pytest.fixture
def cases(shared_data):
    """Folder of the files; the test is skipped where it is absent."""
    if not (shared_data / "cases").is_dir():
        pytest.skip(f"no folder 'cases' in {shared_data}")
    return shared_data / "cases"


def _read(path, series, lazy_above):
    """Image as plain values; a refusal stands for itself."""
    try:
        image = read_image(path, series=series, lazy_above=lazy_above)
        return np.asarray(image.data), (image.axes, image.pixel_size, image.units, image.notes)
    except ImageError as refusal:
        return np.empty(0), str(refusal)


def test_every_image_of_every_file_is_the_same_read_at_once_or_lazily(cases, shared_data):
    files = [*cases.rglob("*.tif"), *(shared_data / "interop" / "tiffs").rglob("*.tif*")]
    assert len(files) > 30
    for path in files:
        for series in (None, 0, 1):
            at_once, meaning = _read(path, series, EAGER)
            if "NaN" not in str(meaning):  # which are looked for only in what is read at once
                lazily, same = _read(path, series, LAZY)
                assert_array_equal(at_once, lazily, err_msg=f"{path} series={series}")
                assert at_once.dtype == lazily.dtype
                assert meaning == same


# Sets of files.


@pytest.mark.parametrize("name", ["exp_Pos0.ome.tif", "exp_Pos1.ome.tif"])
@pytest.mark.parametrize("lazy_above", [EAGER, LAZY], ids=["read", "lazy"])
def test_a_position_is_read_from_the_file_that_it_lies_in(cases, name, lazy_above):
    path = cases / "ome_positions" / name
    images = [read_image(path, series=i, lazy_above=lazy_above) for i in (0, 1)]
    assert [round(float(image.data.mean())) for image in images] == [1024, 2025]
