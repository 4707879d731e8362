from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.noise.pairs import static_field
from napari_denoisplit.noise.pairs.gathering import gather, joint_histogram
from napari_denoisplit.settings import NoiseFitSettings

SETTINGS = NoiseFitSettings()


def field(shape=(256, 256)):
    blobs = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=shape), 4)
    return 100 + 1000 * (blobs / blobs.max()).clip(0.02)


def observe(clean, seed: int = 1):
    """Gain 4, read noise 10, offset 100."""
    rng = np.random.default_rng(seed)
    return 100 + 4 * rng.poisson((clean - 100) / 4) + rng.normal(0, 10, clean.shape)


def repeats(clean, n: int):
    return np.stack([observe(clean, seed) for seed in range(n)])


def variance_over(pairs, signals, width: float = 20.0):
    squares = (pairs.observation - pairs.signal).astype(np.float64) ** 2
    return np.array([squares[np.abs(pairs.signal - s) < width].mean() for s in signals])


def assert_is_the_camera(pairs, rtol: float = 0.06) -> None:
    signals = np.array([150.0, 300.0, 500.0])
    np.testing.assert_allclose(variance_over(pairs, signals), 4 * (signals - 100) + 100, rtol)


def of_repeats(stack, **more):
    return gather(NoiseData("repeats", stack, **more), SETTINGS)


def of_pairs(observation, signal, **more):
    return gather(NoiseData("pairs", observation, signal, **more), SETTINGS)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_variance_of_repeats_is_unbiased_however_few(n):
    pairs = of_repeats(repeats(field(), n))
    assert_is_the_camera(pairs, rtol=0.09)
    assert np.nanstd(pairs.residuals[0]) == pytest.approx(1, abs=0.03)
    assert any("little of its form" in note for note in pairs.notes) == (n < 4)
    assert len(pairs.notes) == (n < 4)


def test_repeats_that_bleach_are_followed():
    clean = field()
    factors = (1.2, 1.1, 1.0, 0.9, 0.8)
    stack = np.stack([observe(100 + f * (clean - 100), i) for i, f in enumerate(factors)])
    pairs = of_repeats(stack)
    assert_is_the_camera(pairs)
    assert any("Brightness changed by 4" in note for note in pairs.notes)


def test_repeats_that_drift_are_aligned():
    clean = field((300, 300))
    stack = np.stack(
        [observe(clean[20 + 2 * t : 276 + 2 * t, 20 - t : 276 - t], t) for t in range(5)]
    )
    pairs = of_repeats(stack)
    assert_is_the_camera(pairs)
    assert any("drifts by 8.9 pixels" in note for note in pairs.notes)


def test_drift_by_parts_of_a_pixel_does_not_count_as_noise():
    clean = field((300, 300))
    moved = [ndimage.shift(clean, (0.1 * t, 0.05 * t), order=3) for t in range(5)]
    stack = np.stack([observe(m[20:276, 20:276].clip(100), t) for t, m in enumerate(moved)])
    assert_is_the_camera(of_repeats(stack))


def test_a_repeat_unlike_the_others_is_left_out_by_its_number():
    stack = repeats(field(), 6)
    stack[3] = observe(ndimage.gaussian_filter(field(), 4))
    pairs = of_repeats(stack)
    assert_is_the_camera(pairs)
    assert any(note.startswith("Repeat 4 differs") for note in pairs.notes)


def test_cosmic_rays_cost_their_pixels_alone():
    stack = repeats(field(), 5)
    stack[2, 50, 60] += 60_000
    stack[1, 100:103, 7] = 50_000
    pairs = of_repeats(stack)
    assert len(pairs.signal) > stack.size - 20
    assert pairs.observation.max() < 5000
    assert any(note.startswith("4 pixels in single repeats") for note in pairs.notes)


@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_smooth_field_drifts_only_if_it_moves(seed, moves):
    rng = np.random.default_rng(seed)
    scene = ndimage.gaussian_filter(rng.random((300, 300)), 20)
    photons = (2000 if moves else 200) * (scene - scene.min()) / np.ptp(scene)
    steps = range(5) if moves else [0] * 5
    signals = [photons[:256, step : step + 256] for step in steps]
    stack = [100 + 2 * rng.poisson(s) + rng.normal(0, 4, s.shape) for s in signals]
    pairs = of_repeats(np.array(stack, np.float32))
    assert any("drifts" in note for note in pairs.notes) == moves


def test_a_repeat_that_no_window_can_place_lies_still():
    windows = [np.full((3, 8, 8), 1.0, np.float32)] * 2
    shifts = np.zeros((3, 2))
    shifts[0] = np.nan
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(static_field, "_shifts", lambda _: shifts)
        aligned, _, whole = static_field._aligned(windows, [np.ones((8, 8), bool)] * 2, [])
    assert len(aligned) == 2
    assert not whole.any()


