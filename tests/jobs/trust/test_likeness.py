from __future__ import annotations

import numpy as np

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.events import run
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.trust.likeness import likeness_of
from napari_denoisplit.settings import METHODS, LossSettings


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
