from __future__ import annotations

import sys
import zipfile

import numpy as np
import pytest
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.exporting import export_job
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import ContextSettings, ExportSettings, LadderSettings, MixSettings

LADDER = LadderSettings(n_levels=3, n_filters=8, n_latents=4)
FEW = ExportSettings(n_samples=4, authors=("A. Name",), license="CC-BY-4.0")


def model_of(settings: LadderSettings) -> Model:
    torch.manual_seed(0)
    mixture = GaussianMixture(torch.zeros(9, 2), 0.0, 1000.0, 1.0)
    header = ModelHeader(
        network=settings,
        mix=MixSettings(),
        normalization={
            "input_mean": 100.0,
            "input_std": 20.0,
            "channel_means": (90.0, 110.0),
            "channel_stds": (10.0, 30.0),
        },
        channel_names=("nuclei", "actin"),
        pixel_size={"Y": 0.1, "X": 0.1},
        units={"Y": "µm", "X": "µm"},
        noise_models=(mixture.to_dict(), mixture.to_dict()),
    )
    return Model(network_of(settings).eval(), header)


@pytest.mark.filterwarnings("ignore")
def test_the_zoo_s_own_test_accepts_what_is_exported(tmp_path, rng):
    pytest.importorskip("bioimageio.core", reason="the extra bioimageio is not installed")
    path = tmp_path / "cells.zip"
    image = Image(rng.normal(100, 20, (150, 140)).astype("f4"), "YX")
    assert run(export_job(model_of(LADDER), path, FEW, image=image)) == path
    from bioimageio.core import test_model

    summary = test_model(path)
    assert summary.status in ("passed", "valid-format")
    names = set(zipfile.ZipFile(path).namelist())
    assert {"noise_model_1.npz", "noise_model_2.npz", "weights.pt"} <= names


def test_without_the_extra_it_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioimageio.core", None)
    with pytest.raises(JobError, match=r"napari-denoisplit\[bioimageio\]"):
        run(export_job(model_of(LADDER), tmp_path / "cells.zip", FEW))


@pytest.mark.filterwarnings("ignore")
def test_a_network_of_patches_is_refused(tmp_path):
    pytest.importorskip("bioimageio.core", reason="the extra bioimageio is not installed")
    context = ContextSettings(scales=2, variant="lean", patch_size=32)
    patches = LADDER.model_copy(update={"context": context, "top_prior_size": 4})
    with pytest.raises(JobError, match="sees patches"):
        run(export_job(model_of(patches), tmp_path / "cells.zip", FEW))
    assert not list(tmp_path.iterdir())


def test_the_example_image_of_settings_is_of_the_model_s_grey_levels():
    from napari_denoisplit.jobs.exporting import _example

    example = _example(model_of(LADDER).header, 128, None)
    assert example.shape == (1, 1, 128, 128)
    assert example.mean() == pytest.approx(100, abs=3)
    assert np.isfinite(example).all()
