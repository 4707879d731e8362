from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.files.noise_file import (
    NoiseHeader,
    read_noise_header,
    read_noise_model,
    write_noise_model,
)
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.verdict import NoiseRecord, Verdict

RECORD = NoiseRecord(name="µm", verdict=Verdict(grade="usable", reasons=("Few pixels.",)))


def mixture() -> GaussianMixture:
    return GaussianMixture(torch.randn(9, 4), 0.1, 65535.0, 0.125)


@pytest.mark.parametrize("name", ["noise.npz", "noise.json", "noise.NPZ"])
@pytest.mark.parametrize("record", [RECORD, NoiseRecord()])
def test_a_file_keeps_every_bit_and_the_record(name, record, tmp_path):
    model = mixture().with_record(record)
    write_noise_model(tmp_path / name, model)
    assert read_noise_model(tmp_path / name).to_dict() == model.to_dict()
    header = read_noise_header(tmp_path / name)
    numbers = {"Gaussians": 3, "coefficients": 4}
    assert header == NoiseHeader("gaussian_mixture", model.signal_range, record, numbers)


def test_a_header_is_read_without_torch(tmp_path):
    write_noise_model(tmp_path / "noise.npz", mixture())
    code = (
        "import sys; from napari_denoisplit.noise.files.noise_file import read_noise_header;"
        f"read_noise_header({str(tmp_path / 'noise.npz')!r}); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("read", [read_noise_model, read_noise_header])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.npz", b"PK"),
        ("a.npy", b"\x93NUMPY"),
        ("a.json", b"{"),
        ("a.json", b"[1]"),
        ("a.json", b'{"kind": "gauss"}'),
        ("a.json", b'{"kind": "gaussian_mixture", "weight": 3}'),
        ("a.json", b"\xff\xfe"),
        ("a.txt", b"{}"),
    ],
)
def test_damaged_files_are_refused_by_name(read, name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(NoiseModelError, match=name):
        read(tmp_path / name)
    with pytest.raises(NoiseModelError, match=r"missing"):
        read(tmp_path / f"missing{name[1:]}")


def test_only_known_endings_are_written(tmp_path):
    with pytest.raises(NoiseModelError, match=r"\.npz, \.npy or \.json"):
        write_noise_model(tmp_path / "noise.tif", mixture())
    with pytest.raises(NoiseModelError, match="histogram"):
        write_noise_model(tmp_path / "noise.npy", mixture())
    assert not list(tmp_path.iterdir())
