"""A network of every family is trained, saved, opened and used by what knows none of them."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
from tests.quick_training import quick_training

from napari_denoisplit.checkpoint import last_path, load_model, read_header
from napari_denoisplit.errors import CalibrationError, TrainingError
from napari_denoisplit.events import Elbo, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.zarr.reading import read_ome_zarr
from napari_denoisplit.jobs.calibrate.job import calibrate_job
from napari_denoisplit.jobs.learning import loop
from napari_denoisplit.jobs.learning import run as training_run
from napari_denoisplit.jobs.preflight import preflight
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.split.lens import lens_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.nn.families.divnoising import DivNoisingFamily
from napari_denoisplit.sampling.focus import Focus, FocusSlot
from napari_denoisplit.settings import (
    CalibrateSettings,
    ContextSettings,
    DivNoisingSettings,
    LadderSettings,
    NetworkSettings,
    SplitSettings,
    TrainSettings,
    UNetSettings,
)

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")

LADDER = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
UNET = UNetSettings(n_levels=2, n_filters=4)
DIVNOISING = DivNoisingSettings(n_filters=4, n_latents=4)
SPLIT = SplitSettings(n_samples=4, keep_samples=2, device="cpu", precision="float32")


def fields_of(n_channels: int) -> TrainingFields:
    rng = np.random.default_rng(0)
    clean = rng.gamma(2.0, 40.0, (n_channels, 12, 12)).repeat(16, 1).repeat(16, 2)
    noisy = rng.poisson(clean).astype(np.float32)
    names = tuple(f"structure {c}" for c in range(n_channels))
    return TrainingFields((noisy,), names, clean=(clean.astype(np.float32),))


def trained(network: NetworkSettings, n_channels: int, path, **more):
    settings = TrainSettings(
        network=network, steps=3, minutes=None, patch_size=32, batch_size=2, steps_per_epoch=3,
        validation_fraction=0.2, test_fraction=0.2, device="cpu", precision="float32",
    )  # fmt: skip
    return run(train_job(fields_of(n_channels), settings, path=path, **more))


def superposition() -> Image:
    pixels = fields_of(2).fields[0].mean(axis=0)
    return Image(pixels[:100, :130], "YX", name="cells")


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    path = tmp_path_factory.mktemp("unet") / "unet.denoisplit"
    trained(UNET, 2, path)
    return path


@pytest.fixture(scope="module")
def divnoising(tmp_path_factory):
    path = tmp_path_factory.mktemp("divnoising") / "divnoising.denoisplit"
    trained(DIVNOISING, 1, path)
    return path


@pytest.fixture(scope="module")
def one_channel(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "one.denoisplit"
    trained(LADDER, 1, path)
    return path


def test_a_ladder_of_one_channel_is_trained_and_splits(one_channel):
    split = run(split_job(load_model(one_channel), superposition(), SPLIT))
    assert split.mmse.shape == (1, 100, 130)
    assert split.samples.shape == (2, 1, 100, 130)
    assert (split.sigma.data > 0).all()


def test_a_unet_is_trained_and_resumed_and_needs_no_noise_model(unet):
    header = read_header(unet)
    assert header.network == UNET
    assert header.noise_models is None
    again = trained(UNET, 2, unet.with_name("again.denoisplit"), resume=last_path(unet))
    assert [done.epoch for done in again.history] == [2]
    assert again.history[0].validation.kl_per_level == ()


def test_a_unet_learns_with_what_surrounds_a_patch_and_fits_together(tmp_path):
    network = UNET.model_copy(update={"context": ContextSettings(scales=3)})
    path = tmp_path / "context.denoisplit"
    result = trained(network, 2, path)
    assert [math.isfinite(done.validation.loss) for done in result.history] == [True]
    assert read_header(path).network == network
    again = trained(network, 2, tmp_path / "again.denoisplit", resume=last_path(path))
    assert [done.epoch for done in again.history] == [2]
    model, image = load_model(path), superposition()
    whole = run(split_job(model, image, SPLIT))
    tiled = run(split_job(model, image, SPLIT.model_copy(update={"tile_size": 128})))
    assert tiled.provenance["tile_size"] == 128
    np.testing.assert_allclose(tiled.mmse.data, whole.mmse.data, rtol=1e-4, atol=1e-3)


def test_a_unet_gives_one_answer_and_says_that_there_is_no_spread(unet):
    events = []
    split = run(split_job(load_model(unet), superposition(), SPLIT), events.append)
    assert split.n_samples == 1
    assert split.samples is None
    assert np.isfinite(split.mmse.data).all()
    assert np.isnan(split.sigma.data).all()
    (note,) = (note for note in split.notes if "one answer" in note)
    assert note in [event.text for event in events if isinstance(event, Stage)]


def test_grey_levels_that_a_unet_does_not_know_are_told_beside_that(unet):
    model, image = load_model(unet), superposition()
    far = replace(image, data=image.data * 100)
    kept = SPLIT.model_copy(update={"grey_levels": "kept"})
    notes = run(split_job(model, far, kept)).notes
    assert any("one answer" in note for note in notes)
    assert any("was trained on" in note for note in notes)


def test_tiles_of_a_unet_fit_together_exactly(unet):
    model, image = load_model(unet), superposition()
    whole = run(split_job(model, image, SPLIT))
    tiled = run(split_job(model, image, SPLIT.model_copy(update={"tile_size": 96})))
    assert tiled.provenance["tile_size"] == 96
    np.testing.assert_allclose(tiled.mmse.data, whole.mmse.data, rtol=1e-4, atol=1e-3)


def test_a_unet_splits_to_disk_and_tells_before_what_that_takes(unet, tmp_path):
    model, image = load_model(unet), superposition()
    settings = SPLIT.model_copy(update={"block_size": 64})
    told = preflight(model, image, settings, on_disk=True)
    assert (told.n_samples, told.n_blocks, told.n_results) == (1, 6, 1)
    done = run(split_to_zarr_job(model, image, tmp_path / "out.zarr", settings))
    assert not done.stopped_early
    assert any("one answer" in note for note in done.notes)
    assert not (tmp_path / "out.zarr" / "sigma").exists()
    written = read_ome_zarr(tmp_path / "out.zarr" / "mmse")
    expected = run(split_job(model, image, SPLIT)).mmse
    np.testing.assert_allclose(written.data, expected.data, rtol=1e-4, atol=1e-3)


def test_the_lens_shows_what_a_unet_predicts(unet):
    model, image, requests, stop = load_model(unet), superposition(), FocusSlot(), threading.Event()
    requests.put(Focus((), (20, 60), (30, 90)))
    for event in lens_job(model, image, SPLIT, requests, stop):
        if not isinstance(event, Stage) and np.isfinite(event.mmse).all():
            stop.set()
    expected = run(split_job(model, image, SPLIT)).mmse.data
    place = (slice(None), slice(*event.y), slice(*event.x))
    np.testing.assert_allclose(event.mmse, expected[place], rtol=1e-4, atol=1e-3)


def test_a_unet_has_no_spread_to_calibrate(unet):
    settings = CalibrateSettings(device="cpu", precision="float32")
    with pytest.raises(CalibrationError, match="one answer"):
        run(calibrate_job(unet, fields_of(2), settings))


def test_divnoising_is_trained_saved_and_draws_samples(divnoising):
    header = read_header(divnoising)
    assert header.network == DIVNOISING
    assert len(header.noise_models) == 1
    split = run(split_job(load_model(divnoising), superposition(), SPLIT))
    assert split.samples.shape == (2, 1, 100, 130)
    assert (split.sigma.data > 0).all()


def test_samples_of_divnoising_in_tiles_on_disk_and_in_the_lens_are_those_of_the_whole(
    divnoising, tmp_path
):
    model, image = load_model(divnoising), superposition()
    whole = run(split_job(model, image, SPLIT))
    tiled = run(split_job(model, image, SPLIT.model_copy(update={"tile_size": 80})))
    assert tiled.provenance["tile_size"] == 80
    np.testing.assert_allclose(tiled.samples, whole.samples, rtol=1e-4, atol=1e-3)
    settings = SPLIT.model_copy(update={"block_size": 64})
    run(split_to_zarr_job(model, image, tmp_path / "out.zarr", settings))
    for kind in ("mmse", "sigma"):
        written = read_ome_zarr(tmp_path / "out.zarr" / kind)
        expected = getattr(whole, kind).data[0]  # a lone channel has no axis on disk
        np.testing.assert_allclose(written.data, expected, rtol=1e-4, atol=1e-3)
    requests, stop = FocusSlot(), threading.Event()
    requests.put(Focus((), (20, 60), (30, 90)))
    for event in lens_job(model, image, SPLIT, requests, stop):
        if not isinstance(event, Stage) and np.isfinite(event.mmse).all() and event.n_samples == 4:
            stop.set()
    place = (slice(None), slice(*event.y), slice(*event.x))
    np.testing.assert_allclose(event.mmse, whole.mmse.data[place], rtol=1e-4, atol=1e-3)


def test_a_training_whose_latents_go_unused_begins_anew(monkeypatch, tmp_path):
    path, unused = tmp_path / "m.denoisplit", iter([True, True, False])
    monkeypatch.setattr(loop, "_goes_unused", lambda *_: next(unused))
    result = trained(DIVNOISING, 1, path)
    assert read_header(path).training["restarts"] == 2
    assert [done.epoch for done in result.history] == [1]
    assert read_header(path).training["steps"] == 3  # of the last attempt, with all its budget


def test_after_the_last_restart_the_weight_of_the_kl_rises_slowly_and_then_it_is_an_error(
    monkeypatch, tmp_path
):
    warmups, made = [], training_run._trainer
    monkeypatch.setattr(loop, "UNUSED", math.inf)
    monkeypatch.setattr(DivNoisingFamily, "most_restarts", 2)
    monkeypatch.setattr(
        training_run,
        "_trainer",
        lambda *given: warmups.append(given[1].warmup_steps) or made(*given),
    )
    with pytest.raises(TrainingError, match="unused in 4 attempts"):
        trained(DIVNOISING, 1, tmp_path / "m.denoisplit")
    assert warmups == [0, 0, 0, 10 * 3]
    assert not (tmp_path / "m.denoisplit").exists()


def test_latents_are_unused_below_a_kl_of_1e_7_per_pixel():
    class Fake:
        header = type("Header", (), {"network": DIVNOISING})

    for kl, expected in ((0.9e-7, True), (1.1e-7, False)):
        elbo = Elbo(0.0, 0.0, (kl,))
        assert loop._goes_unused(Fake, type("Result", (), {"elbo": elbo})) == expected
    Fake.header.network = LADDER
    assert not loop._goes_unused(Fake, type("Result", (), {"elbo": Elbo(0.0, 0.0, (0.0,))}))


def test_a_unet_may_answer_for_the_eight_turns_of_the_image(unet):
    model, image = load_model(unet), superposition()
    settings = SPLIT.model_copy(update={"eightfold": True})
    split = run(split_job(model, image, settings))
    assert split.n_samples == 8
    assert any("eight turns and flips" in note for note in split.notes)
    turned = Image(np.rot90(image.data).copy(), "YX", name="turned")
    # The mean over all turns of a turned image is the turned mean: the border alone is cut unlike.
    again = np.rot90(run(split_job(model, turned, settings)).mmse.data[0], -1)
    np.testing.assert_allclose(again[8:92, 8:120], split.mmse.data[0][8:92, 8:120], atol=0.5)


def test_a_split_of_the_eight_turns_is_the_same_on_disk(divnoising, tmp_path):
    model, image = load_model(divnoising), superposition()
    settings = SPLIT.model_copy(update={"eightfold": True, "n_samples": 16, "block_size": 64})
    whole = run(split_job(model, image, settings))
    plain = run(split_job(model, image, settings.model_copy(update={"eightfold": False})))
    assert not np.allclose(whole.mmse.data, plain.mmse.data, atol=1e-3)
    run(split_to_zarr_job(model, image, tmp_path / "out.zarr", settings))
    written = read_ome_zarr(tmp_path / "out.zarr" / "mmse")
    np.testing.assert_allclose(written.data, whole.mmse.data[0], rtol=1e-4, atol=1e-3)
