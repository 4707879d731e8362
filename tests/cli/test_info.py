from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.images.example.cells import MODEL
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.noise.files.noise_file import write_noise_model
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import LadderSettings, MixSettings, UNetSettings
from napari_denoisplit.verdict import NoiseRecord, Verdict


@pytest.fixture
def file(tmp_path):
    from napari_denoisplit.images.files.writing import write_image

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


def test_info_refuses_a_model_whose_weights_are_no_numbers(tmp_path, capsys):
    broken = load_model(MODEL)
    next(iter(broken.network.parameters())).data.view(-1)[0] = float("inf")
    save_model(tmp_path / "m.denoisplit", broken)
    with pytest.raises(SystemExit, match="1"):
        main(["info", str(tmp_path / "m.denoisplit")])
    assert "NaN or infinite" in capsys.readouterr().err


def test_info_of_a_model_says_what_a_user_asks(tmp_path, capsys):
    path = tmp_path / "m.denoisplit"
    network = LadderSettings(n_levels=1, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network,
        mix=MixSettings(mode="sum", alpha_low=0.5, alpha_high=1.5),
        normalization=Normalization(
            input_mean=120, input_std=8, channel_means=(1.0, 2.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("nuclei", "actin"),
        provenance={"sources": ["cells CYX"], "torch": "2"},
        training={
            "settings": {"method": "denoisplit", "preset": "tiny"},
            "history": [{"step": 30, "psnr": [21.04, 22.5]}],
            "outlook": "6 min more would help.",
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
        "sum, weights 1, 1, mixing range 0.5 to 1.5",
        "6 min more would help.",
    ):
        assert words in output


@pytest.mark.parametrize(
    ("network", "trained_by"),
    [
        (UNetSettings(n_levels=1, n_filters=4), "none: squared error"),
        (LadderSettings(n_levels=1, n_filters=4, n_latents=2), "none: Gaussian likelihood"),
    ],
)
def test_info_says_what_a_model_without_noise_models_was_trained_by(
    network, trained_by, tmp_path, capsys
):
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("nuclei", "actin"),
    )
    save_model(tmp_path / "m.denoisplit", Model(network_of(network), header))
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(tmp_path / "m.denoisplit")])
    assert trained_by in capsys.readouterr().out


VERDICT = Verdict(grade="usable", reasons=("Few bright pixels.", "Take more exposures."))
RECORD = NoiseRecord(
    name="dna", source="repeats", files=("slide.tif",), n_pixels=123_456, verdict=VERDICT
)


def noise_model() -> GaussianMixture:
    return GaussianMixture(torch.zeros(9, 2), 100.0, 4000.0, 1.0)


def test_info_of_a_noise_model_says_where_it_comes_from_and_whether_to_trust_it(tmp_path, capsys):
    write_noise_model(tmp_path / "m.npz", noise_model().with_record(RECORD))
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(tmp_path / "m.npz")])
    output = capsys.readouterr().out
    for words in (
        "gaussian-mixture, 3 Gaussians, 2 coefficients",
        "100 to 4000 grey levels",
        "repeated exposures",
        "123,456 pixels of slide.tif",
        "usable: Few bright pixels. Take more exposures.",
    ):
        assert words in output


def test_info_of_a_noise_model_as_json_can_be_read_back(tmp_path, capsys):
    write_noise_model(tmp_path / "m.json", noise_model().with_record(RECORD))
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(tmp_path / "m.json"), "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert facts["numbers"] == {"Gaussians": 3, "coefficients": 2}
    assert facts["verdict"]["grade"] == "usable"


def test_info_says_how_to_judge_a_noise_model_of_another_program(tmp_path, capsys):
    write_noise_model(tmp_path / "m.npz", noise_model())
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(tmp_path / "m.npz")])
    assert "--check" in capsys.readouterr().out


def test_info_of_a_noise_model_does_not_load_torch(tmp_path):
    write_noise_model(tmp_path / "m.npz", noise_model())
    code = f"""
import sys
from napari_denoisplit.cli import main
try:
    main(["info", {str(tmp_path / "m.npz")!r}])
finally:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.split()[-1] == "False", done.stderr


def test_info_of_a_model_tells_its_noise_models_with_their_verdicts(tmp_path, capsys):
    network = LadderSettings(n_levels=1, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=120, input_std=8, channel_means=(1.0, 2.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("nuclei", "actin"),
        noise_models=(noise_model().with_record(RECORD).to_dict(), noise_model().to_dict()),
    )
    path = tmp_path / "m.denoisplit"
    save_model(path, Model(VSE(network), header))
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(path)])
    output = capsys.readouterr().out
    assert "2 coefficients, from repeated exposures, usable; actin" in output
    assert "from an unknown source, not judged" in output
    with pytest.raises(SystemExit, match="0"):
        main(["info", str(path), "--json"])
    first, _ = json.loads(capsys.readouterr().out)["noise_models"]
    assert first["record"]["verdict"]["grade"] == "usable"
