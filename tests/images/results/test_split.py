from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.calibrations import calibrated_by

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.split import Split


@pytest.fixture
def samples(rng):
    return rng.normal(size=(4, 3, 2, 6, 7)).astype("f4")  # K, T, C, Y, X


def test_the_channels_of_samples_become_structures_wherever_their_axis_is(samples):
    stack = Split.of_image(Image(samples[0], "TCYX", channel_names=("a", "b")), samples=samples)
    assert (stack.axes, stack.structures, stack.leading_shape) == ("TYX", ("a", "b"), (3,))
    assert_array_equal(stack.read_sample(1, (2,)), samples[1, 2])


def test_the_mean_is_that_of_all_samples_where_it_is_known(samples):
    stack = Split("TYX", ("a",), sample_arrays=(samples[:, :, 0],))
    assert_allclose(stack.read_mmse((1,)), samples[:, 1, :1].mean(axis=0), rtol=1e-5)
    known = Split(
        "TYX", ("a",), sample_arrays=(samples[:, :, 0],), mmse_arrays=(np.full((3, 6, 7), 5.0),)
    )
    assert_array_equal(known.read_mmse((1,)), np.full((1, 6, 7), 5.0))


def test_lazy_samples_are_read_one_frame_at_a_time():
    read = []

    def make(block_info):
        read.append(block_info[None]["chunk-location"])
        return np.zeros((1, 5, 5), "f4")

    data = da.map_blocks(make, chunks=((1,) * 9, 5, 5), dtype="f4", meta=np.empty((0, 0, 0), "f4"))
    stack = Split("YX", ("a",), sample_arrays=(data,))
    stack.read_sample(6, ())
    assert stack.is_lazy
    assert read == [(6, 0, 0)]


@pytest.mark.parametrize(
    ("parts", "axes"),
    [((np.ones((2, 4, 4)), np.ones((3, 4, 4))), "YX"), ((np.ones((2, 4, 4)),) * 2, "ZYX")],
)
def test_samples_that_do_not_fit_each_other_are_refused(parts, axes):
    with pytest.raises(ImageError, match="sample"):
        Split(axes, ("a", "b"), sample_arrays=parts)


@pytest.mark.parametrize(("which", "index"), [("actin", 1), ("1", 0), ("2", 1), (1, 1)])
def test_a_structure_has_a_name_and_a_number(which, index):
    split = Split("YX", ("nuclei", "actin"), mmse_arrays=np.zeros((2, 4, 4)))
    assert split.index_of(which) == index
    with pytest.raises(ImageError, match="choose one of nuclei, actin"):
        split.index_of("3")


def test_structures_in_another_order_take_all_of_theirs_along(samples):
    parts = np.moveaxis(samples, 2, 0)
    known = calibrated_by(1.0, 2.0)
    split = Split("TYX", ("a", "b"), sample_arrays=parts, calibration=known).ordered(("b", "a"))
    assert split.calibration.factors == (2.0, 1.0)
    assert_array_equal(split.samples, samples[:, :, ::-1])
    assert split.ordered(("c", "a")) is split
