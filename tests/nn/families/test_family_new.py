"""A family of networks comes in by its module and two registrations; nothing else is touched."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import torch
from tests.quick_training import quick_training
from torch import nn

from napari_denoisplit.checkpoint import load_model, read_header
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.nn.families import FAMILIES
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.families.unet import SquaredError
from napari_denoisplit.nn.sampler import Level, NetworkFacts, Prediction, SplittingNetwork
from napari_denoisplit.settings import KINDS, NetworkSettings, SplitSettings, TrainSettings

__all__ = ["quick_training"]


class ToySettings(NetworkSettings):
    kind: Literal["toy"] = "toy"


class Toy(SplittingNetwork):
    """One convolution, and noise of a width that is learned."""

    def __init__(self, settings):
        super().__init__()
        self.settings = settings
        self.mean = nn.Conv2d(1, settings.n_channels, 3, padding=1, padding_mode="replicate")
        self.width = nn.Parameter(torch.full((settings.n_channels, 1, 1), 0.1))

    def encode(self, x):
        return [self.mean(x)]

    def decode(self, features, noise):
        (mean,) = features
        return (mean + self.width * noise(0, (len(mean), 1, *mean.shape[2:]))).float()

    def forward(self, x, noise=None):
        features = self.encode(x)
        drawn = self.decode(features, noise or (lambda _, shape: torch.randn(shape)))
        return Prediction(drawn, None, [], [])


class ToyFamily(Family[ToySettings]):
    def network(self, settings):
        return Toy(settings)

    def facts(self, settings, dtype):
        n = settings.n_channels
        return NetworkFacts(n, 1, 1, (Level(1, 1),), working_bytes=16 * n, kept_bytes=4 * n)

    def needs_noise_models(self, loss):
        return False

    def objective(self, settings, loss, normalization, noise_models):
        return SquaredError(normalization)


@pytest.mark.usefixtures("quick_training")
def test_a_family_that_is_registered_trains_is_kept_and_splits(monkeypatch, tmp_path, rng):
    monkeypatch.setitem(KINDS, "toy", ToySettings)
    monkeypatch.setitem(FAMILIES, "toy", ToyFamily())
    pixels = rng.gamma(2, 50, size=(2, 128, 128)).astype(np.float32)
    path = tmp_path / "toy.denoisplit"
    settings = TrainSettings(network=ToySettings(), steps=4, patch_size=32, batch_size=2)
    trained = run(train_job(TrainingFields((pixels,), ("a", "b")), settings, path=path))
    assert trained.model.header.network == read_header(path).network == ToySettings()
    superposition = Image(pixels.mean(axis=0), "YX")
    split = run(split_job(load_model(path), superposition, SplitSettings(n_samples=4)))
    assert split.mmse.shape == (2, 128, 128)
    assert np.isfinite(split.mmse.data).all()
    assert (split.sigma.data > 0).all()
