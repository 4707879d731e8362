from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.ndimage import gaussian_filter
from tests.calibrations import calibrated_by

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.measures.samples.spread import half_width
from napari_denoisplit.measures.samples.statistics import read_samples_at
from napari_denoisplit.measures.trust.footprint import area, line, pixel


def smooth(rng, n=200, size=40, width=4.0):
    """Samples (K, Y, X) whose neighbouring pixels go up and down together."""
    noise = rng.normal(size=(n, size, size))
    return np.stack([gaussian_filter(one, width, mode="wrap") for one in noise]).astype("f4")


def test_sigma_of_a_mean_is_the_spread_of_the_means_and_not_that_of_independent_pixels(rng):
    samples = smooth(rng)
    mask = np.ones((8, 8), dtype=bool)
    found = read_samples_at(Split("YX", ("a",), sample_arrays=(samples,)), (), area(mask, (10, 10)))
    means = samples[:, 10:18, 10:18].mean(axis=(1, 2))
    assert found.estimates[0].sigma == pytest.approx(means.std(ddof=1), rel=1e-4)
    assert_allclose(found.values[0], means, rtol=1e-4, atol=1e-6)
    assert found.estimates[0].sigma > 4 * found.independent[0]


def test_of_independent_pixels_both_are_the_same(rng):
    samples = rng.normal(size=(400, 12, 12)).astype("f4")
    mask = np.ones((12, 12), dtype=bool)
    found = read_samples_at(Split("YX", ("a",), sample_arrays=(samples,)), (), area(mask))
    assert found.estimates[0].sigma == pytest.approx(found.independent[0], rel=0.15)


def test_what_one_structure_gains_the_other_loses(rng):
    first = smooth(rng, 30)
    stack = Split("YX", ("a", "b"), sample_arrays=(first, 5 - first))
    found = read_samples_at(stack, (), pixel(3, 9), np.full((40, 40), 7.0))
    assert found.correlation[0, 1] == pytest.approx(-1, abs=1e-4)
    assert (found.observed, found.where) == (7.0, (3, 9))


def test_a_pixel_takes_mmse_and_sigma_of_all_samples_where_they_are_known(rng):
    samples = rng.normal(size=(4, 5, 5)).astype("f4")
    stack = Split(
        "YX",
        ("a",),
        sample_arrays=(samples,),
        mmse_arrays=(np.full((5, 5), 3.0),),
        sigma_arrays=(np.full((5, 5), 0.5),),
        n_samples=50,
        calibration=calibrated_by(1.2),
    )
    estimate = read_samples_at(stack, (), pixel(2, 2)).estimates[0]
    assert (estimate.mean, estimate.sigma, estimate.n_samples) == (3.0, 0.5, 50)
    assert estimate.high - 3.0 == pytest.approx(1.01, abs=0.03)  # about 2 sigma


def test_the_calibration_factor_widens_the_interval_of_an_area(rng):
    samples = smooth(rng, 20)
    mask = np.ones((3, 3), dtype=bool)
    plain, wider = (
        read_samples_at(
            Split("YX", ("a",), sample_arrays=(samples,), calibration=f), (), area(mask)
        )
        for f in (None, calibrated_by(2.0))
    )
    assert wider.estimates[0].sigma == pytest.approx(2 * plain.estimates[0].sigma)
    assert (plain.calibrated, wider.calibrated) == (False, True)


def test_a_line_has_a_profile_with_its_interval_at_each_point(rng):
    samples = smooth(rng, 50)[:, None]
    stack = Split("ZYX", ("a",), sample_arrays=(samples,))
    found = read_samples_at(stack, (0,), line(np.array([[5.0, 5.0], [5.0, 25.0]]), (40, 40)))
    assert_allclose(found.profile.mean[0], samples[:, 0, 5, 5:26].mean(axis=0), atol=1e-6)
    spread = samples[:, 0, 5, 5:26].std(axis=0, ddof=1)
    width = found.profile.high[0] - found.profile.mean[0]
    assert_allclose(width, half_width(1.0, 50) * spread, rtol=1e-4)


def test_a_place_outside_of_the_image_is_refused(rng):
    stack = Split("YX", ("a",), sample_arrays=(np.zeros((2, 4, 4)),))
    with pytest.raises(ImageError, match="outside"):
        read_samples_at(stack, (), pixel(4, 0))


def test_mirrored_samples_do_not_make_sigma_of_an_area_too_large(rng):
    halves = smooth(rng, 300)
    samples = np.stack([halves, -halves], axis=1).reshape(600, 40, 40)
    mask = np.ones((4, 4), dtype=bool)
    known = halves[:, 10:14, 10:14].mean(axis=(1, 2)).std()

    def variance(part, mirrored):
        stack = Split("YX", ("a",), sample_arrays=(part,), mirrored=mirrored)
        return read_samples_at(stack, (), area(mask, (10, 10))).estimates[0].sigma ** 2

    groups = np.split(samples, 150)
    plain, own = (np.mean([variance(g, m) for g in groups]) for m in (False, True))
    assert own == pytest.approx(known**2, rel=0.15)
    assert plain == pytest.approx(4 / 3 * own, rel=0.02)


@pytest.mark.parametrize("mirrored", [False, True])
def test_large_places_are_read_piece_by_piece_with_the_same_answer(rng, monkeypatch, mirrored):
    import napari_denoisplit.measures.trust.footprint as footprints

    samples = rng.normal(5, 1, size=(2, 6, 90, 110)).astype("f4")
    largest = []

    class Disk:
        shape = samples.shape[1:]

        def __init__(self, data):
            self.data = data

        def __getitem__(self, index):
            largest.append(self.data[index].size)
            return self.data[index]

    disk = Split("YX", ("a", "b"), sample_arrays=tuple(map(Disk, samples)), mirrored=mirrored)
    places = area(rng.random((80, 100)) > 0.4, (3, 5)), line([[1, 2], [88, 107]], (90, 110))
    for place in places:
        whole = read_samples_at(disk, (), place, samples[0, 0])
        largest.clear()
        with monkeypatch.context() as patch:
            patch.setattr(footprints, "_PIECE", 16)
            found = read_samples_at(disk, (), place, samples[0, 0])
        assert max(largest) <= 17 * 17
        assert_allclose(found.values, whole.values, rtol=1e-6)
        assert found.observed == pytest.approx(whole.observed)
        assert_allclose(found.independent or 0, whole.independent or 0, rtol=1e-6)
        if place.kind == "line":
            for name in ("mean", "low", "high"):
                assert_allclose(getattr(found.profile, name), getattr(whole.profile, name))
