from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import zarr

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.zarr.layout import OmeZarrLayout
from napari_denoisplit.images.zarr.writer import OmeZarrWriter
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with a model, an image as TIFF and the same as OME-Zarr."""
    torch.manual_seed(0)
    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=10, channel_means=(100.0, 100.0), channel_stds=(10.0, 10.0)
        ),
        channel_names=("nuclei", "actin"),
    )
    path = tmp_path_factory.mktemp("slide")
    save_model(path / "cells.denoisplit", Model(VSE(network), header))
    data = np.random.default_rng(0).normal(100, 10, (2, 90, 140)).astype("f4")
    write_image(path / "slide.tif", Image(data[0], "YX"))
    writer = OmeZarrWriter.create(
        path / "slide.ome.zarr", OmeZarrLayout(shape=data.shape, axes="CYX", chunk=64)
    )
    for region in writer.regions:
        writer.write(region, data[region.slices])
    writer.finish()
    return path


def split(folder, *words: object) -> int:
    """Exit code of `denoisplit split` with 2 samples and small blocks."""
    options = ("--samples", "2", "--device", "cpu", "--block-size", "64", "--overlap", "16")
    with pytest.raises(SystemExit) as end:
        main(["split", str(folder / "cells.denoisplit"), *map(str, words), *options])
    return int(end.value.code or 0)


def pixels(path) -> np.ndarray:
    return zarr.open_group(path, mode="r")["mmse"]["0"][:]


def test_tiff_and_ome_zarr_give_the_same_ome_zarr(folder, tmp_path, capsys):
    assert split(folder, folder / "slide.tif", "-o", tmp_path / "a.zarr") == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "a.zarr")]
    zarr_input = (folder / "slide.ome.zarr", "--channel", "1")
    assert split(folder, *zarr_input, "-o", tmp_path / "b.zarr") == 0
    np.testing.assert_array_equal(pixels(tmp_path / "a.zarr"), pixels(tmp_path / "b.zarr"))


def test_the_result_can_be_read_as_an_image(folder, tmp_path):
    split(folder, folder / "slide.tif", "-o", tmp_path / "a.zarr")
    mmse = read_image(tmp_path / "a.zarr" / "mmse")
    assert (mmse.axes, mmse.shape, mmse.channel_names) == ("CYX", (2, 90, 140), ("nuclei", "actin"))


def test_a_second_run_finds_all_done_and_again_begins_anew(folder, tmp_path, capsys):
    command = (folder / "slide.tif", "-o", tmp_path / "a.zarr")
    split(folder, *command)
    first = (tmp_path / "a.zarr" / "zarr.json").stat().st_ino
    assert split(folder, *command, "--json") == 0
    output = capsys.readouterr()
    assert "All of a.zarr is there" in output.err
    assert json.loads(output.out[output.out.index("{") :])["complete"]
    assert (tmp_path / "a.zarr" / "zarr.json").stat().st_ino == first
    assert split(folder, *command, "--seed", "3") == 1
    assert "seed 0 there, 3 here" in capsys.readouterr().err
    assert split(folder, *command, "--seed", "3", "--again") == 0


def test_several_images_do_not_go_into_one_folder(folder, tmp_path, capsys):
    images = (folder / "slide.tif", folder / "slide.ome.zarr")
    assert split(folder, *images, "-o", tmp_path / "a.zarr") == 2
    assert "one by one" in capsys.readouterr().err


def test_a_cluster_needs_a_zarr_output(folder, tmp_path, capsys):
    words = (folder / "slide.tif", "-o", tmp_path / "out", "--scheduler", "tcp://node:1")
    assert split(folder, *words) == 2
    assert "--output result.zarr" in capsys.readouterr().err


def test_the_input_is_never_the_output(folder, capsys):
    zarr_input = folder / "slide.ome.zarr"
    assert split(folder, zarr_input, "--channel", "1", "-o", zarr_input, "--again") == 1
    assert "the image to split" in capsys.readouterr().err


def test_a_region_goes_into_the_folder_and_says_where_it_lies(folder, tmp_path):
    assert split(folder, folder / "slide.tif", "-o", tmp_path / "a.zarr") == 0
    words = (folder / "slide.tif", "-o", tmp_path / "b.zarr", "--region", "5:80,:100")
    assert split(folder, *words) == 0
    part = read_image(tmp_path / "b.zarr" / "mmse")
    assert (part.shape, part.origin) == ((2, 75, 100), {"Y": 5.0})
    assert split(folder, folder / "slide.tif", "-o", tmp_path / "b.zarr") == 1


def test_a_dry_run_counts_only_what_is_left_and_writes_nothing(folder, tmp_path, capsys):
    command = (folder / "slide.tif", "-o", tmp_path / "a.zarr", "--memory-gib", "1")
    assert split(folder, *command) == 0
    block = min((tmp_path / "a.zarr" / "mmse" / "0" / "c").rglob("*"), key=lambda p: p.is_dir())
    block.unlink()
    before = sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "a.zarr").rglob("*"))
    capsys.readouterr()
    assert split(folder, *command, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "6 blocks, 5 of them there already" in said
    assert "more on disk" in said
    assert sorted((p, p.stat().st_mtime_ns) for p in (tmp_path / "a.zarr").rglob("*")) == before
    assert split(folder, *command, "--dry-run", "--again") == 0
    assert "already" not in capsys.readouterr().out
    assert split(folder, *command, "--dry-run", "--seed", "3") == 1
    assert "seed 0 there, 3 here" in capsys.readouterr().err
    assert split(folder, *command) == 0
    assert split(folder, *command, "--dry-run") == 0
    assert "All of a.zarr is there" in capsys.readouterr().out
