from __future__ import annotations

import hashlib
import json
import struct
import subprocess
import sys

import pytest
import torch
from safetensors.torch import save_file

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.checkpoint import (
    Model,
    ModelHeader,
    check_weights,
    last_path,
    load_model,
    read_header,
    save_model,
)
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings

NETWORK = LadderSettings(n_levels=1, n_filters=4, n_latents=2)


def header(**changes) -> ModelHeader:
    values = {
        "network": NETWORK,
        "mix": MixSettings(weights=(0.5, 0.5)),
        "normalization": Normalization(
            input_mean=1.5, input_std=0.1, channel_means=(1.0, 2.0), channel_stds=(0.3, 0.7)
        ),
        "channel_names": ("actin", "µ-tubulin"),
        "noise_models": ({"kind": "a"}, {"kind": "b"}),
        "provenance": {"seed": 7, "sources": ["x.tif"]},
    }
    return ModelHeader(**(values | changes))


@pytest.fixture
def model() -> Model:
    return Model(VSE(NETWORK).eval(), header(), {"step": torch.arange(3)})


def test_a_model_comes_back_as_it_was_saved(tmp_path, model):
    path = tmp_path / "m.denoisplit"
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.header == model.header
    assert loaded.training_state["step"].tolist() == [0, 1, 2]
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value, rtol=0, atol=0)


def test_weights_of_half_precision_come_back_as_single(tmp_path, model):
    whole, half = tmp_path / "whole.denoisplit", tmp_path / "half.denoisplit"
    save_model(whole, model)
    save_model(half, model, half=True)
    assert half.stat().st_size < 0.8 * whole.stat().st_size
    for name, value in load_model(half).network.state_dict().items():
        expected = model.network.state_dict()[name]
        assert value.dtype == expected.dtype
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-6)


def test_calibration_is_kept(tmp_path, model):
    map_of_one = ChannelCalibration(factor=0.8, spread=(1.0, 2.0), sigma=(0.5, 2.5))
    record = CalibrationRecord(
        channels=(ChannelCalibration(factor=1.25), map_of_one), target="noisy"
    )
    save_model(tmp_path / "m.denoisplit", model.calibrated(record))
    assert read_header(tmp_path / "m.denoisplit").calibration == record


def test_the_header_is_read_without_torch(tmp_path, model):
    save_model(tmp_path / "m.denoisplit", model)
    code = (
        "import sys; from pathlib import Path\n"
        "from napari_denoisplit.checkpoint import read_header\n"
        "names = read_header(Path(sys.argv[1])).channel_names\n"
        "sys.exit('torch' in sys.modules or names != ('actin', 'µ-tubulin'))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "m.denoisplit")]
    assert subprocess.run(command, check=False).returncode == 0


def test_a_name_for_resuming_lies_beside_the_model(tmp_path):
    assert last_path(tmp_path / "m.denoisplit") == tmp_path / "m.last.denoisplit"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a .denoisplit file"),
        (b"PK\x03\x04 a checkpoint of torch", "not a .denoisplit file.*`denoisplit import`"),
        (struct.pack("<Q", 12) + b"not json at ", "not JSON"),
        (struct.pack("<Q", 2) + b"{}", "another program"),
    ],
)
def test_foreign_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "foreign.denoisplit"
    path.write_bytes(content)
    for read in (read_header, load_model):
        with pytest.raises(ModelFileError, match=message) as caught:
            read(path)
        assert "foreign.denoisplit" in str(caught.value)


def test_tensors_of_another_program_are_refused(tmp_path):
    save_file({"a": torch.zeros(2)}, tmp_path / "m.denoisplit")
    with pytest.raises(ModelFileError, match="another program"):
        load_model(tmp_path / "m.denoisplit")


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, model, share):
    path = tmp_path / "m.denoisplit"
    save_model(path, model)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    for read in (read_header, load_model):  # told when it is chosen, not at the split
        with pytest.raises(ModelFileError, match="damaged"):
            read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"gone\.denoisplit"):
        load_model(tmp_path / "gone.denoisplit")