def test_flat_repeats_do_not_drift():
    pairs = of_repeats(500 + np.random.default_rng(0).normal(0, 20, (5, 128, 128)))
    assert not pairs.notes
    assert np.var(pairs.observation - pairs.signal) == pytest.approx(400, rel=0.03)


def test_saturated_signals_are_left_out():
    pairs = of_repeats(repeats(field(), 4).clip(0, 600).astype(np.uint16))
    assert pairs.signal.max() <= pairs.max_signal < 520
    assert any("saturates" in note for note in pairs.notes)
    signals = np.array([150.0, 300.0])
    np.testing.assert_allclose(variance_over(pairs, signals), 4 * (signals - 100) + 100, 0.08)


def test_only_the_region_of_interest_without_nan_is_used():
    stack = repeats(field(), 4)
    stack[1, 30] = np.nan
    mask = np.zeros((256, 256), dtype=bool)
    mask[10:120, 30:99] = True
    assert len(of_repeats(stack, mask=mask).signal) == 4 * (mask.sum() - 69)


def test_planes_of_repeats_count_together():
    pairs = of_repeats(repeats(field(), 8).reshape(4, 2, 256, 256))
    assert_is_the_camera(pairs)
    assert len(pairs.signal) == 8 * 256 * 256


@pytest.mark.parametrize("read_noise", [0.0, 3.0])
def test_a_clean_image_is_scaled_to_the_noisy_one(read_noise):
    clean = field()
    other = 7 + 0.3 * (clean - 100) + np.random.default_rng(5).normal(0, read_noise, clean.shape)
    pairs = of_pairs(observe(clean), other)
    slope = np.polyfit(np.sort(clean.ravel()), np.sort(pairs.signal), 1)[0]
    assert slope == pytest.approx(1, rel=0.02 if read_noise == 0 else 0.06)
    assert any("multiplied by 3.3" in note for note in pairs.notes)


def test_a_clean_image_with_noise_of_its_own_is_told():
    clean = field()
    pairs = of_pairs(observe(clean), observe(clean, seed=9))
    assert any("noisy itself" in note for note in pairs.notes)


def test_a_shifted_clean_image_is_told():
    clean = field((300, 300))
    pairs = of_pairs(observe(clean[20:276, 20:276]), clean[21:277, 18:274])
    assert any("+1.0 pixels in y and -2.0 in x" in note for note in pairs.notes)


def test_one_clean_image_serves_a_stack():
    clean = field()
    pairs = of_pairs(repeats(clean, 3), clean)
    assert_is_the_camera(pairs)
    assert len(pairs.residuals) == 3
    assert not pairs.notes


def test_bootstrap_leaves_out_the_ends_of_the_signal():
    clean = field().astype(np.float32)
    pairs = gather(NoiseData("bootstrap", observe(clean)), SETTINGS, signal=clean)
    low, high = np.quantile(clean, (0.005, 0.995))
    assert low < pairs.signal.min()
    assert pairs.signal.max() < high


def test_bootstrap_without_its_signal_is_refused():
    with pytest.raises(NoiseModelError, match="needs the denoised image"):
        gather(NoiseData("bootstrap", field()), SETTINGS)


def test_bootstrap_looks_for_correlation_in_the_noisy_image():
    noise = np.random.default_rng(0).normal(0, 20, (257, 257))
    correlated = (field() + noise[1:, 1:] + noise[1:, :-1] + noise[:-1, 1:]).astype(np.float32)
    kept = field() + 0.8 * (correlated - field())
    pairs = gather(NoiseData("bootstrap", correlated), SETTINGS, signal=kept.astype(np.float32))
    assert pairs.neighbour_correlation[0] > 0.2


def test_the_noise_of_a_single_image_has_the_form_of_the_pixels():
    rng = np.random.default_rng(0)
    image = np.linspace(100, 200, 256) + 20 * rng.exponential(size=(256, 256))
    pairs = gather(NoiseData("single", image), SETTINGS)
    noise = pairs.observation - pairs.signal
    assert np.mean(noise**3) / np.mean(noise**2) ** 1.5 == pytest.approx(2.0, rel=0.2)


def test_a_single_image_tells_line_and_pairs_that_agree():
    pairs = gather(NoiseData("single", observe(field((512, 512)))), SETTINGS)
    signals = np.array([150.0, 300.0])
    np.testing.assert_allclose(pairs.line.variance(signals), 4 * (signals - 100) + 100, 0.08)
    np.testing.assert_allclose(variance_over(pairs, signals), pairs.line.variance(signals), 0.15)


