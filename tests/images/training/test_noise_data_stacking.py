from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.noise_data import stack_over_time

PLANES = np.arange(3 * 2 * 4 * 5).reshape(3, 2, 4, 5)


def test_exposures_in_files_of_their_own_become_a_time_axis():
    together = stack_over_time([Image(plane, "CYX", channel_names=("a", "b")) for plane in PLANES])
    assert together.axes == "TCYX"
    assert together.channel_names == ("a", "b")
    assert_array_equal(together.data, PLANES)


def test_time_axes_of_their_own_are_joined_whatever_their_order():
    swapped = Image(PLANES.transpose(1, 0, 2, 3), "CTYX")
    together = stack_over_time([Image(PLANES[0], "CYX"), swapped])
    assert_array_equal(together.data, np.concatenate([PLANES[:1], PLANES]))


def test_one_lazy_image_keeps_the_stack_lazy():
    together = stack_over_time([Image(da.zeros((9, 9)), "YX"), Image(np.zeros((9, 9)), "YX")])
    assert isinstance(together.data, da.Array)


def test_images_of_another_size_are_named():
    small = Image(np.zeros((3, 5)), "YX", name="small")
    with pytest.raises(ImageError, match=r"'small' is YX \(3, 5\), 'first' YX \(4, 5\)"):
        stack_over_time([Image(PLANES[0, 0], "YX", name="first"), small])
