from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.phantom.cell_shapes import draw_cells
from napari_denoisplit.images.phantom.structures import PAINTERS, Scene, splat


def test_a_point_between_pixels_is_shared_by_its_four_neighbours():
    image = splat(np.array([2.25]), np.array([3.5]), np.array([8.0]), (6, 7))
    assert image[2, 3] == image[2, 4] == 3
    assert image[3, 3] == image[3, 4] == 1
    assert image.sum() == 8


def test_splatting_keeps_the_light_and_its_centre(rng):
    y, x, weight = rng.uniform(2, 30, 50), rng.uniform(2, 40, 50), rng.uniform(1, 2, 50)
    image = splat(y, x, weight, (33, 44))
    assert image.sum() == pytest.approx(weight.sum(), rel=1e-5)
    rows = np.arange(33)[:, None]
    assert (image * rows).sum() == pytest.approx((weight * y).sum(), rel=1e-5)


def test_points_outside_the_canvas_are_left_out():
    points = np.array([-3.0, 500.0])
    assert splat(points, points, np.ones(2), (16, 16)).sum() == 0


@pytest.mark.parametrize("name", PAINTERS)
def test_a_canvas_without_cells_stays_dark(name, rng):
    cells = draw_cells((64, 64), rng)
    far = type(cells)(
        cells.centre + 10_000, cells.radius, cells.amplitude, cells.phase,
        cells.nucleus + 10_000, cells.nucleus_axes, cells.nucleus_angle, cells.brightness,
    )  # fmt: skip
    scene = Scene(far, far.maps((64, 64)), (64, 64))
    assert PAINTERS[name](scene, rng).max() == 0
