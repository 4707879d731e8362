from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.training.recorded_mix import recorded_mix
from napari_denoisplit.settings import MixSettings

NAMES = ("nuclei", "actin")


@pytest.fixture(scope="module")
def clean():
    return phantom((256, 256), seed=1)


def measure(channels, recorded, mix=None):
    masks = [np.ones(recorded.shape, bool)]
    return recorded_mix([channels], [recorded], masks, mix or MixSettings(), NAMES)


def noise(rng, clean):
    spread = clean.std(axis=(1, 2), keepdims=True)
    return (spread * rng.normal(size=clean.shape)).astype("f4")


def test_weights_and_offset_are_found_whatever_the_noise(rng, clean):
    recorded = 0.7 * clean[0] + 1.2 * clean[1] - 100 + noise(rng, clean)[0]
    found = measure(clean + noise(rng, clean), recorded)
    assert found.weights == pytest.approx((0.7, 1.2), rel=0.1)
    mean = np.array(found.weights) @ clean.mean(axis=(1, 2)) + found.offset
    assert mean == pytest.approx(recorded.mean(), rel=0.01)


def test_weights_that_are_stated_are_kept(clean):
    found = measure(clean, clean.sum(axis=0) - 100, MixSettings(weights=(1.0, 1.0)))
    assert found.weights == (1.0, 1.0)
    assert found.offset == pytest.approx(-100, abs=0.1)


def test_superpositions_of_other_fields_are_refused(clean):
    with pytest.raises(ImageError, match="do not show what the channels show"):
        measure(clean, phantom((256, 256), seed=7).sum(axis=0))


def test_superpositions_that_lack_a_structure_are_refused_by_its_name(clean):
    with pytest.raises(ImageError, match="actin is not seen in the recorded superpositions"):
        measure(clean, clean[0] - 0.1 * clean[1])
