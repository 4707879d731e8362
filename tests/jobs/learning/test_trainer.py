from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.learning.trainer import Trainer
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families.unet import PlainUNet, SquaredError
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.settings import TrainSettings, UNetSettings

STATISTICS = Normalization(
    input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


class Narrow(SquaredError):
    """A memory that holds so many patches."""

    def __init__(self, n_fit: int) -> None:
        super().__init__(STATISTICS)
        self.n_fit = n_fit

    def forward(self, network, batch, step):
        if len(batch.channels) > self.n_fit:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
        return super().forward(network, batch, step)


def trainer_on(batches: list[Batch], n_at_once: int = 1, n_fit: int = 99) -> Trainer:
    """Train a fixed network on these batches."""
    torch.manual_seed(0)
    drawn = iter(batches)
    return Trainer(
        PlainUNet(UNetSettings(n_levels=1, n_filters=4)),
        Narrow(n_fit),
        SimpleNamespace(draw=lambda: next(drawn), state=dict, restore=lambda state: None),
        TrainSettings(batches_per_step=n_at_once, gradient_clip=1e9),
        Compute(torch.device("cpu"), torch.float32),
    )


def gradients(
    batches: list[Batch], n_at_once: int, n_fit: int = 99
) -> tuple[list[torch.Tensor], float]:
    """Gradients and loss of a step on these batches."""
    trainer = trainer_on(batches, n_at_once, n_fit)
    network = trainer.network.eval()  # batch norm has statistics of its own in each part
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


@pytest.mark.parametrize("n_fit", [1, 2, 3])
def test_where_memory_runs_out_a_step_in_parts_has_the_same_gradient(n_fit: int):
    batches = [Batch(torch.randn(5, 1, 8, 8), torch.randn(5, 2, 8, 8)) for _ in range(2)]
    whole, loss = gradients(batches, 2)
    in_parts, loss_in_parts = gradients(batches, 2, n_fit)
    torch.testing.assert_close(in_parts, whole)
    assert loss_in_parts == pytest.approx(loss)


def test_memory_that_does_not_hold_a_patch_ends_a_training_in_words():
    trainer = trainer_on([Batch(torch.randn(4, 1, 8, 8), torch.randn(4, 2, 8, 8))], n_fit=0)
    with pytest.raises(JobError, match=r"one patch of 8 x 8 pixels at a time.*'tiny'"):
        trainer.step()


def test_factors_go_with_their_patches():
    factors = torch.arange(5.0).reshape(5, 1, 1, 1)
    batch = Batch(torch.zeros(5, 1, 2, 2), factors.expand(5, 2, 2, 2), factors)
    for part in batch.parts(2):
        assert torch.equal(part.channels[:, :1, :1, :1], part.factors)
