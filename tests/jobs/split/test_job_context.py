"""Networks with lateral context obey the laws of the plain ladder, however an image is cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import zarr

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import network_of, sampler_of
from napari_denoisplit.sampling.focus import Focus
from napari_denoisplit.sampling.patchwork import Patchwork
from napari_denoisplit.settings import (
    ContextSettings,
    LadderSettings,
    MixSettings,
    SplitSettings,
    UNetSettings,
)

# All that a pixel depends on lies within 64 pixels.
SETTINGS = SplitSettings(
    n_samples=2, keep_samples=1, overlap=64, block_size=64, device="cpu", precision="float32"
)
LADDER = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
IMAGE = ContextSettings(scales=3)
PATCHES = {"patch_size": 16, "kept_size": 8}
NETWORKS = {
    "image": LADDER.model_copy(update={"context": IMAGE}),
    "lean": LADDER.model_copy(
        update={"context": ContextSettings(scales=3, variant="lean", **PATCHES)}
    ),
    "regular": LADDER.model_copy(
        update={"context": ContextSettings(scales=2, variant="regular", **PATCHES)}
    ),
    "unet": UNetSettings(n_levels=2, n_filters=4, context=IMAGE),
}
NORMALIZATION = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


@pytest.fixture(scope="module", params=NETWORKS)
def model(request) -> Model:
    torch.manual_seed(0)
    settings = NETWORKS[request.param]
    header = ModelHeader(
        network=settings,
        mix=MixSettings(),
        normalization=NORMALIZATION,
        channel_names=("actin", "mito"),
    )
    return Model(network_of(settings).eval(), header)


@pytest.fixture(scope="module")
def image() -> Image:
    data = np.random.default_rng(0).normal(100, 20, (70, 200)).astype(np.float32)
    return Image(data, "YX", name="slide")


@pytest.fixture(scope="module")
def whole(model, image):
    return run(split_job(model, image, SETTINGS))


def assert_same(found, expected, whole):
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * float(whole.mmse.data.std()))


def test_tiles_make_the_whole(model, image, whole):
    tiled = run(split_job(model, image, SETTINGS.model_copy(update={"tile_size": 192})))
    assert_same(tiled.mmse.data, whole.mmse.data, whole)
    assert_same(tiled.sigma.data, whole.sigma.data, whole)


def test_a_region_is_what_the_whole_has_there(model, image, whole):
    part = run(split_job(model, image, SETTINGS, region=PlaneRegion.parse("20:60,110:170")))
    assert_same(part.mmse.data, whole.mmse.data[:, 20:60, 110:170], whole)


def test_a_split_to_disk_is_that_in_memory(model, image, whole, tmp_path):
    run(split_to_zarr_job(model, image, tmp_path / "it.zarr", SETTINGS))
    found = zarr.open_group(tmp_path / "it.zarr" / "mmse", mode="r")["0"][:]
    assert_same(found.reshape(whole.mmse.data.shape), whole.mmse.data, whole)


def test_the_lens_shows_what_the_whole_has_there(model, image, whole):
    network = sampler_of(model.network, Compute(torch.device("cpu"), torch.float32))
    work = Patchwork(network, NORMALIZATION, image, SETTINGS, memory=2**30)
    view = Focus((), (20, 60), (80, 120))
    while (step := work.next_step(view)) is not None:
        work.draw(step)
    picture = work.picture(view)
    expected = whole.mmse.data[:, slice(*picture.y), slice(*picture.x)]
    assert_same(picture.mmse, expected, whole)


def test_the_file_brings_it_back(model, image, whole, tmp_path):
    save_model(tmp_path / "it.denoisplit", model)
    again = run(split_job(load_model(tmp_path / "it.denoisplit"), image, SETTINGS))
    assert_same(again.mmse.data, whole.mmse.data, whole)
