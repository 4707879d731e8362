"""HDN and muSplit in sequence: one training makes one model, which is both, one after the other."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.quick_training import quick_training, training_quickly

from napari_denoisplit.checkpoint import Model, last_path, load_model
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import EpochDone, Progress, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.separate import SeparateFields
from napari_denoisplit.images.zarr.reading import read_ome_zarr
from napari_denoisplit.jobs.calibrate.job import calibrate_job
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.split.lens import lens_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.train.sequence import SEQUENCE
from napari_denoisplit.jobs.trust.residuals import residual_job
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.sampling.focus import Focus, FocusSlot
from napari_denoisplit.settings import (
    PRESETS,
    CalibrateSettings,
    DivNoisingSettings,
    LadderSettings,
    LossSettings,
    MixSettings,
    SequenceSettings,
    SplitSettings,
    TrainSettings,
    UNetSettings,
    after_denoising,
)

__all__ = ["quick_training"]

DENOISER = LadderSettings(n_channels=1, n_levels=1, n_filters=4, n_latents=2, variance="exp")
SPLITTER = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
TRAIN = TrainSettings(
    method=SEQUENCE,
    network=SequenceSettings(denoiser=DENOISER, splitter=SPLITTER),
    minutes=None,
    steps=8,
    steps_per_epoch=2,
    patch_size=32,
    batch_size=2,
    validation_fraction=0.2,
    test_fraction=0.2,
    device="cpu",
    precision="float32",
)
KNOWN = PoissonGaussian(1.0, 0.0, 0.1, 0.0, 800.0)
SPLIT = SplitSettings(n_samples=2, keep_samples=2, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def fields() -> TrainingFields:
    rng = np.random.default_rng(0)
    clean = rng.gamma(2.0, 40.0, (2, 12, 12)).repeat(16, 1).repeat(16, 2)
    noisy = rng.poisson(clean).astype(np.float32)
    return TrainingFields((noisy,), ("nuclei", "actin"), clean=(clean.astype(np.float32),))


@pytest.fixture(scope="module")
def trained(fields, tmp_path_factory):
    path, events = tmp_path_factory.mktemp("sequence") / "m.denoisplit", []
    with training_quickly():
        job = train_job(fields, TRAIN, path=path, noise_models=[KNOWN] * 2)
        return run(job, events.append), events


@pytest.fixture(scope="module")
def model(trained) -> Model:
    return load_model(trained[0].path)


@pytest.fixture(scope="module")
def superposition(fields) -> Image:
    pixels = fields.fields[0].mean(axis=0)[:, :180]
    return Image(pixels, "YX", name="cells")


@pytest.fixture(scope="module")
def whole(model, superposition):
    return run(split_job(model, superposition, SPLIT))


def by_hand(model: Model) -> tuple[Model, Model]:
    """The denoiser and what splits, each as a model of its own."""
    header, network = model.header, model.network
    n, (factor, summand) = header.normalization, network.between.tolist()
    std = n.input_std / factor
    seen = {"input_mean": n.input_mean - summand * std, "input_std": std}
    of_denoiser = Normalization(
        input_mean=n.input_mean, input_std=n.input_std,
        channel_means=(n.input_mean,), channel_stds=(n.input_std,),
    )  # fmt: skip
    first = {
        "network": network.denoiser.settings,
        "normalization": of_denoiser,
        "channel_names": ("superposition",),
        "noise_models": None,
    }
    second = {"network": network.splitter.settings, "normalization": n.model_copy(update=seen)}
    return (
        Model(network.denoiser, header.model_copy(update=first)),
        Model(network.splitter, header.model_copy(update=second)),
    )


def with_one_answer(model: Model) -> Model:
    """The same, whose second network takes the mean of its latents, too."""
    both = model.header.network
    splitter = both.splitter.model_copy(update={"autoencoder": True})
    settings = both.model_copy(update={"splitter": splitter})
    network = network_of(settings)
    network.load_state_dict(model.network.state_dict())
    header = model.header.model_copy(update={"network": settings})
    return Model(network.eval(), header)


def test_one_training_makes_one_model_of_both_networks(trained, model):
    result, events = trained
    network, training = model.header.network, model.header.training
    assert network.denoiser == DENOISER.model_copy(update={"autoencoder": True})
    assert network.splitter == SPLITTER.model_copy(update={"predict_logvar": True})
    assert model.header.channel_names == ("nuclei", "actin")
    assert TrainSettings.model_validate(training["settings"]) == TRAIN
    # A quarter of the steps each, and it is said.
    assert training["denoisers"] == {"nuclei": 2, "actin": 2, "superposition": 2}
    assert training["steps"] == 2
    said = [event.text for event in events if isinstance(event, Stage)]
    assert any("4 trainings, each of 2 steps at most" in text for text in said)
    assert [len(e.psnr) for e in events if isinstance(e, EpochDone)] == [2]
    assert not last_path(result.path).exists()


def test_it_knows_the_images_as_they_were_recorded(model, superposition):
    n = model.header.normalization
    assert n.input_mean == pytest.approx(superposition.data.mean(), rel=0.1)
    assert n.input_std == pytest.approx(superposition.data.std(), rel=0.2)
    assert model.header.mix.weights == (0.5, 0.5)
    assert len(model.header.noise_models) == 2


def test_a_split_is_that_of_denoising_and_then_splitting_by_hand(model, superposition):
    model = with_one_answer(model)
    denoiser, splitter = by_hand(model)
    kept = SPLIT.model_copy(update={"grey_levels": "kept"})
    denoised = run(split_job(denoiser, superposition, kept)).mmse.data[0]
    expected = run(split_job(splitter, Image(denoised, "YX"), kept)).mmse.data
    found = run(split_job(model, superposition, kept)).mmse.data
    # Near the edge the mirrored border is denoised, and not the denoised image mirrored.
    inside = (..., slice(76, -76), slice(76, -76))
    np.testing.assert_allclose(found[inside], expected[inside], rtol=1e-4, atol=1e-3)
    assert not np.allclose(found, run(split_job(splitter, superposition, kept)).mmse.data, atol=0.1)


def test_samples_in_tiles_on_disk_and_in_the_lens_are_those_of_the_whole(
    model, superposition, whole, tmp_path
):
    tiled = run(split_job(model, superposition, SPLIT.model_copy(update={"tile_size": 168})))
    assert tiled.provenance["tile_size"] == 168
    np.testing.assert_allclose(tiled.samples, whole.samples, rtol=1e-4, atol=1e-3)
    settings = SPLIT.model_copy(update={"block_size": 64})
    disk = run(split_to_zarr_job(model, superposition, tmp_path / "out.zarr", settings))
    for split in (whole, disk):
        assert any("second network alone" in note for note in split.notes)
    for kind in ("mmse", "sigma"):
        written = read_ome_zarr(tmp_path / "out.zarr" / kind)
        np.testing.assert_allclose(written.data, getattr(whole, kind).data, rtol=1e-4, atol=1e-3)
    requests, stop = FocusSlot(), threading.Event()
    requests.put(Focus((), (90, 110), (90, 110)))
    for event in lens_job(model, superposition, SPLIT, requests, stop):
        if not isinstance(event, Stage) and np.isfinite(event.mmse).all() and event.n_samples == 2:
            stop.set()
    place = (slice(None), slice(*event.y), slice(*event.x))
    np.testing.assert_allclose(event.mmse, whole.mmse.data[place], rtol=1e-4, atol=1e-3)


def test_the_model_of_the_file_splits_as_the_trained_one(trained, superposition, whole):
    split = run(split_job(trained[0].model, superposition, SPLIT))
    np.testing.assert_allclose(split.samples, whole.samples, rtol=1e-5, atol=1e-3)
    assert np.median(split.sigma.data) > 0


def test_its_residual_is_checked_and_its_sigma_calibrated(model, fields, superposition, whole):
    check = run(residual_job(model.header, superposition, whole))
    # By the noise of what was recorded: the network has learned nothing, and leaves structure.
    assert check.verdict.grade == "do not use"
    settings = CalibrateSettings(n_samples=5, device="cpu", precision="float32")
    assert len(run(calibrate_job(model, fields, settings)).model.header.calibration.channels) == 2


@pytest.mark.usefixtures("quick_training")
def test_a_recorded_superposition_is_what_is_denoised(fields, tmp_path):
    nuclei, actin = fields.fields[0]
    both = np.float32(0.7) * nuclei + np.float32(0.4) * actin + 100
    result = run(train_job(replace(fields, superpositions=(both,)), TRAIN))
    header = result.model.header
    assert header.normalization.input_mean == pytest.approx(both.mean(), rel=0.1)
    assert header.mix.weights == pytest.approx((0.7, 0.4), rel=0.05)
    assert header.mix.offset == pytest.approx(100, abs=5)


def stopping(stop: threading.Event, kind: type, text: str = ""):
    """Stop at the first event of a kind whose text says so."""

    def on_event(event):
        if isinstance(event, kind) and text in getattr(event, "text", ""):
            stop.set()

    return on_event


@pytest.mark.usefixtures("quick_training")
@pytest.mark.parametrize("text", ["denoising nuclei, epoch", "denoising actin, field"])
def test_stopped_while_it_denoises_it_says_that_nothing_is_kept(fields, tmp_path, text):
    path, stop = tmp_path / "m.denoisplit", threading.Event()
    job = train_job(fields, TRAIN, path=path, stop=stop, noise_models=[KNOWN] * 2)
    with pytest.raises(TrainingError, match="no model that splits yet, and what was learned"):
        run(job, stopping(stop, Progress, text))
    assert not path.exists()


@pytest.mark.usefixtures("quick_training")
def test_stopped_while_it_splits_it_keeps_a_whole_model(fields, superposition, tmp_path):
    path, stop = tmp_path / "m.denoisplit", threading.Event()
    settings = TRAIN.model_copy(update={"steps": 24})  # three epochs each
    job = train_job(fields, settings, path=path, stop=stop, noise_models=[KNOWN] * 2)
    result = run(job, stopping(stop, EpochDone))
    assert result.stopped_early
    assert result.path == path
    assert run(split_job(load_model(path), superposition, SPLIT)).mmse.shape == (2, 192, 180)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"mix": MixSettings(alpha_low=0.5)}, "leave the range out"),
        ({"mix": MixSettings(noise_high=2)}, "leave the range out"),
        ({"loss": LossSettings()}, "likelihood 'gaussian'"),
        (
            {"network": SequenceSettings(denoiser=UNetSettings(n_channels=1), splitter=SPLITTER)},
            "take LadderSettings",
        ),
        ({"network": DivNoisingSettings()}, "given network denoises one structure"),
        ({"preset": "hdn", "network": None}, "preset 'hdn' denoises one structure"),
    ],
)
def test_settings_that_do_not_go_with_it_are_refused(fields, changes, told):
    with pytest.raises(TrainingError, match=told):
        run(train_job(fields, TRAIN.model_copy(update=changes)))


def test_images_that_do_not_go_with_it_are_refused(fields, trained):
    nuclei, actin = (fields.alone(c, ())[0] for c in range(2))
    for given in (nuclei, SeparateFields((nuclei, actin))):
        with pytest.raises(TrainingError, match="two structures or more of the same fields"):
            run(train_job(given, TRAIN))
    with pytest.raises(TrainingError, match="Train anew, with more minutes"):
        run(train_job(fields, TRAIN, resume=trained[0].path))


def test_pixels_are_set_aside_as_the_settings_say(fields, monkeypatch):
    def partition(self, **how):
        raise TrainingError(f"alternate: {how['alternate']}")

    monkeypatch.setattr(TrainingFields, "partition", partition)
    with pytest.raises(TrainingError, match="alternate: True"):
        run(train_job(fields, TRAIN.model_copy(update={"alternate": True})))


def test_both_networks_are_not_trained_by_another_method(fields):
    settings = TRAIN.model_copy(update={"method": "musplit"})
    with pytest.raises(TrainingError, match="choose the method 'hdn_musplit'"):
        run(train_job(fields, settings))


def test_a_denoiser_comes_before_any_network():
    both = after_denoising(SPLITTER)
    assert both.denoiser == PRESETS["hdn"].network
    assert both.splitter == SPLITTER
    assert after_denoising(both) == both
    with pytest.raises(ValueError, match="A denoiser of 2 channels"):
        SequenceSettings(denoiser=SPLITTER, splitter=SPLITTER)
