from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import (
    ImageError,
    JobError,
    ModelFileError,
    NoiseModelError,
    TrainingError,
)
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.jobs.denoise import denoiser
from napari_denoisplit.jobs.denoise import job as denoising
from napari_denoisplit.jobs.denoise.job import denoise_job
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.measures.psnr import psnr
from napari_denoisplit.settings import DenoiseSettings, SplitSettings

TINY = DenoiseSettings(
    minutes=None, steps=2, patch_size=32, batch_size=2, device="cpu", precision="float32"
)


@pytest.fixture(scope="module")
def pair():
    """A clean phantom with white noise as strong as the structure, and without."""
    clean = phantom((128, 128), ("filaments",))[0]
    noise = np.random.default_rng(0).normal(0, clean.std(), clean.shape)
    return clean, (clean + noise).astype(np.float32)


def test_white_noise_is_removed_within_few_steps(pair):
    clean, noisy = pair
    settings = TINY.model_copy(update={"steps": 60, "batch_size": 4, "learning_rate": 4e-3})
    result = run(denoise_job([noisy], settings))
    assert psnr(clean, result.images[0]) > psnr(clean, noisy) + 5
    assert result.verdict.grade == "good"
    result.check()


def test_a_seed_gives_the_same_image_again(pair):
    first, again = (run(denoise_job([pair[1]], TINY)).images[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = run(denoise_job([pair[1]], TINY.model_copy(update={"seed": 1}))).images[0]
    assert not np.array_equal(first, other)


def test_a_network_that_another_run_writes_is_left_to_it(pair, tmp_path):
    path = tmp_path / "network.denoisplit"
    with locked(path), pytest.raises(JobError, match="being written by process"):
        run(denoise_job([pair[1]], TINY, path=path))
    assert not path.exists()


@pytest.mark.parametrize("shape", [(37, 51), (9, 70), (1, 40), (2, 3, 33, 32)])
def test_any_size_comes_out_as_it_went_in(rng, shape):
    result = run(denoise_job([rng.normal(100, 10, shape)], TINY))
    assert result.images[0].shape == shape
    assert result.images[0].dtype == np.float32
    assert np.isfinite(result.images[0]).all()


def test_tiles_fit_together(rng, monkeypatch):
    image = rng.normal(100, 10, (150, 200)).astype(np.float32)
    whole = run(denoise_job([image], TINY)).images[0]
    monkeypatch.setattr(denoiser, "TILE", 64)
    np.testing.assert_allclose(run(denoise_job([image], TINY)).images[0], whole, rtol=1e-5)


def test_a_noise_model_gets_a_signal_with_less_of_a_pixels_own_noise(pair):
    _, noisy = pair
    settings = TINY.model_copy(update={"steps": 20})
    plain = run(denoise_job([noisy], settings)).images[0]
    signal = run(denoise_job([noisy], settings, for_noise_model=True)).images[0]
    noise = noisy - plain
    assert abs(np.vdot(signal - plain, noise)) > 0
    assert np.vdot(signal, noise) < np.vdot(plain, noise)


def test_a_constant_image_is_refused():
    with pytest.raises(ImageError, match="'flat' has the value 7 everywhere"):
        run(denoise_job([np.full((64, 64), 7)], TINY, names=("flat",)))


def test_pixels_that_are_not_finite_are_refused(pair):
    image = pair[1].copy()
    image[0, 0] = np.nan
    with pytest.raises(ImageError, match="NaN or infinite"):
        run(denoise_job([image], TINY))


def test_a_blank_result_is_no_signal(pair):
    blank = run(denoise_job([pair[1]], TINY.model_copy(update={"learning_rate": 1e-9})))
    with pytest.raises(NoiseModelError, match="nearly blank"):
        blank.check()


def test_a_stop_in_training_keeps_what_was_learned(pair):
    stop = threading.Event()
    job = denoise_job([pair[1]], TINY.model_copy(update={"steps": 10_000}), stop=stop)
    result = run(job, lambda event: stop.set() if isinstance(event, Progress) else None)
    assert result.stopped_early
    assert 0 < result.n_steps < 10_000
    assert np.isfinite(result.images[0]).all()


def test_stopped_twice_it_leaves_out_the_planes_that_are_not_done(pair, monkeypatch):
    monkeypatch.setattr(denoising, "SECONDS_BETWEEN_PROGRESS", -1)  # tells of every plane
    stop, said = threading.Event(), []

    def stop_at(event):
        said.append(event.text)
        if "loss" in event.text or event.text == "plane 2 of 3":
            stop.set()
        elif event.text.startswith("Denoising by what was learned"):
            assert not stop.is_set()  # so that it can be asked again

    endless = TINY.model_copy(update={"steps": 10_000})
    result = run(denoise_job([np.stack([pair[1]] * 3)], endless, stop=stop), stop_at)
    assert result.stopped_early
    done = [np.isfinite(plane).all() for plane in result.images[0]]
    assert done == [True, False, False]


def test_a_plane_of_512_pixels_is_one_tile(monkeypatch):
    tiles = []
    cut = denoiser.tile_grid
    monkeypatch.setattr(denoiser, "tile_grid", lambda *a: tiles.extend(cut(*a)) or cut(*a))
    plane = np.random.default_rng(0).normal(100, 5, (512, 512)).astype(np.float32)
    run(denoise_job([plane], TINY))
    assert len(tiles) == 1


def test_progress_ends_at_all_of_it(pair):
    events = []
    run(denoise_job([pair[1]], TINY), events.append)
    assert all(0 <= e.done <= 1 for e in events if isinstance(e, Progress))


def test_a_kept_network_denoises_again_without_learning(pair, tmp_path):
    path = tmp_path / "n2v.denoisplit"
    first = run(denoise_job([pair[1]], TINY, path=path, channel="actin"))
    written = path.read_bytes()
    header = load_model(path).header
    assert (header.network.kind, header.channel_names) == ("denoiser", ("actin",))
    endless = TINY.model_copy(update={"steps": 1_000_000})
    again = run(denoise_job([pair[1]], endless, path=path))
    np.testing.assert_array_equal(first.images[0], again.images[0])
    assert again.n_steps == first.n_steps == 2
    assert path.read_bytes() == written


def test_a_kept_network_goes_on_learning_with_its_own_normalization(pair, tmp_path):
    path = tmp_path / "n2v.denoisplit"
    first = run(denoise_job([pair[1]], TINY, path=path)).model.header
    second = run(denoise_job([2 * pair[1]], TINY, path=path, resume=True)).model.header
    assert (first.training["steps"], second.training["steps"]) == (2, 4)
    assert second.normalization == first.normalization
    assert load_model(path).header == second


def test_the_network_of_a_denoiser_splits_images_of_its_channel(pair, tmp_path):
    path = tmp_path / "n2v.denoisplit"
    denoised = run(denoise_job([pair[1]], TINY, path=path)).images[0]
    settings = SplitSettings(n_samples=2, device="cpu", precision="float32")
    split = run(split_job(path, Image(pair[1], "YX"), settings))
    inner = np.s_[64:-64, 64:-64]  # the border is continued otherwise
    np.testing.assert_allclose(split.mmse.data[0][inner], denoised[inner], rtol=1e-4)


def test_nothing_is_resumed_where_nothing_was_kept(pair, tmp_path):
    with pytest.raises(ModelFileError, match="cannot be opened"):
        run(denoise_job([pair[1]], TINY, path=tmp_path / "none.denoisplit", resume=True))


def test_a_splitting_network_is_no_denoiser(pair, fields, settings, tmp_path):
    path = tmp_path / "split.denoisplit"
    one = settings.model_copy(update={"steps": 1, "method": "musplit"})
    run(train_job(fields, one, path=path))
    with pytest.raises(ModelFileError, match="splits images \\(filaments, pits\\)"):
        run(denoise_job([pair[1]], TINY, path=path))


def test_a_stop_before_the_first_step_says_that_there_is_no_model(pair):
    stop = threading.Event()
    stop.set()
    with pytest.raises(TrainingError, match="no model"):
        run(denoise_job([pair[1]], TINY, stop=stop))
