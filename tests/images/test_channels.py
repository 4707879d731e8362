"""Channels are chosen by their names, or by their numbers from 1."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.images.image import Image

NAMES = ("DAPI", "GFP", "RFP")


@pytest.fixture
def image(rng):
    return Image(rng.normal(size=(4, 3, 5, 6)), "TCYX", channel_names=NAMES, name="cells")


def test_channels_are_taken_in_the_order_given(image):
    chosen = choose_channels(image, ["RFP", "1"])
    assert (chosen.axes, chosen.channel_names) == ("TCYX", ("RFP", "DAPI"))
    assert_array_equal(chosen.data, image.data[:, [2, 0]])


def test_one_channel_has_no_channel_axis_and_keeps_its_name(image):
    chosen = choose_channels(image, "GFP")
    assert (chosen.axes, chosen.channel_names) == ("TYX", ("GFP",))
    assert_array_equal(chosen.data, image.data[:, 1])


def test_a_channel_without_a_name_is_called_by_its_number():
    image = Image(np.zeros((3, 5, 6)), "CYX")
    assert choose_channels(image, ["3", "1"]).channel_names == ("channel 3", "channel 1")
    assert choose_channels(image, "2").channel_names == ("channel 2",)


def test_what_is_not_there_or_twice_is_refused_with_what_there_is(image):
    with pytest.raises(ImageError, match=r"'cells' has no channel 'CFP': .* DAPI, GFP, RFP, 1, 2"):
        choose_channels(image, ["DAPI", "CFP"])
    with pytest.raises(ImageError, match=r"DAPI, GFP, RFP the choice is GFP, 2: give each once"):
        choose_channels(image, ["GFP", "2"])


def test_a_lazy_image_is_not_read():
    import dask.array

    lazy = Image(dask.array.zeros((3, 5, 6), chunks=(1, 5, 6)), "CYX")
    assert hasattr(choose_channels(lazy, ["1", "3"]).data, "dask")
