from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import MixSettings

NORMALIZATION = Normalization(
    input_mean=7.0, input_std=2.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)
DEFAULTS = {
    "patch_size": 16,
    "batch_size": 8,
    "structure_bias": 0.0,
    "augment": True,
    "independent_share": 0.0,
    "seed": 0,
    "device": torch.device("cpu"),
}


def batches(mix: MixSettings | None = None, **changes) -> Batches:
    """Two channels that are the same picture, the second brighter by 10,000."""
    picture = np.random.default_rng(0).permutation(64 * 64).reshape(64, 64).astype(np.float32)
    field = np.stack([picture, picture + 10_000])
    mask = np.ones((64, 64), bool)
    return Batches([field], [mask], NORMALIZATION, mix or MixSettings(), **(DEFAULTS | changes))


def test_the_superposition_is_the_normalized_mix_of_the_channels():
    mixed, channels, _ = batches(MixSettings(weights=(0.25, 0.5))).draw()
    expected = (0.25 * channels[:, :1] + 0.5 * channels[:, 1:] - 7) / 2
    torch.testing.assert_close(mixed, expected)


@pytest.mark.parametrize("augment", [False, True])
def test_channels_of_a_patch_come_from_one_place_and_are_turned_alike(augment):
    _, channels, _ = batches(augment=augment).draw()
    torch.testing.assert_close(channels[:, 1], channels[:, 0] + 10_000)


def test_independent_patches_take_each_channel_from_a_place_of_its_own():
    _, channels, _ = batches(independent_share=1.0).draw()
    together = (channels[:, 1] == channels[:, 0] + 10_000).float().mean()
    assert float(together) < 0.01


def test_patches_are_turned_into_all_eight_symmetries():
    source = batches(patch_size=64, batch_size=100)
    corners = {tuple(p[0, [0, 0, -1, -1], [0, -1, 0, -1]].tolist()) for p in source.draw().channels}
    assert len(corners) == 8


def test_patches_whose_noise_differs_along_x_and_y_are_flipped_alone():
    rows = CorrelatedNoise(1, 0, 1, 0, 9, ((0,) * 3, (0.5, 0, 0)), 0.87, along_both=False)
    source = batches(patch_size=64, batch_size=100, noise_models=[rows, rows])
    patches = source.draw().channels[:, 0]
    upright = source._fields[0][0]
    flips = [upright, upright.flip(0), upright.flip(1), upright.flip(0, 1)]
    seen = [next(i for i, flip in enumerate(flips) if torch.equal(flip, p)) for p in patches]
    assert set(seen) == {0, 1, 2, 3}


def test_noise_that_is_added_goes_on_from_pixel_to_pixel_as_that_of_the_images():
    rows = CorrelatedNoise(1e-6, 0, 5, 0, 9, ((0,) * 3, (0.6, 0, 0)), 0.8, along_both=False)
    mix = MixSettings(weights=(1.0, 1.0), noise_high=2.0)
    shown = {"patch_size": 64, "batch_size": 40, "noise_models": [rows, rows]}
    mixed, channels, _ = batches(mix, **shown).draw()
    added = 2 * mixed[:, 0] + 7 - channels.sum(1)
    products = (added[..., 1:] * added[..., :-1]).mean() / added.square().mean()
    assert float(products) == pytest.approx(0.6, abs=0.02)
    assert abs(float((added[:, 1:] * added[:, :-1]).mean() / added.square().mean())) < 0.02


def test_structures_are_as_bright_as_they_were_mixed_within_the_range():
    mixed, channels, factors = batches(
        MixSettings(alpha_low=0.5, alpha_high=2.5), batch_size=200
    ).draw()
    # The middle of the range is 1.5: what is predicted there is as bright as the channel.
    torch.testing.assert_close(mixed, (0.75 * channels.sum(dim=1, keepdim=True) - 7) / 2)
    recorded = channels / factors
    torch.testing.assert_close(recorded[:, 1], recorded[:, 0] + 10_000, rtol=1e-5, atol=0.1)
    assert 1 / 3 <= float(factors.min()) < 0.4
    assert 1.6 < float(factors.max()) <= 5 / 3
    assert float(factors.diff(dim=1).std()) > 0.3  # each structure by itself


def noisy_batches(high: float) -> Batches:
    """Two flat channels of 100 and 400 photons with two grey levels each, mixed half and half."""
    field = np.stack([np.full((64, 64), 200, np.float32), np.full((64, 64), 800, np.float32)])
    known = [PoissonGaussian(2.0, 0.0, 3.0, 0.0, 1000.0)] * 2
    how = DEFAULTS | {"batch_size": 400, "noise_models": known}
    mix = MixSettings(noise_high=high)
    return Batches([field], [np.ones((64, 64), bool)], NORMALIZATION, mix, **how)