def edited(path, change) -> None:
    """Rewrite the JSON header of a model file, and its checksum."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    whole = json.loads(data[8 : 8 + length])
    inner = json.loads(whole["__metadata__"]["denoisplit"])
    change(inner)
    whole["__metadata__"]["denoisplit"] = json.dumps(inner)
    whole["__metadata__"]["sha256"] = "0" * 64
    text = json.dumps(whole).encode()
    data = struct.pack("<Q", len(text)) + text + data[8 + length :]
    seal = hashlib.sha256(data).hexdigest().encode()
    path.write_bytes(data.replace(b"0" * 64, seal, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(format=99), "format 99"),
        (lambda h: h.update(surprise=1), "surprise"),
        (lambda h: h["normalization"].update(input_std=-1), "input_std"),
        (lambda h: h.update(channel_names=["one"]), "1 channel_names for 2 channels"),
        (
            lambda h: h.update(calibration={"channels": [{"factor": 1.0}]}),
            "1 calibrations for 2 channels",
        ),
        (lambda h: h["network"].update(n_filters=8), "do not fit"),
    ],
)
def test_an_edited_header_is_refused_with_what_is_wrong(tmp_path, model, change, message):
    path = tmp_path / "m.denoisplit"
    save_model(path, model)
    edited(path, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


@pytest.mark.parametrize("place", ["weights", "mean", "seal"])
def test_a_file_in_which_anything_changed_is_refused(tmp_path, model, place):
    path = save_model(tmp_path / "m.denoisplit", model).path
    data = bytearray(path.read_bytes())
    at = {"weights": len(data) - 2, "mean": data.find(b"input_mean") + 13}.get(
        place, data.find(b"sha256") + 12
    )
    data[at] = ord("1") if data[at] != ord("1") else ord("2")
    path.write_bytes(data)
    for read in (load_model, check_weights):
        with pytest.raises(ModelFileError, match="checksum"):
            read(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path, model, value):
    next(iter(model.network.parameters())).data.view(-1)[3] = value
    save_model(tmp_path / "m.denoisplit", model)
    with pytest.raises(ModelFileError, match=r"NaN or infinite \(.*weight"):
        load_model(tmp_path / "m.denoisplit")


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-320, 1e300, float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["input_std", "channel_stds"])
def test_statistics_that_no_image_can_have_are_refused(tmp_path, model, where, value):
    save_model(tmp_path / "m.denoisplit", model)
    spread = value if where == "input_std" else [1.0, value]
    edited(tmp_path / "m.denoisplit", lambda h: h["normalization"].update({where: spread}))
    for read in (read_header, load_model):
        with pytest.raises(ModelFileError, match=where):
            read(tmp_path / "m.denoisplit")


def test_a_header_that_asks_for_all_memory_is_refused_before_a_network_is_built(tmp_path, model):
    save_model(tmp_path / "m.denoisplit", model)
    largest = {"n_levels": 8, "n_filters": 512, "n_latents": 512, "blocks_per_level": 8}
    edited(tmp_path / "m.denoisplit", lambda h: h["network"].update(largest, top_prior_size=10**7))
    with pytest.raises(ModelFileError, match="do not fit"):
        load_model(tmp_path / "m.denoisplit")


def test_the_hash_is_that_of_the_file_when_it_was_loaded_or_saved(tmp_path, model):
    path = tmp_path / "m.denoisplit"
    saved = save_model(path, model)
    loaded = load_model(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    path.unlink()
    assert saved.sha256 == loaded.sha256 == digest
    assert saved.path == loaded.path == path


def test_a_model_needs_its_suffix(tmp_path, model):
    with pytest.raises(ModelFileError, match=r"\.denoisplit"):
        save_model(tmp_path / "m.pt", model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_told_without_torch(tmp_path, model, value):
    check_weights(save_model(tmp_path / "good.denoisplit", model).path)
    next(iter(model.network.parameters())).data.view(-1)[3] = value
    save_model(tmp_path / "m.denoisplit", model)
    with pytest.raises(ModelFileError, match=r"m.denoisplit holds weights.*NaN or infinite"):
        check_weights(tmp_path / "m.denoisplit")
