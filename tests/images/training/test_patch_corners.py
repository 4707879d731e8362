from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.patch_corners import PatchCorners


def test_patches_lie_inside_the_training_pixels(rng):
    image = rng.normal(size=(2, 60, 80)).astype(np.float32)
    mask = rng.random((60, 80)) > 0.002
    corners = PatchCorners([image], [mask], 16, structure_bias=0.5)
    for _, y, x in corners.draw(500, rng):
        assert mask[y : y + 16, x : x + 16].all()


def test_every_corner_can_be_drawn_the_last_included(rng):
    image = rng.normal(size=(2, 18, 17)).astype(np.float32)
    corners = PatchCorners([image], [np.ones((18, 17), bool)], 16, structure_bias=0.0)
    drawn = {tuple(c) for c in corners.draw(500, rng).tolist()}
    assert drawn == {(0, y, x) for y in range(3) for x in range(2)}
    assert len(corners) == 6


def test_structure_is_drawn_more_often_with_bias(rng):
    image = rng.normal(size=(2, 100, 200)).astype(np.float32)
    image[:, :, 150:] *= 20
    mask = np.ones((100, 200), bool)
    share = [
        (PatchCorners([image], [mask], 16, bias).draw(2000, rng)[:, 2] > 134).mean()
        for bias in (0.0, 1.0)
    ]
    assert share[0] == pytest.approx(50 / 185, abs=0.04)
    assert share[1] > 0.9


def test_a_flat_image_is_drawn_evenly(rng):
    flat = np.full((2, 40, 40), 7, np.float32)
    corners = PatchCorners([flat], [np.ones((40, 40), bool)], 16, structure_bias=1.0)
    assert len({tuple(c) for c in corners.draw(200, rng).tolist()}) > 100


def test_larger_fields_are_drawn_from_more_often(rng):
    images = [rng.normal(size=(1, n, n)).astype(np.float32) for n in (32, 96)]
    masks = [np.ones(i.shape[1:], bool) for i in images]
    drawn = PatchCorners(images, masks, 16, structure_bias=0.0).draw(4000, rng)[:, 0]
    assert drawn.mean() == pytest.approx(81**2 / (81**2 + 17**2), abs=0.01)


def test_images_smaller_than_a_patch_are_refused_with_sizes(rng):
    image = rng.normal(size=(2, 20, 30)).astype(np.float32)
    with pytest.raises(ImageError, match=r"64x64.*20x30"):
        PatchCorners([image], [np.ones((20, 30), bool)], 64, structure_bias=0.0)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**70])
def test_patches_do_not_depend_on_the_unit_of_the_grey_levels(scale):
    image = np.random.default_rng(1).normal(size=(2, 60, 80)).astype(np.float32)
    mask = [np.ones((60, 80), bool)]
    one, other = (
        PatchCorners([given], mask, 16, structure_bias=1.0).draw(200, np.random.default_rng(2))
        for given in (image, image * np.float32(scale))
    )
    assert (one == other).mean() > 0.99
