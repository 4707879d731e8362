"""Where a split to disk begins, and what it says of its blocks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import zarr

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import BlocksWritten, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
SETTINGS = SplitSettings(
    n_samples=2, keep_samples=0, overlap=16, block_size=64, device="cpu", precision="float32"
)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("actin", "mito"),
    )
    return Model(VSE(NETWORK).eval(), header)


@pytest.fixture
def image(rng) -> Image:
    return Image(rng.normal(size=(100, 130)).astype("f4"), "YX")


def split(model, image, path, settings=SETTINGS, **choices):
    """Split, and return the result with what was said of its blocks."""
    said = []
    result = run(split_to_zarr_job(model, image, path, settings, **choices), said.append)
    return result, [event for event in said if isinstance(event, BlocksWritten)]


def test_every_block_is_told_when_it_is_there(model, image, tmp_path):
    path, seen = tmp_path / "out.zarr", []

    def look(event):
        if isinstance(event, BlocksWritten):
            seen.append(event.numbers)
            pixels = zarr.open_group(path / "mmse", mode="r")["0"][0]
            assert int(np.isfinite(pixels).sum()) >= sum(map(len, seen)) * 36 * 2

    run(split_to_zarr_job(model, image, path, SETTINGS), look)
    assert seen[0] == ()
    assert [number for numbers in seen for number in numbers] == list(range(6))


def test_blocks_of_an_earlier_run_are_told_at_once(model, image, tmp_path):
    split(model, image, tmp_path / "out.zarr")
    _, (told,) = split(model, image, tmp_path / "out.zarr")
    assert told == BlocksWritten(tmp_path / "out.zarr", tuple(range(6)))


def test_a_numbered_name_goes_on_with_the_same_and_never_touches_others(model, image, tmp_path):
    (tmp_path / "out.zarr").mkdir()  # somebody's folder
    first, _ = split(model, image, tmp_path / "out.zarr", numbered=True)
    other = SETTINGS.model_copy(update={"seed": 3})
    second, _ = split(model, image, tmp_path / "out.zarr", other, numbered=True)
    again, _ = split(model, image, tmp_path / "out.zarr", numbered=True)
    assert [r.path.name for r in (first, second, again)] == [
        "out-2.zarr", "out-3.zarr", "out-2.zarr",
    ]  # fmt: skip
    assert not any((tmp_path / "out.zarr").iterdir())


def test_a_second_run_into_the_same_folder_is_refused_while_the_first_goes_on(
    model, image, tmp_path
):
    first = split_to_zarr_job(model, image, tmp_path / "out.zarr", SETTINGS)
    while not isinstance(next(first), BlocksWritten):
        pass
    with pytest.raises(JobError, match=r"out\.zarr is being written by process"):
        split(model, image, tmp_path / "out.zarr")
    first.close()
    assert split(model, image, tmp_path / "out.zarr")[0].stopped_early is False
