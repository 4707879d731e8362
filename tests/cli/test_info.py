from __future__ import annotations

import json

import numpy as np
import pytest

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.normalization import Normalization
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import MixSettings, NetworkSettings


@pytest.fixture
def file(tmp_path):
    from napari_denoisplit.images.writing import write_image

    image = Image(
        np.zeros((2, 20, 30), "f4"),
        "CYX",
        pixel_size={"Y": 0.25, "X": 0.25},
        units={"Y": "µm", "X": "µm"},
        channel_names=("nuclei", "actin"),
    )
    write_image(tmp_path / "cells.ome.tif", image)
    return tmp_path / "cells.ome.tif"


def test_info_says_axes_pixel_size_and_channels(file, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(file)])
    output = capsys.readouterr().out
    assert "CYX" in output
    assert "0.25 µm" in output
    assert "nuclei, actin" in output


def test_info_as_json_can_be_read_back(file, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(file), "--json"])
    assert json.loads(capsys.readouterr().out)["shape"] == [2, 20, 30]


def test_a_file_that_is_no_model_is_refused(tmp_path, capsys):
    path = tmp_path / "foreign.denoisplit"
    path.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(SystemExit, match="1"):
        main(["info", str(path)])
    assert "foreign.denoisplit" in capsys.readouterr().err


def test_info_of_a_model_says_what_a_user_asks(tmp_path, capsys):
    path = tmp_path / "m.denoisplit"
    network = NetworkSettings(n_levels=1, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network,
        mix=MixSettings(mode="sum"),
        normalization=Normalization(
            input_mean=120, input_std=8, channel_means=(1.0, 2.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("nuclei", "actin"),
        provenance={"sources": ["cells CYX"], "torch": "2"},
        training={
            "settings": {"method": "denoisplit", "preset": "tiny"},
            "history": [{"step": 30, "psnr": [21.04, 22.5]}],
        },
    )
    save_model(path, Model(VSE(network), header))
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(path)])
    output = capsys.readouterr().out
    for words in (
        "nuclei, actin",
        "cells CYX",
        "preset tiny",
        "21.0 / 22.5 dB",
        "sum, weights 1, 1",
    ):
        assert words in output
