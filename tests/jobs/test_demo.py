from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import EpochDone, run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.jobs import demo
from napari_denoisplit.jobs.demo import demo_fields, demo_job, demo_test
from napari_denoisplit.jobs.split.job import split_job


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
    monkeypatch.setattr(demo, "split_job", stopped_split)
    with pytest.raises(JobError, match=r"before the first sample.*demo\.denoisplit"):
        run(demo_job(tmp_path, minutes=0.01, n_samples=2))


def stopped_split(model, image, settings, *, stop=None):
    stop = threading.Event()
    stop.set()
    return split_job(model, image, settings, stop=stop)


def test_a_demo_leaves_images_a_model_and_a_picture(small, tmp_path):
    stop = threading.Event()

    def stop_after_an_epoch(event):
        if isinstance(event, EpochDone):
            stop.set()

    result = run(demo_job(tmp_path, minutes=0.03, n_samples=2, stop=stop), stop_after_an_epoch)
    *images, model = result.files
    assert read_header(model).channel_names == ("filaments", "pits")
    assert {path.name: read_image(path).axes for path in images} == {
        "superposition.ome.tif": "YX",
        "truth.ome.tif": "CYX",
        "sigma.ome.tif": "CYX",
        "mmse.ome.tif": "CYX",
    }
    assert result.picture.read_bytes().startswith(b"\x89PNG")
    assert set(result.psnr) == {
        f"{name}, {what}"
        for name in ("filaments", "pits")
        for what in ("superposition", "one sample", "MMSE")
    }
