from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_denoisplit.checkpoint import load_model, read_header
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


@pytest.fixture
def checkpoint(request, tmp_path):
    stored = load_file(request.config.rootpath / "tests" / "nn" / "foreign_networks.safetensors")
    start = "muSplit/state/"
    state = {k.removeprefix(start): v for k, v in stored.items() if k.startswith(start)}
    torch.save({"state_dict": state}, tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


def called(*words: object) -> int:
    try:
        main(["import", *map(str, words)])
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_images_give_names_and_statistics(checkpoint, tmp_path, rng, capsys):
    for name in ("ER", "tubules"):
        data = rng.normal(50, 3, (40, 40)).astype(np.float32)
        write_image(tmp_path / f"{name}.tif", Image(data, "YX"))
    images = ("--images", tmp_path / "ER.tif", "--images", tmp_path / "tubules.tif")
    assert called(checkpoint, *images) == 0
    assert "best.denoisplit" in capsys.readouterr().out
    model = load_model(tmp_path / "best.denoisplit")
    assert model.header.channel_names == ("ER", "tubules")
    assert model.header.normalization.input_mean == pytest.approx(50, abs=0.2)


def test_numbers_take_the_place_of_images(checkpoint, tmp_path):
    words = ("--names", "a,b", "--means", "5,4,6", "--stds", "1,2,3", "--weights", "0.3,0.7")
    assert called(checkpoint, *words, "-o", tmp_path / "it.denoisplit") == 0
    header = read_header(tmp_path / "it.denoisplit")
    assert header.normalization.channel_stds == (2, 3)
    assert header.mix.weights == (0.3, 0.7)


def test_what_is_missing_is_asked_for_by_name(checkpoint, capsys):
    assert called(checkpoint, "--names", "a,b") == 1
    assert "--images, or --means and --stds" in capsys.readouterr().err
    assert called(checkpoint, "--means", "5,4,6", "--stds", "1,2,3") == 1
    assert "name 2 or 4 structures" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "problem"), [("", "is a folder"), ("no.ckpt", "does not exist")])
def test_a_checkpoint_that_is_no_file_is_told_before_anything_else(tmp_path, capsys, name, problem):
    assert called(tmp_path / name) == 2
    assert f"{problem}. Name the checkpoint file" in " ".join(capsys.readouterr().err.split())


def test_no_model_is_overwritten_unasked(checkpoint, tmp_path, capsys):
    (tmp_path / "best.denoisplit").write_text("mine")
    assert called(checkpoint, "--names", "a,b", "--means", "5,4,6", "--stds", "1,2,3") == 2
    assert "exists" in capsys.readouterr().err
