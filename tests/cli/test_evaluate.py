from __future__ import annotations

import json

import numpy as np
import pytest

from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.files import write_split
from napari_denoisplit.images.results.record import make_record
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.settings import SplitSettings


@pytest.fixture
def files(tmp_path, rng):
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


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a"), ("first", "second")])
def test_the_truth_may_be_a_file_for_each_structure(files, tmp_path, capsys, names):
    clean = np.asarray(read_image(files[1]).data)
    order = [names.index(n) if n in names else i for i, n in enumerate(("a", "b"))]
    for name, channel in zip(names, order, strict=True):
        write_image(tmp_path / f"{name}.tif", Image(clean[channel], "YX"))
    alone = [str(tmp_path / f"{name}.tif") for name in names]
    found = []
    for truth in ([files[1]], alone):
        with pytest.raises(SystemExit, match="0"):
            main(["evaluate", files[0], *truth, "--json"])
        printed = capsys.readouterr()
        found.append(sorted(score["psnr"] for score in json.loads(printed.out)))
    assert found[0] == found[1]
    assert ("By their order" in printed.err) == ("first" in names)
    with pytest.raises(SystemExit, match="1"):
        main(["evaluate", files[0], alone[0]])
    assert "a file of its own" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("kind", ["cell_samples", "cell_mmse.ome.tif"])
def test_a_result_is_measured_by_its_best_estimate(files, tmp_path, capsys, kind):
    clean = np.asarray(read_image(files[1]).data)
    image = Image(clean, "CYX", channel_names=("a", "b"))
    samples = np.stack([clean + 1, clean - 1])
    record = make_record(image, SplitSettings(), None, None, samples=2)
    split = Split.of_image(image, mmse=clean, samples=samples, record=record)
    write_split(split, tmp_path / "cell")
    with pytest.raises(SystemExit, match="0"):
        main(["evaluate", str(tmp_path / kind), files[1], "--json"])
    assert all(score["psnr"] > 100 for score in json.loads(capsys.readouterr().out))


def test_samples_are_measured_and_what_their_spread_means_is_said(files, tmp_path, capsys, rng):
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
