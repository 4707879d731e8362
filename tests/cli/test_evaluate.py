from __future__ import annotations

import json

import numpy as np
import pytest

from napari_denoisplit.cli import main
from napari_denoisplit.images.image import Image


@pytest.fixture
def files(tmp_path, rng):
    from napari_denoisplit.images.files.writing import write_image

    clean = rng.normal(size=(2, 64, 64)).astype("f4")
    noisy = clean + rng.normal(size=clean.shape).astype("f4")
    for name, data in (("clean", clean), ("noisy", noisy)):
        write_image(tmp_path / f"{name}.ome.tif", Image(data, "CYX", channel_names=("a", "b")))
    return [str(tmp_path / f"{name}.ome.tif") for name in ("noisy", "clean")]


def test_evaluate_prints_a_line_for_each_channel(files, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", *files])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["a", "b"]
    assert lines[0].endswith("plain PSNR   SSIM")
    assert "176" in lines[-1]  # says why there is no MS-SSIM


def test_evaluate_as_json_can_be_read_back(files, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", *files, "--json"])
    scores = json.loads(capsys.readouterr().out)
    assert [score["name"] for score in scores] == ["a", "b"]
    kinds = ("psnr", "plain_psnr", "ssim")
    assert all(np.isfinite(score[kind]) for score in scores for kind in kinds)


def test_samples_are_measured_and_what_their_spread_means_is_said(files, tmp_path, capsys, rng):
    from napari_denoisplit.images.files.reading import read_image
    from napari_denoisplit.images.files.writing import write_image

    clean = np.asarray(read_image(files[1]).data)
    for k in (1, 2, 3):
        data = (clean + k * rng.normal(size=clean.shape)).astype("f4")
        image = Image(data, "CYX", channel_names=("a", "b"))
        write_image(tmp_path / "x_samples" / f"{k:03d}.ome.tif", image)
    command = ["evaluate", *files, "--samples", str(tmp_path / "x_samples")]
    with pytest.raises(SystemExit, match="0"):
        main(command)
    assert "not whether they are right" in " ".join(capsys.readouterr().out.split())
    with pytest.raises(SystemExit, match="0"):
        main([*command, "--json"])
    (first, _) = json.loads(capsys.readouterr().out)
    assert first["samples"]["n_samples"] == 3
    assert first["samples"]["psnr_spread"] > 1
