from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.normalization import Normalization

NAMES = ("a", "b")


def test_statistics_are_those_of_the_training_pixels_alone(rng):
    image = rng.normal(50, 5, size=(2, 20, 30)).astype(np.float32)
    mask = np.zeros((20, 30), bool)
    mask[:, :10] = True
    image[:, ~mask] = 1e6
    n = Normalization.of([image], [mask], (0.5, 0.5), NAMES)
    mixed = image[:, mask].mean(axis=0)
    assert n.input_mean == pytest.approx(mixed.mean(), rel=1e-5)
    assert n.input_std == pytest.approx(mixed.std(), rel=1e-4)
    assert n.channel_stds == pytest.approx(image[:, mask].std(axis=1), rel=1e-4)


def test_a_sum_has_the_summed_mean(rng):
    image = rng.normal(50, 5, size=(3, 20, 30)).astype(np.float32)
    n = Normalization.of([image], [np.ones((20, 30), bool)], (1, 1, 1), ("a", "b", "c"))
    assert n.input_mean == pytest.approx(sum(n.channel_means), rel=1e-5)


def test_a_constant_channel_is_refused_by_name(rng):
    image = np.stack([rng.normal(size=(8, 8)), np.full((8, 8), 3)]).astype(np.float32)
    with pytest.raises(ImageError, match=r"'b' has the value 3 everywhere"):
        Normalization.of([image], [np.ones((8, 8), bool)], (0.5, 0.5), NAMES)


def test_fields_count_by_their_pixels_and_a_high_level_loses_no_digits(rng):
    fields = [rng.normal(60_000, 3, size=(2, n, 40)).astype(np.float32) for n in (10, 50)]
    masks = [np.ones((n, 40), bool) for n in (10, 50)]
    n = Normalization.of(fields, masks, (0.3, 0.7), NAMES)
    pixels = np.concatenate(fields, axis=1).astype(np.float64).reshape(2, -1)
    assert n.channel_means == pytest.approx(pixels.mean(axis=1), rel=1e-9)
    assert n.channel_stds == pytest.approx(pixels.std(axis=1), rel=1e-6)
    assert n.input_std == pytest.approx((np.array([0.3, 0.7]) @ pixels).std(), rel=1e-6)


@pytest.mark.parametrize("scale", [1e-12, 1e-7, 1e20])
def test_statistics_follow_the_unit_of_the_grey_levels(rng, scale):
    image = rng.normal(5, 1, size=(2, 20, 30)).astype(np.float32)
    mask = [np.ones((20, 30), bool)]
    one, other = (
        Normalization.of([given], mask, (0.5, 0.5), NAMES)
        for given in (image, image * np.float32(scale))
    )
    assert other.input_std == pytest.approx(scale * one.input_std, rel=1e-5)
    assert other.channel_means == pytest.approx([scale * m for m in one.channel_means], rel=1e-5)


@pytest.mark.parametrize("value", [0, 1e-7, 0.1, 1e20])
def test_a_constant_channel_is_refused_at_any_level(rng, value):
    image = np.stack([rng.normal(size=(8, 8)), np.full((8, 8), value)]).astype(np.float32)
    with pytest.raises(ImageError, match="everywhere"):
        Normalization.of([image], [np.ones((8, 8), bool)], (0.5, 0.5), NAMES)
