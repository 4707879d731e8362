from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.plane_region import PlaneRegion


def test_a_region_is_cut_out_of_every_plane_and_stays_lazy():
    cut = PlaneRegion.parse("2:5, 4:").cut(Image(da.zeros((3, 8, 9)), "ZYX"))
    assert cut.shape == (3, 3, 5)
    assert isinstance(cut.data, da.Array)


def test_a_part_of_a_part_lies_where_the_part_of_the_whole_does():
    whole = Image(np.arange(240).reshape(12, 20), "YX", {"Y": 0.5, "X": 0.25}, origin={"X": 10.0})
    cut = PlaneRegion((2, 8), (3, None)).cut(PlaneRegion((1, None), (4, 16)).cut(whole))
    expected = PlaneRegion((3, 9), (7, 16)).cut(whole)
    np.testing.assert_array_equal(cut.data, expected.data)
    assert cut.origin == expected.origin == {"Y": 1.5, "X": 11.75}


@pytest.mark.parametrize("text", ["0:5,0:7", "100:300,50:", "0:,3:"])
def test_a_region_is_written_as_it_is_read(text):
    assert str(PlaneRegion.parse(text)) == text


def test_slices_of_an_array_are_a_region():
    array = np.zeros((8, 9))
    places = np.s_[2:5, :7]
    region = PlaneRegion.of_slices(*places)
    assert region == PlaneRegion((2, 5), (0, 7))
    assert region.cut(Image(array, "YX")).shape == array[places].shape


@pytest.mark.parametrize("text", ["8:,:", ":,3:10", "0:9,:"])
def test_a_region_outside_of_the_image_is_refused_with_what_there_is(text):
    with pytest.raises(ImageError, match=r"'cells', which has [89] pixels along [YX]"):
        PlaneRegion.parse(text).within(Image(np.zeros((2, 8, 9)), "CYX", name="cells"))


@pytest.mark.parametrize("index", [(3, 5), np.s_[1:2, 3:4, 5:6], "1:2,3:4", ((1, 2), (3, 4))])
def test_what_is_not_two_slices_is_refused_with_an_example(index):
    with pytest.raises(ImageError, match=r"as two slices.*np\.s_\[100:300, 50:250\]"):
        PlaneRegion.of_slices(*index)


@pytest.mark.parametrize(
    "index", [np.s_[-3:, :], np.s_[:, 4:2], np.s_[::2, :], np.s_[:-1, :], np.s_[1.5:4.0, :]]
)
def test_slices_that_are_no_rectangle_of_pixels_are_refused(index):
    with pytest.raises(ImageError, match="as in 100:300,50:250"):
        PlaneRegion.of_slices(*index)
