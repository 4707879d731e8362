from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return the file of a model that knows nothing, but splits."""
    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    normalization = Normalization(
        input_mean=100.0, input_std=10.0, channel_means=(100.0, 100.0), channel_stds=(10.0, 10.0)
    )
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=normalization,
        channel_names=("nuclei", "actin"),
    )
    path = tmp_path_factory.mktemp("model") / "cells.denoisplit"
    save_model(path, Model(VSE(network), header))
    return path


@pytest.fixture
def images(tmp_path, rng):
    """Two images of one stage each, with a pixel size."""
    paths = [tmp_path / name for name in ("first.ome.tif", "second.tif")]
    for path in paths:
        data = rng.normal(100, 10, (40, 48)).astype("f4")
        scale = {"Y": 0.5, "X": 0.5}
        write_image(path, Image(data, "YX", scale, {"Y": "µm", "X": "µm"}))
    return paths


def split(*words: object) -> int:
    """Exit code of `denoisplit split` with 2 samples."""
    with pytest.raises(SystemExit) as end:
        main(["split", *map(str, words), "--samples", "2", "--device", "cpu"])
    return int(end.value.code or 0)


def test_every_image_gets_its_mmse_and_sigma(model, images, tmp_path, capsys):
    out = tmp_path / "results"
    assert split(model, *images, "-o", out) == 0
    names = {f"{name}_{kind}.ome.tif" for name in ("first", "second") for kind in ("mmse", "sigma")}
    assert {path.name for path in out.iterdir()} == names
    assert {line.rpartition("/")[2] for line in capsys.readouterr().out.split()} == names


def test_what_it_takes_is_said_first(model, images, tmp_path, capsys):
    assert split(model, *images, "-o", tmp_path / "results") == 0
    said = capsys.readouterr().err.splitlines()
    assert next(
        i for i, line in enumerate(said) if line.startswith("2 images: 2 answers on cpu")
    ) < next(i for i, line in enumerate(said) if line.startswith("Reading "))


@pytest.mark.parametrize("output", ["results", "result.zarr"])
def test_a_dry_run_says_what_it_takes_and_writes_nothing(model, images, tmp_path, capsys, output):
    assert split(model, images[0], "-o", tmp_path / output, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "of memory to sample" in said
    assert ("on disk" in said) == output.endswith("zarr")
    assert not (tmp_path / output).exists()


def test_results_keep_the_pixel_size_and_name_the_structures(model, images, tmp_path):
    split(model, images[0], "-o", tmp_path / "results")
    mmse = read_image(tmp_path / "results" / "first_mmse.ome.tif")
    assert mmse.axes == "CYX"
    assert mmse.channel_names == ("nuclei", "actin")
    assert dict(mmse.pixel_size) == {"Y": 0.5, "X": 0.5}


def test_results_say_how_they_were_made(model, images, tmp_path):
    split(model, images[0], "-o", tmp_path / "results")
    with tifffile.TiffFile(tmp_path / "results" / "first_sigma.ome.tif") as file:
        assert model.name in file.ome_metadata
        assert "uncalibrated" in file.ome_metadata


def test_kept_samples_are_files_whose_mean_is_the_mmse(model, images, tmp_path):
    out = tmp_path / "results"
    split(model, images[0], "-o", out, "--keep-samples", "2")
    samples = [read_image(path).data for path in sorted((out / "first_samples").iterdir())]
    mmse = read_image(out / "first_mmse.ome.tif").data
    np.testing.assert_allclose(np.mean(samples, axis=0), mmse, rtol=1e-5)


def test_samples_of_an_earlier_run_do_not_stay_among_the_new(model, images, tmp_path):
    out = tmp_path / "results"
    split(model, images[0], "-o", out, "--keep-samples", "2")
    (out / "first_samples" / "notes.ome.tif").touch()
    split(model, images[0], "-o", out, "--keep-samples", "1")
    assert {p.name for p in (out / "first_samples").iterdir()} == {"001.ome.tif", "notes.ome.tif"}


def test_one_sample_has_no_sigma(model, images, tmp_path):
    out = tmp_path / "results"
    split(model, images[0], "-o", out)
    with pytest.raises(SystemExit, match="0"):
        main(["split", str(model), str(images[0]), "-o", str(out), "-n", "1", "--device", "cpu"])
    assert [path.name for path in out.iterdir()] == ["first_mmse.ome.tif"]


def test_nothing_is_made_for_a_model_that_cannot_be_read(images, tmp_path):
    assert split(tmp_path / "absent.denoisplit", images[0], "-o", tmp_path / "results") == 1
    assert not (tmp_path / "results").exists()


def test_results_cannot_go_into_a_file(model, images, capsys):
    assert split(model, images[0], "-o", images[1]) == 2
    assert "is a file" in capsys.readouterr().err


@pytest.mark.parametrize("channel", ["mixed", "2"])
def test_one_channel_of_several_is_split(model, tmp_path, rng, channel):
    data = rng.normal(100, 10, (3, 2, 40, 40)).astype("f4")
    names = ("dna", "mixed")
    write_image(tmp_path / "both.ome.tif", Image(data, "TCYX", channel_names=names))
    write_image(tmp_path / "one.ome.tif", Image(data[:, 1], "TYX"))
    out = tmp_path / "results"
    assert split(model, tmp_path / "both.ome.tif", "-o", out, "--channel", channel) == 0
    assert split(model, tmp_path / "one.ome.tif", "-o", out) == 0
    both, one = (read_image(out / f"{name}_mmse.ome.tif") for name in ("both", "one"))
    assert both.axes == one.axes == "TCYX"
    np.testing.assert_array_equal(both.data, one.data)


def test_a_channel_that_is_not_there_is_refused_with_those_that_are(model, tmp_path, rng, capsys):
    path = tmp_path / "channels.ome.tif"
    data = rng.normal(size=(2, 40, 40)).astype("f4")
    write_image(path, Image(data, "CYX", channel_names=("dna", "mixed")))
    assert split(model, path, "-o", tmp_path / "results", "--channel", "3") == 1
    assert "dna, mixed, 1, 2" in capsys.readouterr().err


def test_one_bad_file_does_not_keep_the_others_from_being_split(model, images, tmp_path, capsys):
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"no image")
    assert split(model, bad, images[1], "-o", tmp_path / "results") == 1
    assert (tmp_path / "results" / "second_mmse.ome.tif").exists()
    assert "bad.tif" in capsys.readouterr().err


def test_images_whose_results_would_share_a_name_are_refused(model, images, tmp_path, capsys):
    other = tmp_path / "other"
    other.mkdir()
    twin = other / "first.tif"
    twin.write_bytes(images[0].read_bytes())
    assert split(model, images[0], twin, "-o", tmp_path / "results") == 2
    assert not (tmp_path / "results").exists()


def test_an_image_with_channels_is_refused(model, tmp_path, rng, capsys):
    path = tmp_path / "channels.ome.tif"
    write_image(path, Image(rng.normal(size=(2, 40, 40)).astype("f4"), "CYX"))
    assert split(model, path, "-o", tmp_path / "results") == 1
    assert "2 channels" in capsys.readouterr().err


def test_info_shows_a_model(model, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(model), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["structures"] == ["nuclei", "actin"]
    assert facts["network"]["n_levels"] == 2


@pytest.mark.parametrize("output", ["results", "result.zarr"])
def test_info_shows_a_result_and_the_folder_that_holds_it(model, images, tmp_path, capsys, output):
    def info(path):
        capsys.readouterr()
        with pytest.raises(SystemExit, match="0"):
            main(["info", str(path), "--json"])
        return json.loads(capsys.readouterr().out)

    split(model, images[0], "-o", tmp_path / output, "--keep-samples", "1")
    one = output.endswith("zarr")
    facts = info(tmp_path / output if one else tmp_path / output / "first_samples")
    assert facts["kind"] == "result of a split"
    assert facts["structures"] == ["nuclei", "actin"]
    assert facts["samples"] == "2, 1 of them kept"
    assert facts["sigma"] == "uncalibrated"
    assert facts["input"] == str(images[0])
    held = info(tmp_path if one else tmp_path / output)
    assert held["images"] == (["first.ome.tif", "second.tif"] if one else [])
    assert held["results"] == (["result.zarr"] if one else ["first_mmse.ome.tif"])


@pytest.fixture
def folder(images, tmp_path):
    """A folder with two images, one of them in a sub-folder."""
    folder = tmp_path / "plate"
    (folder / "day1").mkdir(parents=True)
    images[0].rename(folder / "day1" / "cell.tif")
    images[1].rename(folder / "cell.tif")
    return folder


def test_a_folder_is_split_with_its_sub_folders(model, folder, tmp_path, capsys):
    out = tmp_path / "results"
    assert split(model, folder, "-o", out, "--recursive") == 0
    made = {path.relative_to(out).as_posix() for path in out.rglob("*_mmse.ome.tif")}
    assert made == {"cell_mmse.ome.tif", "day1/cell_mmse.ome.tif"}
    assert (out / "batch.csv").exists()
    assert "2 images in" in capsys.readouterr().err


def test_what_is_done_in_a_folder_is_skipped_unless_asked_for_again(model, folder, capsys):
    out = folder / "split"  # results within the folder are no images to be split
    split(model, folder, "-o", out)
    capsys.readouterr()
    assert split(model, folder, "-o", out) == 0
    printed = capsys.readouterr()
    assert not printed.out
    assert "1 done before" in printed.err
    assert "--again" in printed.err
    assert split(model, folder, "-o", out, "--again") == 0
    assert "cell_mmse.ome.tif" in capsys.readouterr().out


def test_a_file_that_is_done_is_left_and_one_of_the_same_name_refused(
    model, images, tmp_path, capsys
):
    words = images[0], "-o", tmp_path / "results"
    assert split(model, *words) == 0
    capsys.readouterr()
    assert split(model, *words) == 0
    assert "1 done before" in capsys.readouterr().err
    (tmp_path / "day2").mkdir()
    twin = tmp_path / "day2" / images[0].name
    write_image(twin, read_image(images[1]))
    assert split(model, twin, "-o", tmp_path / "results") == 1
    assert "(--again)" in " ".join(capsys.readouterr().err.split())
    assert split(model, twin, "-o", tmp_path / "results", "--again") == 0


def test_a_folder_without_images_is_a_wrong_call(model, tmp_path, capsys):
    assert split(model, tmp_path, "-o", tmp_path / "results", "--pattern", "*.lif") == 2
    assert "*.lif" in capsys.readouterr().err


def test_what_has_become_of_each_image_is_told_as_json(model, folder, tmp_path, capsys):
    (folder / "broken.tif").write_bytes(b"no image")
    assert split(model, folder, "-o", tmp_path / "results", "--json") == 1
    files = json.loads(capsys.readouterr().out)["files"]
    assert [file["status"] for file in files] == ["failed", "done"]
    assert "broken.tif" in files[0]["message"]
    assert files[1]["results"][0].endswith("cell_mmse.ome.tif")


def test_a_region_is_that_part_of_the_whole_and_does_not_replace_it(model, images, tmp_path):
    out = tmp_path / "results"
    assert split(model, images[0], "-o", out) == 0
    assert split(model, images[0], "-o", out, "--region", "8:24,16:") == 0
    whole = read_image(out / "first_mmse.ome.tif").data
    part = read_image(out / "first_y8-24_x16-end_mmse.ome.tif")
    assert dict(part.pixel_size) == {"Y": 0.5, "X": 0.5}
    np.testing.assert_allclose(part.data, whole[:, 8:24, 16:], rtol=0, atol=1e-3)
    with tifffile.TiffFile(out / "first_y8-24_x16-end_sigma.ome.tif") as file:
        assert 'PositionY="4.0"' in file.ome_metadata
        assert "8:24,16:48" in file.ome_metadata


def test_a_region_beyond_an_image_fails_that_image_with_the_way_out(
    model, images, tmp_path, capsys
):
    assert split(model, *images, "-o", tmp_path / "results", "--region", "8:41,:") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "'first', which has 40 pixels along Y: choose a part of 0:40" in said
    dry = (model, images[0], "-o", tmp_path / "dry", "--region", "8:41,:", "--dry-run")
    assert split(*dry) == 0
    assert "choose a part of 0:40" in " ".join(capsys.readouterr().out.split())


def test_a_region_that_cannot_be_read_is_a_wrong_call(model, images, capsys):
    assert split(model, images[0], "--region", "8-24") == 2
    assert "as in 100:300,50:250" in " ".join(capsys.readouterr().err.split())


def test_regions_of_a_folder_that_are_there_are_skipped(model, folder, tmp_path, capsys):
    words = (folder, "-o", tmp_path / "results", "--region", "0:20,0:20")
    assert split(model, *words) == 0
    assert split(model, *words) == 0
    assert "1 done before" in capsys.readouterr().err
