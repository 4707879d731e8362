from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.files.noise_file import read_noise_model, write_noise_model
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.verdict import NoiseRecord

DATA = Path(os.environ.get("DENOISPLIT_DATA", Path(__file__).parents[4] / "shared" / "data"))
FIXTURES = sorted((DATA / "interop" / "noise_models").glob("*.npz"))
ARRAYS = {
    "trained_weight": np.arange(12, dtype="f4").reshape(6, 2) / 7,
    "min_signal": np.array([3.5], dtype="f4"),
    "max_signal": np.array([200.25], dtype="f4"),
    "min_sigma": np.array(0.1),
}


@pytest.mark.skipif(not FIXTURES, reason=f"no noise models under {DATA}")
@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_published_files_are_written_back_array_for_array(path, tmp_path):
    write_noise_model(tmp_path / "again.npz", read_noise_model(path))
    theirs, ours = (np.load(p, allow_pickle=False) for p in (path, tmp_path / "again.npz"))
    assert theirs.files == ours.files
    for name in theirs.files:
        assert ours[name].dtype == theirs[name].dtype
        assert ours[name].shape == theirs[name].shape
        np.testing.assert_array_equal(ours[name], theirs[name])


def test_round_trip_keeps_every_bit(tmp_path):
    model = GaussianMixture(torch.randn(9, 4), 0.1, 65535.0, 0.125)
    write_noise_model(tmp_path / "noise.npz", model)
    again = read_noise_model(tmp_path / "noise.npz")
    assert again.to_dict() == model.to_dict()


def test_variants_of_other_programs_are_read(tmp_path):
    path = tmp_path / "variant.npz"
    np.savez(
        path,
        **{
            **ARRAYS,
            "trained_weight": ARRAYS["trained_weight"].astype("f8"),
            "min_signal": np.float64(3.5),
            "min_sigma": np.int64(50),
            "extra": np.array("made by someone"),
        },
    )
    model = read_noise_model(path)
    assert model.signal_range == (3.5, 200.25)
    assert model.min_sigma.item() == 50
    assert (model.n_gaussians, model.n_coefficients) == (2, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"trained_weight": np.zeros((5, 2), "f4")}, "3K"),
        ({"trained_weight": np.full((6, 2), np.nan, "f4")}, "NaN"),
        ({"trained_weight": np.array(["a", "b", "c"])}, "trained_weight"),
        ({"trained_weight": np.zeros((6000, 200), "f4")}, "bytes"),
        ({"trained_weight": np.array([{}], dtype=object)}, "Object arrays"),
        ({"max_signal": np.array([1.0], "f4")}, "range"),
        ({"max_signal": np.array([1.0, 2.0], "f4")}, "max_signal"),
        ({"min_sigma": np.array(-2.0)}, "min_sigma"),
    ],
)
def test_foreign_arrays_are_refused_by_name(change, says, tmp_path):
    path = tmp_path / "foreign.npz"
    np.savez(path, **{**ARRAYS, **change})
    with pytest.raises(NoiseModelError, match=says) as caught:
        read_noise_model(path)
    assert "foreign.npz" in str(caught.value)


def test_other_archives_are_refused_with_what_they_hold(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.zeros(3))
    with pytest.raises(NoiseModelError, match=r"holds weights, but no trained_weight"):
        read_noise_model(tmp_path / "other.npz")


def test_damaged_files_are_refused(tmp_path):
    write_noise_model(tmp_path / "whole.npz", GaussianMixture(torch.zeros(3, 2), 0.0, 1.0, 0.1))
    whole = (tmp_path / "whole.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[200] ^= 0xFF  # inside the first array
    damaged = tmp_path / "damaged.npz"
    for content in (b"", b"no archive", whole[: len(whole) // 2], bytes(flipped)):
        damaged.write_bytes(content)
        with pytest.raises(NoiseModelError, match="damaged"):
            read_noise_model(damaged)
    with pytest.raises(NoiseModelError, match="missing"):
        read_noise_model(tmp_path / "missing.npz")


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "noise.npz"
    write_noise_model(path, GaussianMixture(torch.zeros(3, 2), 0.0, 1.0, 0.1))
    before = path.read_bytes()

    def full(*_args, **_arrays):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        write_noise_model(path, GaussianMixture(torch.ones(3, 2), 0.0, 1.0, 0.1))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["noise.npz"]


def test_a_camera_goes_through_a_file_bit_for_bit(tmp_path):
    model = PoissonGaussian(0.1, 100.3, 1 / 3, 90.0, 4096.7)
    write_noise_model(tmp_path / "camera.npz", model)
    assert read_noise_model(tmp_path / "camera.npz").to_dict() == model.to_dict()


def test_correlated_noise_goes_through_a_file_bit_for_bit(tmp_path):
    weights = ((0.0, 0.1, 0.2), (1 / 3, 0.0, 0.0))
    model = CorrelatedNoise(0.1, 100.3, 1 / 3, 90.0, 4096.7, weights, 0.7, along_both=True)
    write_noise_model(tmp_path / "rows.npz", model)
    assert read_noise_model(tmp_path / "rows.npz").to_dict() == model.to_dict()


def test_correlated_noise_that_lacks_its_weights_is_not_taken_for_a_camera(tmp_path):
    camera = {"gain": 1.0, "offset": 0.0, "read_noise": 1.0, "min_signal": 0.0, "max_signal": 9.0}
    np.savez(tmp_path / "cut.npz", **camera, left=0.8, along_both=True)
    with pytest.raises(NoiseModelError, match="but no weights"):
        read_noise_model(tmp_path / "cut.npz")


def test_a_record_stands_in_an_array_of_its_own(tmp_path):
    model = GaussianMixture(torch.zeros(3, 2), 0.0, 1.0, 0.1)
    model = model.with_record(NoiseRecord(name="nuclei"))
    write_noise_model(tmp_path / "noise.npz", model)
    assert np.load(tmp_path / "noise.npz", allow_pickle=False).files == [*ARRAYS, "denoisplit"]
    assert read_noise_model(tmp_path / "noise.npz").record == model.record


@pytest.mark.parametrize("text", ["{", "[1]", '{"source": "hearsay"}'])
def test_a_record_that_is_none_is_refused(text, tmp_path):
    np.savez(tmp_path / "edited.npz", **ARRAYS, denoisplit=np.array(text))
    with pytest.raises(NoiseModelError, match=r"edited\.npz"):
        read_noise_model(tmp_path / "edited.npz")
