"""The commands that check splits and ask samples."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_denoisplit.checkpoint import (
    Model,
    ModelHeader,
    load_model,
    read_header,
    save_model,
)
from napari_denoisplit.cli.app import app
from napari_denoisplit.images.example.cells import MODEL, cells_to_split
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.sources import source_line
from napari_denoisplit.measures.trust.reference import KEY
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import LadderSettings, MixSettings

NETWORK = LadderSettings(n_levels=2, n_filters=8, n_latents=4, upsampling="nearest")
CAMERA = PoissonGaussian(1.0, 0.0, 10.0, 0, 1e4)


@pytest.fixture
def model(tmp_path):
    """A model that predicts next to nothing but its mean, 100 grey levels."""
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization={
            "input_mean": 100.0,
            "input_std": 10.0,
            "channel_means": (100.0, 100.0),
            "channel_stds": (1e-3, 1e-3),
        },
        channel_names=("a", "b"),
        noise_models=(CAMERA.to_dict(), CAMERA.to_dict()),
    )
    path = tmp_path / "m.denoisplit"
    save_model(path, Model(VSE(NETWORK), header))
    return path


@pytest.fixture
def flat(tmp_path, rng):
    """Nothing but the noise that the model expects: variance (2 x 200) / 4."""
    return save(tmp_path / "flat.tif", rng.normal(100, 10, (256, 256)))


def save(path, pixels):
    write_image(path, Image(pixels.astype(np.float32), "YX"))
    return path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_an_explained_image_and_a_strange_one_are_told_apart(model, flat, tmp_path, rng):
    y = np.arange(256)[:, None]
    strange = save(tmp_path / "strange.tif", rng.normal(100 + 10 * np.sin(y / 9), 10, (256, 256)))
    done = invoke("trust", model, flat, strange, "-n", 2, "--json", "-o", tmp_path / "out")
    assert done.exit_code == 0
    facts = {entry["path"]: entry for entry in json.loads(done.stdout)}
    assert facts[str(flat)]["grade"] == "usable"  # a model without a reference is not called good
    assert facts[str(flat)]["variance"] == pytest.approx(1, abs=0.05)
    assert facts[str(strange)]["grade"] == "do not use"
    residual = read_image(tmp_path / "out" / "flat_residual.ome.tif")
    assert np.asarray(residual.data).std() == pytest.approx(1, abs=0.05)


def test_unfamiliar_places_are_written_as_a_map(tmp_path):
    cells = save(tmp_path / "cells.tif", np.asarray(cells_to_split()[0].data)[:192, :192])
    done = invoke("trust", MODEL, cells, "-n", 2, "--json", "-o", tmp_path)
    (facts,) = json.loads(done.stdout)
    strangeness = np.asarray(read_image(tmp_path / "cells_unfamiliar.ome.tif").data)
    assert strangeness.shape == (192, 192)
    assert facts["unfamiliar"] == pytest.approx((strangeness > 2).mean())
    wide = read_image(tmp_path / "cells_widened_sigma.ome.tif")
    assert wide.channel_names == ("nuclei", "actin")
    assert wide.data.shape[1:] == strangeness.shape


def test_a_pipeline_can_stop_at_a_bad_verdict(model, flat):
    assert invoke("trust", model, flat, "-n", 2, "--require", "usable").exit_code == 0
    assert invoke("trust", model, flat, "-n", 2, "--require", "good").exit_code == 3


def test_a_reference_is_kept_and_used(model, flat, tmp_path, rng):
    assert invoke("trust", model, flat, "--reference").exit_code == 0
    assert read_header(model).training[KEY]["data"] == "flat"
    other = save(tmp_path / "other.tif", rng.normal(100, 10, (256, 256)))
    done = invoke("trust", model, other, "-n", 2)
    assert f"{other}: good" in done.stdout


def test_a_reference_of_what_the_model_was_trained_on_is_warned_of(model, flat, tmp_path, rng):
    trained = load_model(model)
    same_name = save(tmp_path / "dish.tif", rng.normal(100, 10, (256, 256)))
    lines = [source_line(read_image(flat)), "dish YX (9, 9) sha256:0123"]
    known = trained.header.model_copy(update={"provenance": {"sources": lines}})
    save_model(model, replace(trained, header=known))
    renamed = tmp_path / "renamed.tif"
    flat.rename(renamed)
    said = invoke("trust", model, renamed, same_name, "--reference").stderr
    assert "renamed is an image that the model was trained on" in said
    assert "dish has the name of an image that the model was trained on" in said
    other = save(tmp_path / "other.tif", rng.normal(100, 10, (256, 256)))
    assert "warning" not in invoke("trust", model, other, "--reference").stderr


def test_an_image_too_small_for_a_reference_is_said_so(model, tmp_path, rng):
    small = save(tmp_path / "small.tif", rng.normal(100, 10, (64, 64)))
    assert invoke("trust", model, small, "--reference").exit_code != 0


def test_images_of_one_name_do_not_replace_each_other(model, flat, tmp_path):
    done = invoke("trust", model, flat, flat.with_suffix(".tiff"), "-o", tmp_path / "out")
    assert "would both be written" in str(done.exception)


def test_the_consensus_of_samples_is_written(tmp_path):
    rng = np.random.default_rng(0)
    for k in range(6):
        pixels = rng.normal(10, 0.2, (2, 60, 80)).astype(np.float32)
        pixels[0, 10:20, 10:30] += 20
        if k < 4:
            pixels[0, 40:50, 40:60] += 20
        image = Image(pixels, "CYX", channel_names=("pits", "mesh"))
        write_image(tmp_path / "cells_samples" / f"{k + 1:03d}.ome.tif", image)
    done = invoke("consensus", tmp_path / "cells_samples", "--structure", "pits")
    assert done.exit_code == 0
    labels = np.asarray(read_image(tmp_path / "cells_pits_consensus.ome.tif").data)
    confidence = np.asarray(read_image(tmp_path / "cells_pits_confidence.ome.tif").data)
    assert labels.max() == 2
    assert confidence[45, 50] == pytest.approx(4 / 6)
    with (tmp_path / "cells_pits_objects.csv").open() as file:
        first, second = csv.DictReader(file)
    assert float(first["mean"]) == pytest.approx(30, abs=0.2)
    assert float(second["sigma"]) > 5  # two samples of six do not show it
    assert read_image(tmp_path / "cells_map.ome.tif").shape == (2, 60, 80)
    true = np.zeros((60, 80), np.uint8)
    true[10:20, 10:30] = 1
    write_image(tmp_path / "true.tif", Image(true, "YX"))
    truth = ("--truth", tmp_path / "true.tif")
    again = invoke("consensus", tmp_path / "cells_samples", "--structure", "pits", *truth)
    assert "2 objects, 1 true ones: F1 0.667" in again.stdout
    several = invoke("consensus", tmp_path / "cells_samples", *truth)
    assert "name it with --structure, one of pits, mesh" in str(several.exception)


def write_result(folder, rng):
    """Write a result of 6 samples: a square of 'pits' at 60 grey levels."""
    truth = np.full((2, 60, 80), 10, np.float32)
    truth[1, 10:20, 10:30] = 60
    samples = truth + rng.normal(0, 2, (6, *truth.shape)).astype(np.float32)
    files = {f"cells_samples/{k + 1:03d}": sample for k, sample in enumerate(samples)}
    files |= {"cells_mmse": samples.mean(axis=0), "cells_sigma": samples.std(axis=0)}
    for name, pixels in files.items():
        image = Image(pixels, "CYX", channel_names=("mesh", "pits"))
        write_image(folder / f"{name}.ome.tif", image)
    return folder / "cells_mmse.ome.tif"


def test_objects_of_a_result_are_summed_up(tmp_path, rng):
    result, table = write_result(tmp_path, rng), tmp_path / "pits.csv"
    assert invoke("objects", result, table, "--structure", "pits").exit_code == 0
    with table.open() as file:
        (one,) = csv.DictReader(file)
    assert float(one["low"]) < 60 < float(one["high"])
    labels = np.zeros((60, 80), np.uint16)
    labels[40:50] = 9
    write_image(tmp_path / "labels.tif", Image(labels, "YX"))
    words = ("--structure", "2", "--labels", tmp_path / "labels.tif")
    assert invoke("objects", result, table, *words).exit_code == 0
    with table.open() as file:
        (one,) = csv.DictReader(file)
    assert (one["label"], one["n_pixels"]) == ("9", "800")
    assert "choose one of mesh, pits" in str(
        invoke("objects", result, table, "--structure", "nuclei").exception
    )


def test_a_folder_without_samples_is_refused(tmp_path):
    assert "is not a folder of samples" in str(invoke("consensus", tmp_path).exception)


def test_a_single_sample_has_no_consensus(tmp_path):
    image = Image(np.zeros((2, 60, 80), np.float32), "CYX", channel_names=("pits", "mesh"))
    write_image(tmp_path / "cells_samples" / "001.ome.tif", image)
    done = invoke("consensus", tmp_path / "cells_samples")
    assert "too few samples (1)" in str(done.exception)


def test_a_folder_stands_for_its_images(model, tmp_path, rng):
    for name in ("b10", "b9"):
        save(tmp_path / "day" / f"{name}.tif", rng.normal(100, 10, (64, 64)))
    done = invoke("trust", model, tmp_path / "day", "-n", 2, "--device", "cpu", "--json")
    names = [fact["path"].rpartition("day")[2][1:] for fact in json.loads(done.stdout)]
    assert names == ["b9.tif", "b10.tif"]
