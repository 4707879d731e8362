from __future__ import annotations

import copy
import threading
from collections import namedtuple

import numpy as np
import pytest
import torch
from tests.calibrations import calibrated_by

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Progress, SampleDrawn, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.split import job as splitting
from napari_denoisplit.jobs.split.job import split_job, unlike_training
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4)
SETTINGS = SplitSettings(
    n_samples=4, keep_samples=2, antithetic=False, device="cpu", precision="float32"
)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
        ),
        channel_names=("actin", "mito"),
    )
    return Model(VSE(NETWORK).eval(), header)


def image(shape=(40, 50), axes="YX", **kwargs) -> Image:
    data = np.random.default_rng(0).normal(100, 20, size=shape).astype(np.float32)
    return Image(data, axes, name="dish", **kwargs)


def collected(job):
    events = []
    return run(job, events.append), events


def test_mmse_and_sigma_are_mean_and_spread_of_the_samples(model):
    every = SETTINGS.model_copy(update={"keep_samples": 4})
    split = run(split_job(model, image(), every))
    np.testing.assert_allclose(split.mmse.data, split.samples.mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(
        split.sigma.data, split.samples.std(axis=0, ddof=1), rtol=1e-3, atol=1e-3
    )


def test_every_sample_is_an_event_and_the_mmse_refines(model):
    split, events = collected(split_job(model, image(), SETTINGS))
    drawn = [e for e in events if isinstance(e, SampleDrawn)]
    assert [(e.plane, e.index, e.n_samples) for e in drawn] == [((), k, 4) for k in range(4)]
    np.testing.assert_array_equal(drawn[0].mmse, drawn[0].sample)
    assert not drawn[0].sigma.any()
    np.testing.assert_array_equal(drawn[-1].mmse, split.mmse.data)
    np.testing.assert_allclose(
        drawn[2].mmse, np.mean([e.sample for e in drawn[:3]], axis=0), rtol=1e-4
    )


def test_one_sample_says_nothing_of_sigma(model):
    once = SETTINGS.model_copy(update={"n_samples": 1, "keep_samples": 0})
    split = run(split_job(model, image(), once))
    assert np.isnan(split.sigma.data).all()
    assert np.isfinite(split.mmse.data).all()


def test_calibration_scales_sigma_alone(model):
    plain = run(split_job(model, image(), SETTINGS))
    split = run(split_job(model.calibrated(calibrated_by(2.0, 0.5)), image(), SETTINGS))
    assert (plain.calibrated, split.calibrated) == (False, True)
    np.testing.assert_allclose(split.sigma.data[0], 2 * plain.sigma.data[0], rtol=1e-5)
    np.testing.assert_allclose(split.sigma.data[1], 0.5 * plain.sigma.data[1], rtol=1e-5)
    np.testing.assert_array_equal(split.mmse.data, plain.mmse.data)


def test_planes_of_t_and_z_are_split_one_by_one_and_keep_their_place(model):
    stack = image((2, 3, 40, 50), "TZYX")
    split, events = collected(split_job(model, stack, SETTINGS))
    assert (split.mmse.axes, split.mmse.shape) == ("TCZYX", (2, 2, 3, 40, 50))
    assert split.samples.shape == (2, 2, 2, 3, 40, 50)
    last = [e for e in events if isinstance(e, SampleDrawn)][-1]
    assert last.plane == (1, 2)
    np.testing.assert_array_equal(split.mmse.data[1, :, 2], last.mmse)
    assert np.isfinite(split.mmse.data).all()


def test_the_result_keeps_scale_units_and_structure_names(model):
    scaled = image(pixel_size={"Y": 0.1, "X": 0.2}, units={"Y": "µm", "X": "µm"})
    split = run(split_job(model, scaled, SETTINGS))
    for result in (split.mmse, split.sigma):
        assert result.pixel_size == scaled.pixel_size
        assert result.units == scaled.units
        assert result.channel_names == ("actin", "mito")


def test_singleton_axes_are_accepted_and_kept(model):
    split = run(split_job(model, image((1, 1, 40, 50), "TCYX"), SETTINGS))
    assert split.mmse.axes == "TCYX"
    assert split.mmse.shape == (1, 2, 40, 50)


def test_tiles_give_the_same_split(model):
    whole = run(split_job(model, image((180, 150)), SETTINGS))
    tiled = SETTINGS.model_copy(update={"tile_size": 160, "overlap": 48})
    split = run(split_job(model, image((180, 150)), tiled))
    np.testing.assert_allclose(split.mmse.data, whole.mmse.data, atol=1e-2)


def test_little_memory_cuts_tiles(model):
    small = SETTINGS.model_copy(update={"memory_gib": 0.01, "overlap": 16})
    split = run(split_job(model, image((300, 300)), small))
    assert split.provenance["tile_size"] < 300
    assert np.isfinite(split.mmse.data).all()


def test_stop_keeps_complete_samples(model):
    stop = threading.Event()

    def stop_at_second(event):
        if isinstance(event, SampleDrawn) and event.index == 1:
            stop.set()

    split = run(split_job(model, image(), SETTINGS, stop=stop), stop_at_second)
    assert (split.stopped_early, split.n_samples) == (True, 2)
    np.testing.assert_allclose(split.mmse.data, split.samples.mean(axis=0), rtol=1e-4)


def test_a_stop_before_the_first_plane_prepares_nothing_for_it(model, monkeypatch):
    stop = threading.Event()
    monkeypatch.setattr(splitting, "read_bordered", None)
    monkeypatch.setattr(splitting, "multiply_adds", None)
    split = run(split_job(model, image(), SETTINGS, stop=stop), lambda event: stop.set())
    assert (split.stopped_early, split.n_samples) == (True, 0)


def test_planes_that_were_not_begun_are_nan_after_a_stop(model):
    stop = threading.Event()

    def stop_at_first(event):
        if isinstance(event, SampleDrawn):
            stop.set()

    split = run(split_job(model, image((3, 40, 50), "TYX"), SETTINGS, stop=stop), stop_at_first)
    assert np.isfinite(split.mmse.data[0]).all()
    assert np.isnan(split.mmse.data[1:]).all()


@pytest.mark.parametrize("drawn", [0, 1])
def test_a_stop_within_a_plane_does_not_make_little_of_the_planes_before(model, drawn):
    stop = threading.Event()

    def stop_in_second_plane(event):
        if isinstance(event, SampleDrawn):
            planes.append(event.plane)
        if isinstance(event, Progress) and planes.count((0,)) == SETTINGS.n_samples:
            tiles.append(event)
            if len(tiles) == 1 + drawn * 9:
                stop.set()

    planes, tiles = [], []
    tiled = SETTINGS.model_copy(update={"tile_size": 96, "overlap": 32})
    split = run(split_job(model, image((2, 64, 64), "TYX"), tiled, stop=stop), stop_in_second_plane)
    assert planes.count((1,)) == drawn
    assert split.n_samples == SETTINGS.n_samples
    assert np.isfinite(split.mmse.data[0]).all()


def test_stop_is_seen_between_tiles(model):
    stop = threading.Event()

    def stop_at_first_tile(event):
        if isinstance(event, Progress):
            stop.set()

    tiled = SETTINGS.model_copy(update={"tile_size": 96, "overlap": 32})
    job = split_job(model, image((180, 150)), tiled, stop=stop)
    split = run(job, stop_at_first_tile)
    assert split.n_samples == 0
    assert np.isnan(split.mmse.data).all()


@pytest.mark.parametrize("part", ["encode", "draw"])
def test_a_stop_ends_a_pass_of_the_network_in_its_middle(model, monkeypatch, part):
    stop, ended = threading.Event(), []
    original = getattr(Posterior, part)

    def stopped_within(*given):
        stop.set()
        original(*given)
        ended.append(part)

    monkeypatch.setattr(Posterior, part, stopped_within)
    split = run(split_job(model, image(), SETTINGS, stop=stop))
    assert not ended
    assert (split.n_samples, split.stopped_early) == (0, True)


def test_the_seed_decides_the_samples(model):
    first, again = (run(split_job(model, image(), SETTINGS)) for _ in range(2))
    other = run(split_job(model, image(), SETTINGS.model_copy(update={"seed": 1})))
    np.testing.assert_array_equal(first.samples, again.samples)
    assert np.abs(first.samples - other.samples).max() > 0.1


def test_a_model_file_is_loaded_and_named_in_the_provenance(model, tmp_path):
    path = tmp_path / "m.denoisplit"
    save_model(path, model)
    split = run(split_job(path, image(), SETTINGS))
    assert split.provenance["model"] == "m.denoisplit"
    assert len(split.provenance["model_sha256"]) == 64


@pytest.mark.parametrize("fate", ["deleted", "replaced"])
def test_a_model_file_that_goes_during_a_split_costs_nothing(model, tmp_path, fate):
    path = tmp_path / "m.denoisplit"
    digest = save_model(path, model).sha256

    def meddle(event):
        if isinstance(event, SampleDrawn):
            path.unlink(missing_ok=True)
            if fate == "replaced":
                path.write_bytes(b"another")

    split = run(split_job(path, image(), SETTINGS), meddle)
    assert split.provenance["model_sha256"] == digest
    np.testing.assert_array_equal(
        split.mmse.data, run(split_job(model, image(), SETTINGS)).mmse.data
    )


def test_values_that_are_no_numbers_are_told_with_their_count(model):
    broken = copy.deepcopy(model)
    list(broken.network.parameters())[-1].data[0] = torch.nan
    split, events = collected(split_job(broken, image(), SETTINGS))
    note = next(note for note in split.notes if "NaN or infinite" in note)
    assert "2000 of 4000 predicted values" in note
    assert Stage(note) in events


def test_several_channels_are_refused_with_the_way_out(model):
    with pytest.raises(ImageError, match=r"'dish' has 2 channels.*Select the channel"):
        run(split_job(model, image((2, 40, 50), "CYX"), SETTINGS))


def test_pixels_that_are_not_finite_are_refused_with_their_number(model):
    bad = image()
    bad.data[3, 3] = np.inf
    with pytest.raises(ImageError, match="1 pixel that is NaN or infinite"):
        run(split_job(model, bad, SETTINGS))


def test_an_image_unlike_the_training_data_is_pointed_out(model):
    bright = Image(image().data * 50, "YX", name="bright")
    split, events = collected(split_job(model, bright, SETTINGS))
    (note,) = split.notes
    assert "trained on 100 and 20" in note
    assert note in [e.text for e in events if isinstance(e, Stage)]


def test_results_that_do_not_fit_into_memory_are_refused_with_the_way_out(model, monkeypatch):
    free = namedtuple("free", "available")(1000)
    monkeypatch.setattr("psutil.virtual_memory", lambda: free)
    with pytest.raises(JobError, match="keep fewer answers"):
        run(split_job(model, image(), SETTINGS))


def test_read_only_pixels_are_split(model):
    locked = image()
    locked.data.flags.writeable = False
    assert np.isfinite(run(split_job(model, locked, SETTINGS)).mmse.data).all()


def test_no_sample_is_kept_unless_asked_for(model):
    none = SETTINGS.model_copy(update={"keep_samples": 0})
    assert run(split_job(model, image(), none)).samples is None


def test_memory_that_runs_out_halves_the_tile_and_keeps_the_samples(model, monkeypatch):
    def scarce(self, sample, tile, out):
        if sample >= 2 and tile.outer_y[1] - tile.outer_y[0] > 170:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        draw(self, sample, tile, out)

    draw = splitting.Posterior.draw
    monkeypatch.setattr(splitting.Posterior, "draw", scarce)
    settings = SETTINGS.model_copy(update={"overlap": 48})
    split, events = collected(split_job(model, image((300, 120)), settings))
    (note,) = split.notes
    assert note in [e.text for e in events if isinstance(e, Stage)]
    assert [e.index for e in events if isinstance(e, SampleDrawn)] == [0, 1, 2, 3]
    assert split.provenance["tile_size"] == 164
    monkeypatch.undo()
    after = run(split_job(model, image((300, 120)), settings))
    np.testing.assert_allclose(split.mmse.data, after.mmse.data, atol=1e-2)


PAIRS = SETTINGS.model_copy(update={"antithetic": True, "keep_samples": 4})


def test_mirrored_samples_are_pairs_whose_first_are_the_plain_samples(model):
    plain = run(split_job(model, image(), SETTINGS.model_copy(update={"keep_samples": 4})))
    split = run(split_job(model, image(), PAIRS))
    np.testing.assert_array_equal(split.samples[0::2], plain.samples[0::2])
    a, b = split.samples[0::2], split.samples[1::2]
    assert np.corrcoef((a - plain.mmse.data).ravel(), (b - plain.mmse.data).ravel())[0, 1] < -0.3
    independent = [(0, 2), (0, 3), (1, 2), (1, 3)]
    halves = [(split.samples[i] - split.samples[j]) ** 2 / 2 for i, j in independent]
    np.testing.assert_allclose(split.sigma.data, np.mean(halves, axis=0) ** 0.5, rtol=1e-2)


def test_a_stop_within_a_pair_keeps_the_sample_without_its_partner(model):
    stop = threading.Event()

    def stop_at_third(event):
        if isinstance(event, SampleDrawn) and event.index == 2:
            stop.set()

    split = run(split_job(model, image(), PAIRS, stop=stop), stop_at_third)
    assert split.n_samples == 3
    np.testing.assert_allclose(split.mmse.data, split.samples[:3].mean(axis=0), rtol=1e-4)
    assert (split.sigma.data > 0).all()


@pytest.mark.parametrize(("antithetic", "target"), [(False, 60.0), (True, 2.0)])
def test_a_plane_ends_when_its_mmse_is_as_precise_as_asked_for(model, antithetic, target):
    many = SETTINGS.model_copy(update={"n_samples": 400, "antithetic": antithetic})
    reference = run(split_job(model, image(), many)).mmse.data
    contrast = reference.std(axis=(-2, -1))
    settings = many.model_copy(update={"target_error": target})
    split, events = collected(split_job(model, image(), settings))
    drawn = sum(isinstance(e, SampleDrawn) for e in events)
    assert 4 <= drawn < 200
    assert split.n_samples == split.provenance["samples_per_plane"] == drawn
    error = ((split.mmse.data - reference) ** 2).mean(axis=(-2, -1)) ** 0.5
    assert 0.6 < (100 * error / contrast).max() / target < 1.25
    (note,) = split.notes
    assert f"below {target:g}% after {drawn} samples" in note
    assert Stage(note) in events
    assert max(e.done for e in events if isinstance(e, Progress)) == 1


def test_a_precision_that_is_not_reached_is_said(model):
    settings = SETTINGS.model_copy(update={"target_error": 0.01})
    split = run(split_job(model, image((2, 40, 50), "ZYX"), settings))
    assert split.provenance["samples_per_plane"] == [4, 4]
    (note,) = split.notes
    assert "in 2 of 2 planes after all 4 samples, 0.01% was asked for" in note


def test_samples_to_be_kept_are_drawn_even_if_fewer_are_precise_enough(model):
    settings = SETTINGS.model_copy(
        update={"n_samples": 50, "target_error": 100.0, "keep_samples": 7}
    )
    split = run(split_job(model, image(), settings))
    assert split.n_samples == 7
    assert np.isfinite(split.samples).all()


def test_samples_drawn_at_once_are_those_drawn_one_by_one(model, monkeypatch):
    at_once = run(split_job(model, image(), PAIRS))
    monkeypatch.setattr(splitting, "fitting_batch", lambda *_, **__: 1)
    one_by_one = run(split_job(model, image(), PAIRS))
    for a, b in ((at_once.mmse, one_by_one.mmse), (at_once.sigma, one_by_one.sigma)):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-4, atol=1e-4)


def test_too_few_samples_to_tell_their_error_are_refused():
    with pytest.raises(ValueError, match="3 samples cannot tell their error: allow at least 4"):
        SplitSettings(n_samples=3, target_error=1.0)


@pytest.mark.parametrize("level", [0.0, 1e-7, 1e20, 1e30])
def test_grey_levels_far_from_those_of_the_training_are_told_at_any_size(model, rng, level):
    pixels = (level * rng.normal(5, 1, (16, 16))).astype(np.float32)
    assert "split may be wrong" in str(unlike_training("dish", pixels, model.header.normalization))
