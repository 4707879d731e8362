from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.quick_training import quick_training
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import EpochDone, Stage, run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.results.files import open_split
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs import demo
from napari_denoisplit.jobs.demo import demo_fields, demo_job, demo_test, no_better
from napari_denoisplit.jobs.learning.loop import Trained

__all__ = ["quick_training"]


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(demo, "SIZE", 128)
    monkeypatch.setattr(demo, "N_FIELDS", 1)


def test_the_field_that_is_split_is_not_trained_on(small):
    truth, _ = demo_test(0)
    for field in demo_fields(0).fields:
        assert abs(np.corrcoef(field[0].ravel(), truth.data[0].ravel())[0, 1]) < 0.5


def test_the_superposition_is_the_mean_of_noisy_channels(small):
    truth, superposition = demo_test(0)
    residual = superposition.data - truth.data.mean(axis=0)
    assert abs(residual.mean()) < 3
    assert residual.std() > 20


def test_a_demo_stopped_before_the_first_sample_says_where_the_model_is(
    small, tmp_path, monkeypatch
):
    def train_job(fields, settings, *, path=None, noise_models=None, resume=None, stop=None):
        yield Stage("Training")
        return Trained(None, path, (), False)

    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        yield Stage("Encoding")
        return Split.of_image(demo_test(0)[0], mmse=demo_test(0)[0].data, n_samples=0)

    stand_in(monkeypatch, "jobs.demo", train_job, split_job)
    with pytest.raises(JobError, match=r"before the first sample.*demo\.denoisplit"):
        run(demo_job(tmp_path, n_samples=2))


def test_a_split_no_better_than_its_input_is_named():
    psnr = {"filaments, superposition": 19.2, "filaments, MMSE": 24.0}
    assert no_better(psnr | {"pits, superposition": 21.0, "pits, MMSE": 20.8}) == ["pits"]


def test_a_demo_leaves_images_a_model_and_a_picture(small, quick_training, tmp_path):
    stop, said = threading.Event(), []

    def stop_after_an_epoch(event):
        if isinstance(event, EpochDone):
            stop.set()
        if isinstance(event, Stage):
            said.append(event.text)

    result = run(demo_job(tmp_path, minutes=0.03, n_samples=2, stop=stop), stop_after_an_epoch)
    superposition, mmse, model = result.files
    assert read_header(model).channel_names == ("filaments", "pits")
    assert [read_image(path).axes for path in (superposition, mmse)] == ["YX", "CYX"]
    assert read_image(tmp_path / "truth.ome.tif").axes == "CYX"
    assert open_split(mmse).structures == ("filaments", "pits")
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    assert set(result.psnr) == {
        f"{name}, {what}"
        for name in ("filaments", "pits")
        for what in ("superposition", "one sample", "MMSE")
    }
    assert any("no better than the noisy superposition" in text for text in said) == bool(
        no_better(result.psnr)
    )
