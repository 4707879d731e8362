"""Background: the level of dark places, whatever the noise and the structures."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.trust.background import (
    UsualBackground,
    background_of,
    dark_places,
)
from napari_denoisplit.measures.trust.likeness import EDGE, tile_starts

SIZE = 512
Y, X = np.mgrid[:SIZE, :SIZE] / (SIZE - 1)


def places_of(plane, noise=0.5):
    starts = tile_starts(SIZE)
    y, x = (at.ravel() for at in np.meshgrid(starts, starts, indexing="ij"))
    windows = [plane[a : a + EDGE, b : b + EDGE] for a, b in zip(y, x, strict=True)]
    return dark_places(np.stack(windows).astype(np.float32), y, x, noise)


def found_in(plane, noise=0.5):
    return background_of(places_of(plane, noise), plane.shape)


def blobs(rng, n, low, high):
    """Blobs of these widths on a level of 20."""
    plane = np.full((SIZE, SIZE), 20.0)
    for y, x, width in zip(*rng.uniform(0, 1, (2, n)), rng.uniform(low, high, n), strict=True):
        plane += 50 * np.exp(-((Y - y) ** 2 + (X - x) ** 2) / (2 * width**2))
    return plane


@pytest.fixture
def cells(rng) -> np.ndarray:
    """They leave a tenth of most windows free."""
    return blobs(rng, 90, 0.01, 0.04)


def test_structures_are_no_background(cells):
    found = found_in(cells)
    assert found.level == pytest.approx(20, abs=2)
    assert found.unevenness < 1


def test_of_crowded_structures_a_few_dark_windows_tell(rng):
    found = found_in(blobs(rng, 150, 0.02, 0.05))
    assert found.level == pytest.approx(24, abs=3)  # half of the windows lie above 30
    assert found.unevenness < 2.7


@pytest.mark.parametrize("sigma", [1.0, 10.0, 40.0])
def test_noise_makes_no_place_darker(rng, sigma):
    found = found_in(20 + rng.normal(0, sigma, (SIZE, SIZE)), sigma)
    assert found.level == pytest.approx(20, abs=0.03 * sigma)
    assert found.unevenness < 0.03 * sigma


def test_a_smooth_background_is_told_from_structures(cells):
    haze = 30 * (np.cos(2 * Y) * np.sin(1.5 * X + 0.4))
    found = found_in(cells + haze)
    at = np.ix_([0, SIZE // 2, SIZE - 1], [0, SIZE // 2, SIZE - 1])
    np.testing.assert_allclose(found.points, (haze - haze.mean())[at], atol=6)
    assert found.level == pytest.approx(20 + haze.mean(), abs=3)
    assert found.unevenness == pytest.approx(haze.std(), rel=0.3)


def test_it_follows_the_grey_levels(cells):
    haze = 30 * Y * X
    found, other = found_in(cells + haze), found_in(3 * (cells + haze) - 700)
    assert other.level == pytest.approx(3 * found.level - 700, rel=1e-3)
    assert other.unevenness == pytest.approx(3 * found.unevenness, rel=1e-2)
    np.testing.assert_allclose(other.points, 3 * found.points, rtol=1e-2, atol=0.1)


def test_on_request_it_is_the_same_everywhere(cells):
    found = background_of(places_of(cells + 40 * Y), cells.shape, even=True)
    assert found.unevenness is None
    assert not found.points.any()


@pytest.mark.parametrize("width", [1, 3, 20])
def test_a_border_is_no_dark_place(cells, rng, width):
    noisy = cells + rng.normal(0, 2, cells.shape)
    bordered = np.pad(noisy[width:-width, width:-width], width)
    found, plain = found_in(bordered, 2), found_in(noisy, 2)
    assert found.level == pytest.approx(plain.level, abs=1)
    assert found.unevenness == pytest.approx(plain.unevenness, abs=1)


@pytest.mark.parametrize("step", [1, 5, 40])
def test_grey_levels_in_steps_are_no_border(cells, rng, step):
    """As photons are, and what was stretched."""
    stepped = step * np.round((cells + rng.normal(0, 20, cells.shape)) / step)
    assert found_in(stepped, 20).level == pytest.approx(found_in(cells, 20).level, abs=2)


def test_places_without_a_photon_are_dark(cells, rng):
    counted = 20 * rng.poisson(cells / 20)
    assert found_in(counted, 20).level == pytest.approx(20, abs=1.5)


def test_windows_that_show_hardly_anything_are_left_out(cells):
    half = cells.copy()
    half[:, 200:] = 0
    assert len(places_of(half).level) == 12


def test_dark_places_that_were_clipped_are_dark(cells, rng):
    clipped = np.maximum(cells + rng.normal(0, 5, cells.shape), 20)
    found = found_in(clipped, 5)
    assert found.level == pytest.approx(20 + 0.4 * 5, abs=1)  # the mean of what is left


def test_what_is_usual_is_what_nearly_all_images_have(cells, rng):
    found = [found_in(cells + offset) for offset in rng.normal(0, 1, 40)]
    usual = UsualBackground.of(SIZE, found)
    assert usual.level == pytest.approx(20, abs=2)
    assert usual.spread == pytest.approx(2, rel=0.4)
    assert usual.unevenness == pytest.approx(found[0].unevenness, rel=1e-3, abs=1e-6)
