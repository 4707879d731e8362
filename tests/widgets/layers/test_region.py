"""A region drawn in the viewer becomes the pixels that it covers."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Shapes

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.layers.region import Region, region_of_shapes

SQUARE = np.array([[2, 3], [2, 7], [5, 7], [5, 3]], dtype=float)  # Y 2 to 5, X 3 to 7
GROW = np.array([[-0.4, -0.4], [-0.4, 0.4], [0.4, 0.4], [0.4, -0.4]])  # past the middles of pixels


def mask_of(shapes, layer, axes="YX"):
    return region_of_shapes(shapes, layer, axes).mask(layer.data.shape[-2:])


@pytest.fixture
def square():
    expected = np.zeros((10, 12), dtype=bool)
    expected[2:6, 3:8] = True
    return expected


def test_a_rectangle_covers_the_pixels_whose_middle_it_holds(square):
    layer = Image(np.zeros((10, 12)))
    outline = SQUARE + GROW
    np.testing.assert_array_equal(mask_of(Shapes([outline]), layer), square)


def test_scale_and_shift_of_both_layers_are_undone(square):
    layer = Image(np.zeros((3, 10, 12)), scale=(1, 0.5, 0.25), translate=(0, 7, -3))
    outline = SQUARE + GROW
    world = outline * (0.5, 0.25) + (7, -3)
    shapes = Shapes([(world - 1) / 2], scale=(2, 2), translate=(1, 1))
    np.testing.assert_array_equal(mask_of(shapes, layer, "TYX"), square)


def test_a_shape_drawn_on_one_plane_of_a_stack_holds_for_all():
    layer = Image(np.zeros((3, 10, 12)))
    on_plane = np.column_stack([np.full(4, 2.0), SQUARE])
    flat = mask_of(Shapes([SQUARE]), layer, "TYX")
    np.testing.assert_array_equal(mask_of(Shapes([on_plane]), layer, "TYX"), flat)


def test_an_ellipse_covers_pi_quarters_of_its_rectangle():
    corners = np.array([[10, 10], [10, 90], [50, 90], [50, 10]], dtype=float)
    mask = mask_of(Shapes([corners], shape_type="ellipse"), Image(np.zeros((60, 100))))
    assert mask.sum() == pytest.approx(np.pi / 4 * 40 * 80, rel=0.02)
    assert mask[30, 50]
    assert not mask[12, 12]


def test_shapes_add_up_and_may_reach_over_the_edge():
    mask = Region((SQUARE - 3.5, SQUARE + 5.5), "r").mask((10, 12))
    assert mask[:2, :4].all()
    assert mask[8:, 9:].all()
    assert mask.sum() == 8 + 6


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (Shapes([SQUARE[:2]], shape_type="line", name="ruler"), "'ruler' holds no rectangle"),
        (Shapes([SQUARE + 100], name="afar"), "'afar' covers no pixel"),
    ],
)
def test_a_region_without_pixels_is_an_error_that_names_it(shapes, text):
    with pytest.raises(ImageError, match=text):
        mask_of(shapes, Image(np.zeros((10, 12))))
