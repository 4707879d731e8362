from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families.unet import PlainUNet, SquaredError
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.settings import TrainSettings, UNetSettings

STATISTICS = Normalization(
    input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


def gradients(batches: list[Batch], n_at_once: int) -> tuple[list[torch.Tensor], float]:
    """Gradients and loss of a step of a fixed network on these batches."""
    torch.manual_seed(0)
    network = PlainUNet(UNetSettings(n_levels=1, n_filters=4))
    drawn = iter(batches)
    trainer = Trainer(
        network,
        SquaredError(STATISTICS),
        SimpleNamespace(draw=lambda: next(drawn)),
        TrainSettings(batches_per_step=n_at_once, gradient_clip=1e9),
        Compute(torch.device("cpu"), torch.float32),
    )
    trainer.step()
    return [p.grad.clone() for p in network.parameters()], trainer.take_means().loss


def test_gradients_of_the_batches_of_a_step_add_up():
    a, b = (Batch(torch.randn(2, 1, 8, 8), torch.randn(2, 2, 8, 8)) for _ in range(2))
    of_a, loss_a = gradients([a], 1)
    of_b, loss_b = gradients([b], 1)
    of_both, loss = gradients([a, b], 2)
    for both, one, other in zip(of_both, of_a, of_b, strict=True):
        torch.testing.assert_close(both, one + other)
    assert loss == pytest.approx((loss_a + loss_b) / 2)