def test_half_of_the_patches_are_noisier_up_to_the_noise_range():
    plain, channels, _ = noisy_batches(1.0).draw()
    mixed, same, _ = noisy_batches(3.0).draw()
    torch.testing.assert_close(same, channels)  # what is to be predicted stays
    more = 2 * (mixed - plain)  # grey levels
    noise = ((2 * 200 + 9 + 2 * 800 + 9) / 4) ** 0.5
    factors = (more.flatten(1).var(dim=1) / noise**2 + 1).sqrt()
    as_they_were = factors == 1
    assert 0.4 < float(as_they_were.float().mean()) < 0.6
    assert 2.7 < float(factors.max()) < 3.3
    assert float(factors[~as_they_were].mean()) == pytest.approx(2, abs=0.15)
    assert abs(float(more.mean())) < 0.2


def test_patches_to_compare_with_have_the_noise_of_the_images():
    even = noisy_batches(3.0).evenly(16, seed=1).draw()
    assert float(even.superposition.std()) == 0


def test_what_a_recorded_superposition_shows_is_as_bright_as_it_was_recorded():
    source = batches(
        MixSettings(alpha_low=0.5, alpha_high=1.5),
        superpositions=[np.zeros((64, 64), np.float32)],
        independent_share=0.5,
        batch_size=64,
    )
    mixed, _, factors = source.draw()
    is_recorded = (mixed == -7 / 2).flatten(1).all(dim=1)
    assert 10 < int(is_recorded.sum()) < 54
    assert ((factors == 1).flatten(1).all(dim=1) == is_recorded).all()


def test_the_seed_decides_the_batches():
    torch.testing.assert_close(batches().draw(), batches().draw(), rtol=0, atol=0)
    assert not torch.equal(batches(seed=1).draw().channels, batches().draw().channels)


def test_a_margin_shows_what_lies_around_a_patch_mirrored_beyond_the_field():
    picture = np.arange(2 * 24 * 24, dtype=np.float32).reshape(2, 24, 24)
    changes = DEFAULTS | {"patch_size": 24, "augment": False, "margin": 40}
    source = Batches([picture], [np.ones((24, 24), bool)], NORMALIZATION, MixSettings(), **changes)
    mixed, channels, _ = source.draw()
    np.testing.assert_array_equal(channels[0], picture)
    around = np.pad(picture.mean(axis=0), 40, mode="symmetric")
    np.testing.assert_allclose(mixed[0, 0], (around - 7) / 2, rtol=1e-6)


def test_a_recorded_superposition_is_the_input_of_the_place_that_it_shows():
    recorded = np.random.default_rng(0).permutation(64 * 64).reshape(64, 64).astype(np.float32)
    mixed, channels, _ = batches(superpositions=[2 * recorded + 3]).draw()
    torch.testing.assert_close(mixed, (2 * channels[:, :1] + 3 - 7) / 2)


def test_patches_of_unrelated_places_are_mixed_with_the_offset_although_there_are_recorded_ones():
    source = batches(
        MixSettings(weights=(0.5, 1.0), offset=9.0),
        superpositions=[np.zeros((64, 64), np.float32)],
        independent_share=0.5,
        batch_size=64,
    )
    mixed, channels, _ = source.draw()
    expected = (0.5 * channels[:, :1] + channels[:, 1:] + 9 - 7) / 2
    is_mixed = (mixed == expected).flatten(1).all(dim=1)
    is_recorded = (mixed == -7 / 2).flatten(1).all(dim=1)
    assert bool((is_mixed | is_recorded).all())
    assert 10 < int(is_recorded.sum()) < 54


def test_fields_that_show_one_structure_each_give_patches_of_all():
    sizes = {1.0: (32, 48), 2.0: (64, 20), 30.0: (40, 40)}
    fields = [np.full((1, *shape), level, np.float32) for level, shape in sizes.items()]
    masks = [np.ones(field.shape[1:], bool) for field in fields]
    source = Batches(
        fields,
        masks,
        NORMALIZATION,
        MixSettings(),
        shows=(0, 0, 1),
        **(DEFAULTS | {"batch_size": 64}),
    )
    mixed, channels, _ = source.draw()
    assert set(channels[:, 0].unique().tolist()) == {1.0, 2.0}
    assert set(channels[:, 1].unique().tolist()) == {30.0}
    torch.testing.assert_close(mixed, (channels.mean(dim=1, keepdim=True) - 7) / 2)
