from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.noise.files.noise_file import write_noise_model
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

QUICK = ("--steps", "25", "--batch-size", "4", "--patch-size", "32", "--learning-rate", "4e-3")

drawn = cache(phantom)


@pytest.fixture
def noisy(tmp_path, rng):
    """File of a noisy image of two channels."""
    clean = drawn((64, 96))
    data = (clean + rng.normal(0, 0.5 * clean.std(), clean.shape)).astype(np.float32)
    path = tmp_path / "cells.ome.tif"
    write_image(path, Image(data, "CYX", {"X": 0.2, "Y": 0.2}, {}, ("fibres", "pits")))
    return path


def called(*words: object) -> int:
    """Exit code of the command."""
    with pytest.raises(SystemExit) as end:
        main(["denoise", *map(str, words)])
    return int(end.value.code or 0)


def test_axes_pixel_size_and_channels_are_kept_and_every_verdict_told(noisy, tmp_path, capsys):
    assert called(noisy, "-o", tmp_path / "out", *QUICK) == 0
    written = tmp_path / "out" / "cells_denoised.ome.tif"
    told = capsys.readouterr()
    assert told.out.strip() == str(written)
    assert "fibres: usable: Structure was removed" in told.err  # 25 steps are few
    assert "pits: usable" in told.err
    before, after = read_image(noisy), read_image(written)
    assert (after.axes, after.shape) == (before.axes, before.shape)
    assert after.pixel_size == before.pixel_size
    assert after.channel_names == before.channel_names


def test_a_blank_result_is_not_written_and_its_network_kept_for_more_learning(
    noisy, tmp_path, capsys
):
    model = tmp_path / "kept.denoisplit"
    assert called(noisy, "-o", tmp_path / "out", "--steps", 1, "--model", model) == 1
    said = capsys.readouterr().err
    assert "nearly blank" in said
    assert "with --resume" in said
    assert not (tmp_path / "out").exists()
    assert (tmp_path / "kept_pits.denoisplit").exists()


def test_nothing_is_overwritten(noisy, tmp_path, capsys):
    result = tmp_path / "result.tif"
    result.write_text("mine")
    assert called(noisy, "-o", result) == 2
    assert "exists" in capsys.readouterr().err
    assert result.read_text() == "mine"


def test_one_file_does_not_take_two_images(noisy, tmp_path, capsys):
    other = noisy.with_name("other.ome.tif")
    other.write_bytes(noisy.read_bytes())
    assert called(noisy, other, "-o", tmp_path / "result.tif") == 2
    assert "Name a folder" in capsys.readouterr().err


def test_images_of_one_name_would_share_their_result(noisy, tmp_path, capsys):
    other = tmp_path / "other" / noisy.name
    assert called(noisy, other, "-o", tmp_path / "out") == 2
    assert "would both be written" in capsys.readouterr().err


def test_a_network_is_kept_applied_and_resumed(noisy, tmp_path, capsys):
    model = tmp_path / "kept.denoisplit"
    assert called(noisy, "-o", tmp_path / "a", "--model", model, *QUICK) == 0
    files = [tmp_path / "kept_fibres.denoisplit", tmp_path / "kept_pits.denoisplit"]
    written = [file.read_bytes() for file in files]
    assert called(noisy, "-o", tmp_path / "b", "--model", model) == 0  # no minute is spent
    assert "kept_pits.denoisplit, nothing is learned" in capsys.readouterr().err
    first, second = (
        read_image(tmp_path / folder / "cells_denoised.ome.tif").data for folder in "ab"
    )
    np.testing.assert_array_equal(first, second)
    assert [file.read_bytes() for file in files] == written
    more = ("--resume", *QUICK)  # as many steps again: after a few its result may be blank
    assert called(noisy, "-o", tmp_path / "c", "--model", model, *more) == 0
    assert [read_header(file).training["steps"] for file in files] == [50, 50]


@pytest.mark.parametrize(
    ("words", "named"), [(("--resume",), "--model"), (("--model", "net.pt"), "end in .denoisplit")]
)
def test_a_network_without_a_proper_file_is_refused(noisy, tmp_path, capsys, words, named):
    assert called(noisy, "-o", tmp_path / "out", *words) == 2
    assert named in " ".join(capsys.readouterr().err.split())


def test_by_samples_a_noise_model_that_is_known_is_taken(noisy, tmp_path, capsys):
    camera, kept = tmp_path / "camera.json", tmp_path / "net.denoisplit"
    write_noise_model(camera, PoissonGaussian(1.0, 0.0, 5.0, 0.0, 1e4))
    words = ("--noise-model", camera, "--channel", "fibres", "-o", tmp_path / "out")
    assert called(noisy, *words) == 2
    assert "Noise2Void needs no noise model" in " ".join(capsys.readouterr().err.split())
    quick = ("-n", 2, "--steps", 4, "--batch-size", 2, "--patch-size", 32, "--model", kept)
    assert called(noisy, *words, "--method", "divnoising", *quick) == 0
    assert [values["kind"] for values in read_header(kept).noise_models] == ["poisson_gaussian"]
    again = (*words[:4], "-o", tmp_path / "again", "--method", "divnoising", *quick)
    assert called(noisy, *again) == 1
    assert "leave the noise model out" in " ".join(capsys.readouterr().err.split())
    assert called(noisy, *again, "--resume") == 0


def test_by_samples_mean_and_sigma_of_one_channel_are_written(noisy, tmp_path, capsys):
    words = ("--method", "divnoising", "-n", 2, "--steps", 4, "--batch-size", 2)
    small = ("--patch-size", 32, "--channel", "fibres", "-o", tmp_path / "out")
    assert called(noisy, *words, *small) == 0
    written = [tmp_path / "out" / f"cells_{kind}.ome.tif" for kind in ("mmse", "sigma")]
    assert all(str(path) in capsys.readouterr().out or path.exists() for path in written)
    assert read_image(written[0]).shape[-2:] == (64, 96)
    assert called(noisy, *words, *small) == 2
    assert "exists" in capsys.readouterr().err
    assert called(noisy, *words, "-o", tmp_path / "out.tif") == 2
    assert "several files" in capsys.readouterr().err
    assert called(noisy, *words, "-o", tmp_path / "other") == 1
    assert "--channel NAME" in " ".join(capsys.readouterr().err.split())
