"""Layers of every kind become images, and know where their results go."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from napari.layers import Image as ImageLayer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image, sliceable
from napari_denoisplit.images.place import SAMPLE, Place, place_of_image
from napari_denoisplit.widgets.layers.place import (
    image_of_layer,
    place_of_layer,
    possible_axes,
)


@pytest.mark.parametrize(
    ("shape", "likeliest"),
    [((9, 8), "YX"), ((5, 9, 8), "ZYX"), ((2, 5, 9, 8), "TZYX"), ((7, 2, 5, 9, 8), "TCZYX")],
)
def test_axes_without_labels_are_guessed_and_can_be_changed(shape, likeliest):
    meanings = possible_axes(ImageLayer(np.zeros(shape)))
    assert meanings[0] == likeliest
    assert len(set(meanings)) == len(meanings)


def test_channels_are_sought_on_the_shortest_axis_where_they_are_needed():
    layer = ImageLayer(np.zeros((5, 2, 9, 8)))
    assert possible_axes(layer, with_channels=True)[0] == "ZCYX"
    assert all("C" in axes for axes in possible_axes(layer, with_channels=True))


@pytest.mark.parametrize("axes", ["".join(p) for p in permutations("CZYX")])
def test_axis_labels_decide_whatever_their_order(axes):
    layer = ImageLayer(np.zeros((2, 3, 4, 5)), axis_labels=tuple(axes.lower()))
    assert possible_axes(layer)[0] == axes
    image = image_of_layer(layer, axes)
    assert image.axes == "CZYX"
    assert [image.size(axis) for axis in axes] == [2, 3, 4, 5]


def test_a_colour_photograph_is_refused_with_a_way_out():
    layer = ImageLayer(np.zeros((9, 8, 3), np.uint8), rgb=True, name="photo")
    with pytest.raises(ImageError, match=r"photo.*Split RGB"):
        possible_axes(layer)


def test_scale_and_units_go_with_the_image():
    layer = ImageLayer(np.zeros((3, 9, 8)), scale=(2, 0.5, 0.25), units=("um", "um", "um"))
    image = image_of_layer(layer, "ZYX")
    assert image.pixel_size == {"Z": 2, "Y": 0.5, "X": 0.25}
    assert image.units == {"Z": "µm", "Y": "µm", "X": "µm"}


def test_pixels_are_no_unit():
    image = image_of_layer(ImageLayer(np.zeros((9, 8))), "YX")
    assert image.pixel_size == {}
    assert image.units == {}


def test_a_multiscale_layer_gives_its_finest_level():
    data = np.zeros((64, 64))
    layer = ImageLayer([data, data[::2, ::2]], multiscale=True)
    assert image_of_layer(layer, "YX").shape == (64, 64)


def test_nothing_is_computed_or_copied_at_the_click():
    import dask.array

    computed = []
    lazy = dask.array.zeros((2, 9, 8)).map_blocks(
        lambda block: computed.append(1) or block, dtype=float, meta=np.empty((0, 0, 0))
    )
    layer = ImageLayer(lazy, contrast_limits=(0, 1))
    computed.clear()  # napari has looked at what it shows
    assert image_of_layer(layer, "ZYX").shape == (2, 9, 8)
    assert not computed
    data = np.zeros((2, 9, 8))
    assert np.shares_memory(image_of_layer(ImageLayer(data), "ZYX").data, data)


def test_foreign_containers_are_unpacked():
    class Labelled:  # as xarray has it
        dims = ("y", "x")
        data = np.ones((4, 5))

    class Chunked:  # as zarr has it: no transpose
        shape, dtype, ndim = (4, 5), np.dtype(float), 2

        def __getitem__(self, index):
            return np.ones((4, 5))[index]

    for container in (Labelled(), Chunked()):
        np.testing.assert_array_equal(sliceable(container).transpose(), np.ones((5, 4)))


def test_results_lie_where_their_layer_lies():
    layer = ImageLayer(
        np.zeros((3, 9, 8)),
        scale=(2, 0.5, 0.25),
        translate=(1, 2, 3),
        units=("um", "um", "um"),
        axis_labels=("depth", "row", "column"),
    )
    keywords = place_of_layer(layer, "ZYX").keywords("SZYX")
    result = ImageLayer(np.zeros((4, 3, 9, 8)), **keywords)
    np.testing.assert_allclose(result.scale[1:], layer.scale)
    np.testing.assert_allclose(result.translate[1:], layer.translate)
    assert result.units[1:] == layer.units
    assert result.axis_labels == ("answer", "depth", "row", "column")


def test_an_image_of_a_layer_lies_where_the_layer_lies():
    shown = ImageLayer(np.zeros((9, 8)), scale=(0.5, 0.25), translate=(0, -3))
    image = image_of_layer(shown, "YX")
    assert image.origin == {"X": -3}
    again = ImageLayer(image.data, **place_of_image(image).keywords("YX"))
    np.testing.assert_allclose(again.translate, shown.translate)


def test_a_unit_that_napari_does_not_know_is_left_out():
    image = Image(np.zeros((9, 8)), "YX", {"X": 2.0, "Y": 2.0}, {"X": "blub", "Y": "µm"})
    place = place_of_image(image)
    assert place.units == {"Y": "µm"}
    ImageLayer(image.data, **place.keywords("YX"))


def test_samples_of_a_plane_have_units_that_go_with_those_of_a_stack(viewer):
    stack = np.zeros((3, 9, 8), np.float32)
    viewer.add_image(stack, scale=(1, 0.5, 0.5), units=("pixel", "um", "um"))
    place = Place("YX", scale={"Y": 0.5, "X": 0.5}, units={"Y": "µm", "X": "µm"})
    viewer.add_image(stack[:2], **place.keywords(SAMPLE + "YX"))
    assert viewer.__wrapped__.layers.extent.units is not None
