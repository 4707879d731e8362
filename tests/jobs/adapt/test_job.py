"""A network with spoiled statistics stands for recordings that look unlike the training images."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.calibrations import calibrated_by
from tests.jobs.conftest import NETWORK
from tests.quick_training import training_quickly
from tests.stand_in import stand_in
from torch import nn

from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.adapt.job import adapt_job
from napari_denoisplit.jobs.adapt.statistics import move_statistics
from napari_denoisplit.jobs.adapt.tiles import parts_of, tiles_of
from napari_denoisplit.jobs.recording.job import recording_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.trust.likeness import likeness_from, likeness_of
from napari_denoisplit.jobs.trust.residuals import reference_of
from napari_denoisplit.jobs.trust.round_trip import Trip
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.measures.trust.likeness import KEY as LIKENESS
from napari_denoisplit.measures.trust.likeness import noise_of
from napari_denoisplit.settings import (
    Acquisition,
    AdaptSettings,
    LadderSettings,
    MixSettings,
    SplitSettings,
    TrainSettings,
)

SETTINGS = AdaptSettings(device="cpu", precision="float32")
SPLIT = SplitSettings(n_samples=2, keep_samples=0, device="cpu", precision="float32")
CLEAN = phantom((256, 384), ("filaments", "pits"), 77)


@pytest.fixture(scope="module")
def trained() -> Model:
    clean = np.stack([phantom((128, 128), ("filaments", "pits"), seed) for seed in range(3)])
    fields = TrainingFields(
        tuple(add_noise(clean, gaussian=0.5, seed=0)), ("filaments", "pits"), clean=tuple(clean)
    )
    settings = TrainSettings(
        network=NETWORK,
        minutes=None,
        steps=120,
        steps_per_epoch=60,
        patch_size=32,
        batch_size=8,
        learning_rate=1e-2,
        average_decay=0.9,
        device="cpu",
        precision="float32",
    )
    with training_quickly():
        model = run(train_job(fields, settings)).model
    n = model.header.normalization
    mixed = np.stack([superpose(field, (0.5, 0.5)) for field in fields.fields])
    corners = [(y, x) for y in (0, 32, 64) for x in range(0, 65, 8)]
    tiles = np.stack([m[y : y + 64, x : x + 64] for m in mixed for y, x in corners])
    tiles = ((tiles - n.input_mean) / n.input_std).astype(np.float32)
    likeness = likeness_from(model, torch.from_numpy(tiles)[:, None], tiles, noise_of(tiles))
    training = model.header.training | {LIKENESS: likeness.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))


@pytest.fixture(scope="module")
def dish() -> Image:
    """Twice as noisy as the training images."""
    return Image(superpose(add_noise(CLEAN, gaussian=1.0, seed=1), (0.5, 0.5)), "YX", name="dish")


def spoiled(model: Model) -> Model:
    """Return a model that takes its features for other ones than they are."""
    network = type(model.network)(model.network.settings)
    network.load_state_dict(model.network.state_dict())
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean += norm.running_var.sqrt()
    header = model.header.model_copy(update={"calibration": calibrated_by(2.0, 2.0)})
    return replace(model, network=network.eval(), header=header)


def better(monkeypatch, is_better: bool) -> None:
    """Let the round trip say that an adapted model is better, or worse."""

    def round_trips(models, split, settings, *, noise=None, stop=None):
        rng = np.random.default_rng(0)
        turned = rng.normal(size=(2, 256, 256)).astype(np.float32)
        off = rng.normal(size=turned.shape).astype(np.float32)
        ways = turned + 0.9 * off, turned + 0.5 * off
        yield Trip(turned, turned, ways if is_better else ways[::-1])

    stand_in(monkeypatch, "jobs.trust.round_trip", round_trips)
    monkeypatch.setattr("napari_denoisplit.jobs.adapt.job.round_trips", round_trips)


def test_statistics_that_do_not_fit_are_mended_without_truth(trained, dish):
    model, mended = spoiled(trained), spoiled(trained)
    tiles = tiles_of(parts_of(dish, Acquisition()), trained.header.normalization)
    move_statistics(mended.network, torch.from_numpy(tiles)[:, None], 1.0)
    kept = SPLIT.model_copy(update={"grey_levels": "kept"})
    before, after = (
        np.mean(
            [
                range_invariant_psnr(t, m)
                for t, m in zip(CLEAN, run(split_job(one, dish, kept)).read_mmse(()), strict=True)
            ]
        )
        for one in (model, mended)
    )
    assert after > before


def test_what_is_kept_is_honest_about_itself(trained, dish, tmp_path, monkeypatch):
    better(monkeypatch, True)
    model = spoiled(trained)
    path = tmp_path / "dish.denoisplit"
    run(adapt_job(model, [dish], SETTINGS, path=path))
    found = load_model(path)
    assert found.header.calibration is None
    assert reference_of(found.header) is None
    for kept in ("normalization", "noise_models", "mix", "network", "channel_names"):
        assert getattr(found.header, kept) == getattr(model.header, kept)
    record = found.header.provenance["adapted"]
    assert "dish" in record["recordings"][0]
    assert record["share"] == 0.5
    weights, own = model.network.state_dict(), found.network.state_dict()
    assert all(torch.equal(own[k], v) for k, v in weights.items() if "running" not in k)
    assert not all(torch.equal(own[k], v) for k, v in weights.items() if "running" in k)


def test_no_split_of_an_adapted_model_is_called_good(trained, dish, monkeypatch):
    better(monkeypatch, True)
    adapted = run(adapt_job(trained, [dish], SETTINGS)).model
    look = run(recording_job(adapted, dish, SPLIT, threading.Event()))
    assert look.verdict.grade != "good"
    assert any("adapted" in reason for reason in look.verdict.reasons)


def test_an_adapted_model_brings_other_grey_levels_into_its_frame(trained, dish, monkeypatch):
    better(monkeypatch, True)
    adapted = run(adapt_job(trained, [dish], SETTINGS)).model
    assert likeness_of(adapted.header) is not None
    for gain in (1.0, 3.0):
        taken = replace(dish, data=np.float32(gain) * dish.data)
        look = run(recording_job(adapted, taken, SPLIT, threading.Event()))
        assert look.acquisition.gain == pytest.approx(gain, rel=0.06)


def test_what_does_not_help_leaves_no_file(trained, dish, tmp_path, monkeypatch):
    better(monkeypatch, False)
    path = tmp_path / "dish.denoisplit"
    outcome = run(adapt_job(trained, [dish], SETTINGS, path=path))
    assert (outcome.model, outcome.path) == (None, None)
    assert not list(tmp_path.glob("*.denoisplit"))


def test_a_stop_leaves_the_model_as_it_was(trained, dish, tmp_path):
    stop = threading.Event()
    stop.set()
    outcome = run(adapt_job(trained, [dish], SETTINGS, path=tmp_path / "m.denoisplit", stop=stop))
    assert outcome.model is None
    assert outcome.verdict.reasons[0].startswith("Stopped")


def test_what_cannot_be_adapted_says_why(trained, dish):
    told = LadderSettings(**NETWORK.model_dump(exclude={"told_brightness"}), told_brightness=True)
    mix = MixSettings(alpha_low=0.5, alpha_high=1.5)
    header = trained.header.model_copy(update={"network": told, "mix": mix})
    with pytest.raises(JobError, match="is told how bright"):
        run(adapt_job(replace(trained, header=header), [dish], SETTINGS))
    unlearned = trained.header.model_copy(update={"training": {}})
    with pytest.raises(JobError, match="how noisy its training images"):
        run(adapt_job(replace(trained, header=unlearned), [dish], SETTINGS))
    with pytest.raises(ImageError, match="no recording"):
        run(adapt_job(trained, [], SETTINGS))
