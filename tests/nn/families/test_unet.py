from __future__ import annotations

import pytest
import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.families import facts_of, family_of
from napari_denoisplit.nn.families.unet import PlainUNet, SquaredError
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.settings import METHODS, LadderSettings, MixSettings, UNetSettings

SMALL = UNetSettings(n_levels=2, n_filters=4)
STATISTICS = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


def test_the_baseline_of_musplit_has_17_298_594_parameters():
    with torch.device("meta"):
        network = PlainUNet(UNetSettings())
    assert sum(p.numel() for p in network.parameters()) == 17_298_594


@pytest.mark.parametrize("size", [(16, 16), (17, 30), (5, 9)])
def test_any_image_size_keeps_its_size_and_there_are_no_latents(size):
    with torch.no_grad():
        prediction = PlainUNet(SMALL).eval()(torch.randn(2, 1, *size))
    assert prediction.signal.shape == (2, 2, *size)
    assert prediction.kl_per_level == []
    assert not facts_of(SMALL, torch.float32).draws
    assert facts_of(LadderSettings(), torch.float32).draws


def test_its_loss_is_the_squared_error_in_normalized_units():
    network = PlainUNet(SMALL).eval()
    x = torch.randn(2, 1, 16, 16)
    signal = network(x).signal
    channels = torch.tensor([90.0, 110.0]).view(1, 2, 1, 1) + (signal + 3) * torch.tensor(
        [10.0, 40.0]
    ).view(1, 2, 1, 1)
    terms = SquaredError(STATISTICS)(network, Batch(x, channels.detach()), 0)
    assert terms.loss.item() == terms.reconstruction.item() == pytest.approx(9, rel=1e-4)
    assert terms.kl_per_level.shape == (0,)
    terms.loss.backward()
    assert all(p.grad is not None for p in network.parameters())


def test_one_channel_is_refused():
    with pytest.raises(TrainingError, match="return its input"):
        family_of(SMALL).shaped(SMALL, 1, METHODS["denoisplit"], MixSettings())
    assert family_of(SMALL).shaped(SMALL, 3, METHODS["denoisplit"], MixSettings()).n_channels == 3
