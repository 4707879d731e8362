"""Repeats that hold no exposure, hold one twice, or are made of several."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.noise.pairs.exposures import copies
from napari_denoisplit.noise.pairs.gathering import gather
from napari_denoisplit.settings import NoiseFitSettings


def photons(scene: str, edge: int = 128):
    rng = np.random.default_rng(0)
    if scene == "sparse":
        points = np.zeros((edge, edge))
        points[tuple(rng.integers(0, edge, (2, 20)))] = 1
        spots = ndimage.gaussian_filter(points, 2.5)
        return 2 + 200 * spots / spots.max()
    blobs = ndimage.gaussian_filter(rng.normal(size=(edge, edge)), 12)
    return 10 + 150 * (blobs - blobs.min()) / np.ptp(blobs)


def exposures(scene: str, n: int):
    """Gain 2, offset 100, read noise 4."""
    rng = np.random.default_rng(1)
    light = photons(scene)
    return 100 + 2 * rng.poisson(light, (n, *light.shape)) + rng.normal(0, 4, (n, *light.shape))


def gathered(stack):
    return gather(NoiseData("repeats", stack.round().astype(np.uint16)), NoiseFitSettings())


def assert_is_the_camera(pairs) -> None:
    true = 2 * (pairs.signal - 100).clip(0) + 16
    ratio = (pairs.observation - pairs.signal) ** 2 / true
    for dim in (pairs.signal < np.median(pairs.signal), pairs.signal > np.median(pairs.signal)):
        assert ratio[dim].mean() == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
@pytest.mark.parametrize(("n", "at", "light"), [(4, 3, 0), (4, 2, 100), (8, 0, 100), (16, 9, 0)])
def test_a_black_frame_is_left_out_and_named(scene, n, at, light, rng):
    stack = exposures(scene, n)
    stack[at] = (light + 4 * (light > 0) * rng.normal(size=stack[0].shape)).clip(0)
    pairs = gathered(stack)
    assert any(f"Repeat {at + 1} shows nothing" in note for note in pairs.notes)
    assert not pairs.findings
    assert_is_the_camera(pairs)


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
@pytest.mark.parametrize("times", [2, 3])
def test_doubled_frames_are_told_and_count_once(scene, times):
    pairs = gathered(np.repeat(exposures(scene, 6), times, axis=0))
    assert pairs.findings[0].gravity == 1
    assert "hold the same pixels as earlier ones" in pairs.findings[0].text
    assert_is_the_camera(pairs)


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
def test_a_frozen_recording_is_fitted_to_what_was_before(scene):
    stack = exposures(scene, 16)
    stack[6:] = stack[5]
    pairs = gathered(stack)
    assert pairs.findings[0].text.startswith("Repeats 7 to 16 hold the same pixels")
    assert_is_the_camera(pairs)


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
@pytest.mark.parametrize("top", [255, 65535])
def test_a_frozen_recording_is_known_in_a_contrast_of_its_own_for_each_frame(scene, top):
    stack = exposures(scene, 12).round()
    stack[6:] = stack[5]
    for t in range(12):  # as an automatic contrast does, which cuts off the ends
        low, high = np.quantile(stack[t], [0.0001 * t, 1 - 0.0001 * t])
        stack[t] = ((stack[t] - low) / (high - low)).clip(0, 1) * top
    text = gathered(stack).findings[0].text
    assert text.startswith("Repeats 7 to 12 hold the same pixels")


def test_few_photons_and_a_clear_field_are_no_copies(rng):
    faint = rng.poisson(photons("smooth") / 200, (8, 128, 128)).astype(np.float32)
    clear = (100 * photons("smooth") + rng.normal(0, 0.5, (8, 128, 128))).round()
    for stack in (faint, clear):
        assert not copies([stack.astype(np.float32)]).any()


def running_mean(stack, n: int):
    return np.stack([stack[i : i + n].mean(axis=0) for i in range(len(stack) - n + 1)])


def recursive_mean(stack):
    for t in range(1, len(stack)):
        stack[t] = (stack[t] + stack[t - 1]) / 2
    return stack[4:]


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
@pytest.mark.parametrize(
    ("stack_of", "gravity"),
    [
        (lambda scene: running_mean(exposures(scene, 5), 2), 2),
        (lambda scene: running_mean(exposures(scene, 19), 4), 2),
        (lambda scene: running_mean(exposures(scene, 40), 2), 1),
        (lambda scene: recursive_mean(exposures(scene, 8)), 1),
        (lambda scene: recursive_mean(exposures(scene, 20)), 2),
    ],
)
def test_means_over_time_are_told(scene, stack_of, gravity):
    (finding,) = gathered(stack_of(scene)).findings
    assert "goes on in the next" in finding.text
    assert finding.gravity >= gravity


@pytest.mark.parametrize("scene", ["sparse", "smooth"])
@pytest.mark.parametrize("n", [2, 3, 4, 16, 40])
def test_independent_repeats_are_not_doubted(scene, n):
    stack = exposures(scene, n) * np.linspace(1, 0.9, n)[:, None, None]
    assert not gathered(stack).findings


def test_one_exposure_and_nothing_else_is_told(rng):
    stack = exposures("smooth", 3)
    stack[1], stack[2] = 100 + rng.normal(0, 4, stack[0].shape), stack[0]
    with pytest.raises(NoiseModelError, match=r"Repeat 2 shows nothing.* Repeat 3 holds the same"):
        gathered(stack)
