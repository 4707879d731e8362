from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.sampler import Sampler
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import LadderSettings

COMPUTE = Compute(torch.device("cpu"), torch.float32)
NORMALIZATION = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


@pytest.fixture(scope="module")
def network() -> Sampler:
    torch.manual_seed(0)
    network = VSE(LadderSettings(n_levels=2, n_filters=8, n_latents=4)).eval()
    return sampler_of(network, COMPUTE)


@pytest.fixture(scope="module")
def plane() -> np.ndarray:
    return np.random.default_rng(0).normal(100, 20, size=(250, 181)).astype(np.float32)


def drawn(network, plane, sample=0, **kwargs) -> torch.Tensor:
    posterior = Posterior(network, NORMALIZATION, plane, **kwargs)
    for tile in posterior.tiles:
        posterior.encode(tile)
    out = posterior.empty_sample()
    for tile in posterior.tiles:
        posterior.draw(sample, tile, out)
    return posterior.cropped(out)


def test_a_sample_has_the_size_of_the_plane(network, plane):
    assert drawn(network, plane).shape == (2, 250, 181)


def test_a_sample_does_not_depend_on_the_tiling(network, plane):
    # An overlap of 48 holds the whole field of view of two levels, so nothing is approximate.
    whole = drawn(network, plane)
    tiled = drawn(network, plane, tile_size=160, overlap=48)
    torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-3)


def by_hand(plane: np.ndarray) -> np.ndarray:
    """Mirror 16 pixels on each side, and what the ladder of two levels needs."""
    return np.pad(plane, [(16, 16 + -n % 4) for n in plane.shape], mode="symmetric")


@pytest.mark.parametrize("shape", [(250, 181), (64, 64), (5, 1)])
def test_a_sample_is_that_of_the_mirrored_plane_without_the_border(network, plane, shape):
    part = plane[: shape[0], : shape[1]]
    mirrored = drawn(network, by_hand(part), origin=(0, 0))
    expected = mirrored[:, 16 : 16 + shape[0], 16 : 16 + shape[1]]
    torch.testing.assert_close(drawn(network, part), expected, rtol=1e-5, atol=1e-4)


def test_an_image_does_not_end_in_zeros(network):
    # Of a flat image samples are equally bright at the edge and elsewhere.
    flat = np.full((96, 96), 140, np.float32)
    mean = torch.stack([drawn(network, flat, sample=k) for k in range(40)]).mean(0)
    middle, spread = mean[:, 32:64, 32:64].mean((1, 2)), mean[:, 32:64, 32:64].std((1, 2))
    for edge in (mean[:, :2], mean[:, -2:], mean[..., :2], mean[..., -2:]):
        assert ((edge.mean((1, 2)) - middle).abs() < 0.5 * spread).all()


def test_a_cut_of_a_plane_reads_the_noise_of_its_place(network, plane):
    # 48 rows hold the whole field of view: from there on the cut cannot be noticed.
    whole = drawn(network, plane)
    cut = drawn(network, by_hand(plane)[16:], origin=(16, 0))
    torch.testing.assert_close(cut[:, 48:-18, 16:-19], whole[:, 48:], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("shape", "origin"), [((32, 32), (0, 6)), ((32, 33), (0, 4))])
def test_a_cut_between_latent_positions_is_refused(network, shape, origin):
    with pytest.raises(ValueError, match="multiples of 4"):
        Posterior(network, NORMALIZATION, np.zeros(shape, np.float32), origin=origin)


def test_a_sample_can_be_drawn_again_by_its_number(network, plane):
    again = [drawn(network, plane, sample=3) for _ in range(2)]
    torch.testing.assert_close(*again, rtol=0, atol=0)


def test_samples_seeds_and_planes_differ(network, plane):
    first = drawn(network, plane)
    for other in ({"sample": 1}, {"seed": 1}, {"plane_index": 1}):
        assert float((drawn(network, plane, **other) - first).std()) > 0.1


def test_scaling_the_statistics_scales_the_sample(network, plane):
    n = NORMALIZATION
    doubled = Normalization(
        input_mean=2 * n.input_mean,
        input_std=2 * n.input_std,
        channel_means=tuple(2 * m for m in n.channel_means),
        channel_stds=tuple(2 * s for s in n.channel_stds),
    )
    posterior = Posterior(network, doubled, 2 * plane)
    posterior.encode(posterior.tiles[0])
    out = posterior.empty_sample()
    posterior.draw(0, posterior.tiles[0], out)
    torch.testing.assert_close(posterior.cropped(out), 2 * drawn(network, plane))


@pytest.mark.parametrize("antithetic", [False, True])
def test_samples_drawn_at_once_are_those_drawn_one_by_one(network, plane, antithetic):
    posterior = Posterior(network, NORMALIZATION, plane, antithetic=antithetic)
    (tile,) = posterior.tiles
    posterior.encode(tile)
    at_once = posterior.empty_samples(3)
    posterior.draw(4, tile, at_once)
    for i in range(3):
        alone = drawn(network, plane, sample=4 + i, antithetic=antithetic)
        torch.testing.assert_close(posterior.cropped(at_once)[i], alone, rtol=1e-5, atol=1e-4)
