"""A network and images so small that a training step takes milliseconds."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.settings import LadderSettings, TrainSettings

NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4, upsampling="nearest")


@pytest.fixture(scope="session")
def fields() -> TrainingFields:
    clean = np.stack([phantom((128, 128), seed=s) for s in range(2)])
    noisy = add_noise(clean, gaussian=0.5, seed=0)
    return TrainingFields(tuple(noisy), ("filaments", "pits"), clean=tuple(clean))


@pytest.fixture(scope="session")
def settings() -> TrainSettings:
    return TrainSettings(
        network=NETWORK,
        minutes=None,
        steps=12,
        steps_per_epoch=4,
        patch_size=32,
        batch_size=4,
        device="cpu",
        precision="float32",
    )
