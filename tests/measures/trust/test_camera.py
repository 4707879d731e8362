"""What a camera did to windows goes, and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_denoisplit.measures.trust.camera import (
    clipped,
    plane_without_stripes,
    unclipped,
    without_specks,
    without_stripes,
)
from napari_denoisplit.measures.trust.likeness import noise_of

PLACES = np.array([(0, y, x) for y in (0, 64, 128) for x in (0, 64, 128, 192)])


@pytest.fixture
def tiles(rng):
    """Structures of contrast 1 and more, on dark ground, and noise of 1."""
    structure = gaussian_filter(rng.standard_normal((12, 64, 64)), (0, 6, 6)) * 20
    return (np.maximum(structure, 0) + rng.standard_normal((12, 64, 64))).astype(np.float32)


def test_specks_go_and_the_rest_stays(rng):
    plain = rng.standard_normal((2, 64, 64)).astype(np.float32)
    spotted = plain.copy()
    spotted[0, 10, 20], spotted[1, 63, 63] = 80, -80
    clean = without_specks(spotted, 1)
    assert abs(clean[0, 10, 20]) < 3
    assert abs(clean[1, 63, 63]) < 3
    assert (clean == plain).mean() > 0.999


def test_clipped_pixels_get_the_noise_that_was_cut_off(tiles):
    cut = np.maximum(tiles, 0)
    found = unclipped(cut)
    assert (found[cut > 0] == cut[cut > 0]).all()
    assert (found[cut == 0] < 0).all()
    assert noise_of(found) == pytest.approx(noise_of(tiles), rel=0.03)
    assert found.mean() == pytest.approx(tiles.mean(), abs=0.05)
    assert (unclipped(cut) == found).all()


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x,
        lambda x: np.round(2 * x),  # grey levels as coarse as half of the noise
        lambda x: np.maximum(np.round(x + 2), 0),  # photons, of which there may be none
        lambda x: np.where(np.indices(x.shape)[2] < 8, x.min() - 9, x),  # a border
        lambda x: np.maximum(x, np.sort(x.ravel())[20]),  # few
        lambda x: 0 * x,
    ],
)
def test_where_nothing_was_clipped_nothing_is_filled(tiles, change):
    given = change(tiles).astype(np.float32)
    assert clipped(given, 1.0) is None
    assert unclipped(given) is given


def test_no_tiles_are_none():
    assert unclipped(np.empty((0, 64, 64), np.float32)).shape == (0, 64, 64)


@pytest.mark.parametrize("axis", [1, 2])
def test_weak_stripes_go_and_structure_stays(tiles, rng, axis):
    stripes = rng.normal(0, 0.3, 3 * 64 if axis == 2 else 4 * 64)
    striped = tiles.copy()
    for tile, place in zip(striped, PLACES, strict=True):
        start = place[3 - axis]
        tile += np.expand_dims(stripes[start : start + 64], axis - 1)
    found = without_stripes(striped.astype(np.float32), PLACES, 1.0)
    assert np.std(found - tiles) < 0.5 * np.std(striped - tiles)


@pytest.mark.parametrize("strength", [0.0, 1.0])
def test_no_stripes_and_strong_ones_are_left(tiles, rng, strength):
    striped = tiles + np.float32(strength) * np.tile(rng.standard_normal((64, 1)), (12, 1, 1))
    striped = striped.astype(np.float32)
    assert without_stripes(striped, PLACES, 1.0) is striped


def test_stripes_of_one_place_alone_may_be_structure(tiles, rng):
    striped = tiles.copy()
    striped[5] += rng.normal(0, 0.3, (64, 1)).astype(np.float32)
    assert without_stripes(striped, PLACES, 1.0) is striped


def test_each_plane_has_its_own_stripes(tiles, rng):
    places = np.array([(plane, 0, x) for plane in range(2) for x in range(0, 384, 64)])
    stripes = rng.normal(0, 0.3, (2, 64, 1)).astype(np.float32)
    found = without_stripes(tiles + np.repeat(stripes, 6, axis=0), places, 1.0)
    assert np.std(found - tiles) < 0.15


@pytest.mark.parametrize("axis", [0, 1])
def test_weak_stripes_of_a_residual_go(rng, axis):
    noise = rng.standard_normal((300, 300)).astype(np.float32)
    stripes = np.expand_dims(rng.normal(0, 0.3, 300), axis).astype(np.float32)
    assert np.std(plane_without_stripes(noise + stripes, 1.0) - noise) < 0.15
    assert plane_without_stripes(noise, 1.0) is noise
    assert (plane_without_stripes(noise[:100, :100], 1.0) == noise[:100, :100]).all()


@pytest.mark.parametrize("width", [1, 3, 12])
def test_a_border_that_noise_reaches_is_not_clipped(tiles, width):
    bordered = np.maximum(tiles + 2, 0)
    bordered[:, :width] = 0
    assert clipped(bordered.astype(np.float32), 1.0) is None


@pytest.mark.parametrize("width", [1, 3, 12])
def test_the_border_of_a_clipped_image_is_not_filled(tiles, width):
    cut = np.maximum(tiles, 0)
    cut[:, :width] = 0
    found = unclipped(cut)
    assert (found[:, :width] == 0).mean() > 0.95
    assert noise_of(found[:, 16:]) == pytest.approx(noise_of(tiles), rel=0.05)


def test_dead_pixels_below_hide_no_clipping(tiles):
    cut = np.maximum(tiles, 0)
    plain = clipped(cut, 1.0)
    cut[0, 5, 5] = -50
    assert (clipped(cut, 1.0) == plain)[1:].all()


@pytest.mark.parametrize(
    "lines",
    [
        lambda y: 0.35 * np.sign(np.sin(y * np.pi / 8) + 1e-6),  # a grating
        lambda y: 2.0 * (y % 64 == 20),
        lambda y: 2.0 * (y % 32 == 20),
    ],
)
def test_lines_that_no_noise_makes_are_left(tiles, rng, lines):
    y = np.arange(512)
    striped = tiles + np.float32(lines(y[:64]))[:, None]
    assert without_stripes(striped, PLACES, 1.0) is striped
    residual = (rng.standard_normal((512, 512)) + lines(y)[:, None]).astype(np.float32)
    assert plane_without_stripes(residual, 1.0) is residual
