from __future__ import annotations

import numpy as np
import pytest
from tests.plain_batches import plain_batches

from napari_denoisplit.checkpoint import ModelHeader, read_header
from napari_denoisplit.events import run
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.trust.likeness import likeness_of, usual_backgrounds
from napari_denoisplit.settings import METHODS, LadderSettings, LossSettings, MixSettings

PLAIN = Normalization(
    input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


def test_a_trained_model_and_its_file_know_their_kind(settings, tmp_path):
    clean = np.stack([phantom((256, 256), seed=s) for s in range(2)])
    fields = TrainingFields(tuple(add_noise(clean, gaussian=0.5, seed=0)), ("filaments", "pits"))
    path = tmp_path / "cells.denoisplit"
    chosen = settings.model_copy(update={"loss": METHODS["musplit"]})
    trained = run(train_job(fields, chosen, path=path))
    likeness = likeness_of(trained.model.header)
    assert likeness is not None
    assert likeness_of(read_header(path)) == likeness
    assert likeness.distance < 2


def test_images_without_room_for_a_tile_make_none(fields, settings):
    small = TrainingFields(tuple(f[:, :96, :96] for f in fields.fields), fields.channel_names)
    chosen = settings.model_copy(update={"loss": LossSettings(likelihood="gaussian", kl="mean")})
    trained = run(train_job(small, chosen))
    assert likeness_of(trained.model.header) is None


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_the_background_of_training_images_is_that_of_what_they_show(share):
    """However much of them is black, as around a mosaic."""
    clean = np.stack([phantom((256, 256), seed=s) for s in range(4)])
    fields = list(add_noise(clean, sigma=80.0, seed=0) + 500)
    for field in fields[: round(4 * share)]:
        field[:] = 0
    masks = [np.ones((256, 256), bool)] * 4
    whole = Normalization.of(fields, masks, (0.5, 0.5), ("a", "b")) if share < 1 else PLAIN
    batches = plain_batches(fields, whole)
    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network, mix=MixSettings(), normalization=whole, channel_names=("a", "b")
    )
    found = usual_backgrounds(batches, header)
    if share == 1:
        assert not found
        return
    assert [one.edge for one in found] == [256, 128]
    for one in found:
        level = one.level * whole.input_std + whole.input_mean
        assert level == pytest.approx(600, abs=60)  # phantoms begin at 100
