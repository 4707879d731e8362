from __future__ import annotations

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError, NoiseModelError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.noise_data import NoiseData

SIZES = {"T": 3, "C": 2, "Z": 4, "Y": 5, "X": 6}


def image(axes: str, **more) -> Image:
    """Image whose pixels are all different."""
    shape = tuple(SIZES[axis] for axis in axes)
    return Image(np.arange(np.prod(shape)).reshape(shape), axes, **{"name": "cells", **more})


@pytest.mark.parametrize("axes", ["TCZYX", "ZCTYX", "CZTYX"])
def test_exposures_come_first_wherever_the_file_has_them(axes):
    given = image(axes, channel_names=("dna", "actin"))
    data = NoiseData.from_image(given, "repeats", channel=1)
    assert data.observation.shape == (3, 4, 5, 6)
    assert data.name == "actin"
    index = {"T": 2, "C": 1, "Z": 3}
    assert_array_equal(data.observation[2, 3], given.data[tuple(index[a] for a in axes[:3])])


def test_lazy_pixels_stay_lazy():
    lazy = Image(da.zeros((3, 2, 1000, 1000)), "TCYX")
    data = NoiseData.from_image(lazy, "repeats", channel=0)
    assert isinstance(data.observation, da.Array)


def test_the_channel_of_a_single_channel_image_may_be_left_out():
    data = NoiseData.from_image(image("ZYX", source=Path("a/cells.tif")), "single")
    assert data.name == "cells"
    assert data.files == (str(Path("a/cells.tif")),)


@pytest.mark.parametrize("axes", ["YX", "ZYX", "CZYX", "TZYX"])
def test_a_clean_image_may_lack_the_axes_along_which_only_noise_changes(axes):
    data = NoiseData.from_image(image("TCZYX"), "pairs", channel=1, clean=image(axes))
    assert data.signal.shape == tuple(SIZES[a] for a in axes if a != "C")


def test_a_clean_time_series_is_no_clean_stack_of_the_same_length():
    noisy = Image(np.zeros((3, 3, 5, 6)), "TZYX", name="noisy")
    clean = Image(np.zeros((3, 5, 6)), "TYX", name="clean")
    with pytest.raises(ImageError, match=r"'clean' is TYX .* 'noisy' TZYX .*same field"):
        NoiseData.from_image(noisy, "pairs", clean=clean)


@pytest.mark.parametrize(
    ("axes", "source", "channel", "found"),
    [
        ("ZYX", "repeats", None, r"'cells' has axes ZYX \(4, 5, 6\).*T axis"),
        ("CYX", "single", None, "2 without names.*choose one"),
        ("CYX", "single", 2, "no channel 2"),
    ],
)
def test_what_is_missing_is_named(axes, source, channel, found):
    with pytest.raises(ImageError, match=found):
        NoiseData.from_image(image(axes), source, channel=channel)


def test_a_clean_image_and_the_source_must_go_together():
    with pytest.raises(NoiseModelError, match="clean"):
        NoiseData.from_image(image("YX"), "pairs")
    with pytest.raises(NoiseModelError, match="clean"):
        NoiseData.from_image(image("YX"), "single", clean=image("YX"))
