from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.plane_region import PlaneRegion


def test_a_region_is_cut_out_of_every_plane_and_stays_lazy():
    cut = PlaneRegion.parse("2:5, 4:").cut(Image(da.zeros((3, 8, 9)), "ZYX"))
    assert cut.shape == (3, 3, 5)
    assert isinstance(cut.data, da.Array)


def spans(size):
    """Half-open ranges of pixels within a size; an end may be left open."""
    firsts = st.integers(0, size - 1)
    return firsts.flatmap(lambda a: st.tuples(st.just(a), st.none() | st.integers(a + 1, size)))


REGIONS = st.builds(PlaneRegion, spans(12), spans(20))


@given(REGIONS, st.data())
def test_a_part_of_a_part_lies_where_the_part_of_the_whole_does(outer, data):
    whole = Image(np.arange(240).reshape(12, 20), "YX", {"Y": 0.5, "X": 0.25}, origin={"X": 10.0})
    part = outer.cut(whole)
    inner = PlaneRegion(*(data.draw(spans(size)) for size in part.shape))
    (y, x), (rows, columns) = outer.spans(12, 20), inner.spans(*part.shape)
    direct = PlaneRegion(
        (y[0] + rows[0], y[0] + rows[1]), (x[0] + columns[0], x[0] + columns[1])
    ).cut(whole)
    cut = inner.cut(part)
    np.testing.assert_array_equal(cut.data, direct.data)
    assert cut.origin == direct.origin


@given(REGIONS)
def test_a_region_is_read_as_it_is_written_and_as_slices_cut(region):
    assert PlaneRegion.parse(str(region)) == region
    places = np.s_[slice(*region.y), slice(*region.x)]
    assert PlaneRegion.of_slices(*places) == region
    array = np.arange(240).reshape(12, 20)
    np.testing.assert_array_equal(region.cut(Image(array, "YX")).data, array[places])


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
