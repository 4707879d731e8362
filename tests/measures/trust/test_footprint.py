from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_denoisplit.errors import ImageError
from napari_denoisplit.measures.trust.footprint import area, line, pixel

Y, X = np.mgrid[:20, :30].astype(float)
PLANE = 3 * Y - 2 * X


@pytest.mark.parametrize(
    "footprint",
    [
        pixel(7, 29),
        area(np.eye(5, dtype=bool), corner=(10, 4)),
        line(np.array([[2.5, 3.0], [11.0, 17.2], [19.0, 29.0]]), PLANE.shape),
    ],
    ids=lambda footprint: footprint.kind,
)
def test_values_of_a_plane_are_found_without_error_from_the_box_alone(footprint):
    found = footprint.values(PLANE[footprint.box])
    assert_allclose(found, 3 * footprint.y - 2 * footprint.x, atol=1e-4)


def test_points_of_a_line_are_a_pixel_apart_at_most_and_know_their_distance():
    found = line(np.array([[0.0, 0.0], [3.0, 4.0], [3.0, 10.5]]), PLANE.shape)
    assert found.distance[[0, -1]].tolist() == [0.0, 11.5]
    assert np.diff(found.distance).max() <= 1


def test_what_lies_outside_of_the_image_is_left_out():
    found = line(np.array([[5.0, -10.0], [5.0, 10.0]]), PLANE.shape)
    assert found.distance[0] == pytest.approx(10, abs=1)
    with pytest.raises(ImageError, match="does not touch"):
        line(np.array([[-5.0, -10.0], [-5.0, 10.0]]), PLANE.shape)
    with pytest.raises(ImageError, match="no length"):
        line(np.ones((2, 2)), PLANE.shape)
    with pytest.raises(ImageError, match="no pixel"):
        area(np.zeros((3, 3), dtype=bool))
