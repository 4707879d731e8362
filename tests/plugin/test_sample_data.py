from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.images.layer_record import kind_of
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.plugin import sample_data


@pytest.fixture(scope="module")
def mixture():
    return sample_data.mixture()


@pytest.fixture(scope="module")
def channels():
    return sample_data.channels()


def test_the_mixture_comes_with_its_hidden_true_channels(mixture):
    assert [(options["name"], options["visible"]) for _, options, _ in mixture] == [
        ("true filaments", False),
        ("true pits", False),
        ("superposition", True),
    ]


def test_the_mixture_is_the_average_of_the_true_channels_and_noise(mixture):
    filaments, pits, mixed = (data for data, _, _ in mixture)
    noise = mixed - (filaments + pits) / 2
    assert abs(noise.mean()) < 2
    assert noise.std() == pytest.approx(sample_data.READ_NOISE / np.sqrt(2), rel=0.1)


def test_neither_true_channel_can_be_read_off_the_mixture(mixture):
    *truth, (mixed, _, _) = mixture
    for clean, _, _ in truth:
        assert range_invariant_psnr(clean, mixed) < 28


def test_the_training_channels_show_another_field_with_the_same_noise(mixture, channels):
    assert [options["name"] for _, options, _ in channels] == ["noisy filaments", "noisy pits"]
    (filaments, _, _), (pits, _, _) = channels
    assert filaments.shape == pits.shape
    part = filaments[:512, :512].ravel()
    assert abs(np.corrcoef(part, mixture[0][0].ravel())[0, 1]) < 0.3
    spread = [np.diff(image[:, :2], axis=1).std() for image in (filaments, pits)]
    assert min(spread) > 0.8 * np.sqrt(2) * sample_data.READ_NOISE


def test_every_layer_has_its_pixel_size_units_axes_and_limits(mixture, channels):
    for data, options, kind in (*mixture, *channels):
        assert kind == "image"
        assert data.dtype == np.float32
        assert options["scale"] == (0.065, 0.065)
        assert options["units"] == ("µm", "µm")
        assert options["axis_labels"] == ("y", "x")
        low, high = options["contrast_limits"]
        assert low < high


def test_napari_accepts_the_layers(mixture, channels):
    layers = pytest.importorskip("napari.layers")
    for data, options, kind in (*mixture, *channels):
        layer = layers.Layer.create(data, dict(options), kind)
        assert layer.name == options["name"]
        assert [str(unit) for unit in layer.units] == ["micrometer", "micrometer"]


def test_the_samples_are_the_same_every_time(mixture):
    for (first, _, _), (second, _, _) in zip(mixture, sample_data.mixture(), strict=True):
        assert_array_equal(first, second)


def test_cells_come_with_their_hidden_true_channels_and_others_to_train_on():
    options = [options for _, options, _ in sample_data.cells()]
    assert [o["name"] for o in options if o["visible"]] == ["cells"]
    hidden = [o for o in options if not o["visible"]]
    assert [kind_of(o["metadata"]) for o in hidden] == ["truth", "truth"]
    assert [o["name"] for _, o, _ in sample_data.cells_alone()] == ["nuclei", "actin"]


def test_critters_are_frames_of_two_structures():
    (first, about, _), (second, _, _) = sample_data.critters_to_train_on()
    assert first.shape == second.shape == (sample_data.CRITTER_FRAMES, 256, 256)
    assert about["axis_labels"] == ("t", "y", "x")
    assert not np.array_equal(first, second)