@pytest.mark.parametrize(
    ("source", "image", "says"),
    [
        ("repeats", np.full((4, 64, 64), 7), "no noise"),
        ("repeats", np.random.default_rng(0).normal(size=(4, 8, 8)), "at least 1000"),
        ("repeats", np.full((4, 64, 64), np.nan), "No pixel is a number"),
        ("single", np.full((64, 64), 7.0), "shows no noise"),
    ],
)
def test_images_that_tell_no_noise_are_refused(source, image, says):
    with pytest.raises(NoiseModelError, match=says):
        gather(NoiseData(source, image), SETTINGS)


def test_an_empty_region_is_refused():
    with pytest.raises(NoiseModelError, match="is empty"):
        gather(NoiseData("single", field(), mask=np.zeros((256, 256), dtype=bool)), SETTINGS)


@pytest.mark.parametrize("source", ["repeats", "single", "pairs"])
def test_of_large_lazy_stacks_few_planes_are_read(source):
    read = []

    def plane(block_info):
        read.append(block_info[None]["chunk-location"])
        noise = np.random.default_rng(len(read)).normal(500, 20, (600, 600))
        return noise.reshape(block_info[None]["chunk-shape"])

    chunks = ((1,) * 40, (1,) * 100, (600,), (600,))
    stack = da.map_blocks(plane, chunks=chunks, dtype=float, meta=np.empty((0,)))
    clean = np.full((600, 600), 500.0) if source == "pairs" else None
    pairs = gather(NoiseData(source, stack, clean), NoiseFitSettings(max_pixels=500_000))
    assert len(read) <= 40
    assert len(pairs.signal) <= 500_000


def test_pairs_are_in_the_same_random_order_for_the_same_seed():
    stack = repeats(field((64, 64)), 3)
    first, again = of_repeats(stack), of_repeats(stack)
    np.testing.assert_array_equal(first.observation, again.observation)
    assert abs(np.corrcoef(first.signal[1:], first.signal[:-1])[0, 1]) < 0.05


def test_histogram_counts_nearly_all_pairs():
    pairs = of_repeats(repeats(field(), 3).round())
    joint = joint_histogram(pairs)
    assert joint.counts.shape == (len(joint.signal_edges) - 1, len(joint.observation_edges) - 1)
    assert max(joint.counts.shape) <= 200
    assert joint.counts.sum() > 0.995 * len(pairs.signal)
    for edges in (joint.signal_edges, joint.observation_edges):
        np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0])


@pytest.mark.parametrize(
    ("name", "n"), [("Confocal_FISH", 4), ("Confocal_MICE", 2), ("TwoPhoton_MICE", 3)]
)
def test_few_repeats_agree_with_the_mean_of_fifty(name, n, shared_data):
    read = pytest.importorskip("tifffile").imread
    folder = shared_data / "noise_calibration"
    stack = read(folder / f"fmd_{name}_raw_repeats.ome.tif")[:n]
    mean = read(folder / f"fmd_{name}_gt_avg50.ome.tif").astype(np.float32)
    found, truth = of_repeats(stack), of_pairs(stack, mean)
    signals = np.quantile(mean, (0.5, 0.7, 0.85, 0.95))
    # The mean of fifty holds the repeats themselves: 2 % of their variance is missing.
    expected = variance_over(truth, signals, width=1.5) / 0.98
    np.testing.assert_allclose(variance_over(found, signals, width=1.5), expected, rtol=0.06)


@pytest.mark.parametrize(("smoothed", "gravity"), [(0.0, 0), (1.5, 1), (4.0, 2)])
def test_structure_that_a_denoiser_has_not_learned_is_told(smoothed, gravity):
    rng = np.random.default_rng(0)
    texture = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 3)
    fine = 100 + field() + 25 * texture / texture.std() * (np.arange(256) > 80)
    noisy = observe(fine)
    learned = ndimage.gaussian_filter(fine, smoothed)
    pairs = gather(NoiseData("bootstrap", noisy), SETTINGS, signal=learned.astype(np.float32))
    assert max((f.gravity for f in pairs.findings), default=0) == gravity


@pytest.mark.parametrize("source", ["single", "repeats"])
def test_an_error_names_the_image_of_several_that_it_is_about(source):
    stack = np.random.default_rng(0).normal(100, 10, (4, 64, 64)).astype(np.float32)
    stack[:, 5, 5] = 1e13
    pixels = stack if source == "repeats" else stack[0]
    with pytest.raises(NoiseModelError, match=r"^'actin': The image holds values beyond 1e\+12"):
        gather(NoiseData(source, pixels, name="actin"), SETTINGS)
