from __future__ import annotations

import pytest
import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.families import facts_of, family_of, unet
from napari_denoisplit.nn.families.unet import PlainUNet, SquaredError
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.settings import (
    METHODS,
    ContextSettings,
    LadderSettings,
    MixSettings,
    UNetSettings,
)

SMALL = UNetSettings(n_levels=2, n_filters=4)
STATISTICS = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


@pytest.mark.parametrize(("scales", "count"), [(None, 17_298_594), (5, 31_252_834)])
def test_the_baselines_of_musplit_have_as_many_parameters_as_published(scales, count):
    context = None if scales is None else ContextSettings(scales=scales)
    with torch.device("meta"):
        network = PlainUNet(UNetSettings(context=context))
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize(("levels", "scales"), [(1, None), (3, None), (1, 2), (3, 2), (2, 3)])
def test_the_reach_is_exact(monkeypatch, levels, scales):
    context = None if scales is None else ContextSettings(scales=scales)
    settings = UNetSettings(n_levels=levels, n_filters=4, context=context)
    network, facts = PlainUNet(settings).eval(), facts_of(settings, torch.float32)
    # Weights that cancel nothing, and the mean for the maximum, which hides three of four pixels.
    for weights in network.parameters():
        if weights.ndim > 1:
            weights.data.abs_()
    monkeypatch.setattr(unet.F, "max_pool2d", unet.F.avg_pool2d)
    multiple, farthest = facts.multiple, 0
    middle = (facts.reach // multiple + 2) * multiple
    for column in range(middle, middle + multiple):
        x = torch.rand(1, 1, multiple, 2 * middle + multiple, requires_grad=True)
        network.encode(x)[0][..., column].sum().backward()
        seen = x.grad[0, 0].sum(dim=0).nonzero()
        farthest = max(farthest, column - int(seen.min()), int(seen.max()) - column)
    assert farthest == facts.reach


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
