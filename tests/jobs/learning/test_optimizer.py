from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from napari_denoisplit.jobs.learning.optimizer import OPTIMIZERS, Plateau

RATE = 0.03
KINDS = pytest.mark.parametrize(
    ("kind", "reference"), [("adamax", torch.optim.Adamax), ("adam", torch.optim.Adam)]
)


def gradients() -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(50) * 10.0 ** torch.randint(-9, 3, (50,)) for _ in range(20)]


@KINDS
def test_steps_are_those_of_the_reference(kind, reference):
    vector = torch.linspace(-1, 1, 50)
    weights = torch.nn.Parameter(vector.clone())
    optimizer, other = OPTIMIZERS[kind](vector, RATE), reference([weights], lr=RATE, foreach=False)
    for weights.grad in gradients():
        optimizer.step(weights.grad)
        other.step()
        torch.testing.assert_close(vector, weights.detach(), rtol=1e-6, atol=0)


@KINDS
def test_a_restored_optimizer_goes_on_to_the_same_numbers(kind, reference):
    vector = torch.ones(50)
    optimizer = OPTIMIZERS[kind](vector, RATE)
    optimizer.step(gradients()[0])
    again = vector.clone()
    restored = OPTIMIZERS[kind](again, RATE)
    restored.restore(optimizer.state())
    for gradient in gradients()[1:]:
        optimizer.step(gradient)
        restored.step(gradient)
    assert torch.equal(vector, again)
    with pytest.raises(ValueError, match="50 weights for 1"):
        OPTIMIZERS[kind](torch.ones(1), RATE).restore(optimizer.state())


def test_a_plateau_lowers_the_rate_when_the_reference_does():
    weights = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=RATE)
    reference = ReduceLROnPlateau(weights, factor=0.5, patience=2, threshold=0)
    plateau, rate = Plateau(2), RATE
    for value in torch.rand(40, generator=torch.Generator().manual_seed(0)).tolist():
        reference.step(value)
        rate = plateau.after(value, rate)
        assert rate == pytest.approx(weights.param_groups[0]["lr"])
    assert rate < RATE / 100


def test_training_does_not_load_the_compiler():
    code = """
import sys
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import TrainSettings
from napari_denoisplit.events import run
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
noisy = add_noise(phantom((128, 128), seed=0), gaussian=1.0, seed=0)
settings = TrainSettings(preset="tiny", steps=1, minutes=None, batch_size=1)
run(train_job(TrainingFields((noisy,), ("a", "b"), ("x",)), settings))
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
