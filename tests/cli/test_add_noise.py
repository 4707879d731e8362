from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


def add_noise(*words: object) -> int:
    """Exit code of `denoisplit add-noise`."""
    with pytest.raises(SystemExit) as end:
        main(["add-noise", *map(str, words)])
    return int(end.value.code or 0)


@pytest.fixture
def clean(tmp_path, rng):
    """Two clean structures, a file for each, with a pixel size."""
    data = rng.gamma(2, 300, size=(2, 3, 96, 96)).astype(np.float32)
    paths = [tmp_path / "er.ome.tif", tmp_path / "mt.ome.tif"]
    for path, channel in zip(paths, data, strict=True):
        write_image(path, Image(channel, "TYX", {"Y": 0.1, "X": 0.1}, {"Y": "µm", "X": "µm"}))
    return paths, data


def test_structures_of_a_task_have_one_sigma_from_their_clean_superposition(clean, tmp_path):
    paths, data = clean
    assert add_noise(*paths, "-o", tmp_path / "noisy", "--gaussian", 2) == 0
    images = [read_image(tmp_path / "noisy" / f"{name}_noisy.ome.tif") for name in ("er", "mt")]
    noise = np.stack([image.data for image in images]) - data
    np.testing.assert_allclose(noise.std(axis=(1, 2, 3)), 2 * data.mean(axis=0).std(), rtol=0.02)
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.03
    assert images[0].axes == "TYX"
    assert images[0].pixel_size["X"] == 0.1


def test_a_folder_that_is_named_like_a_file_is_refused(clean, tmp_path, capsys):
    assert add_noise(clean[0][0], "-o", tmp_path / "noisy.ome.tif") == 2
    assert "Name a folder" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "noisy.ome.tif").exists()


def test_sigma_may_be_given_in_grey_levels_and_nothing_is_overwritten(clean, tmp_path, capsys):
    paths, data = clean
    words = (paths[0], "-o", tmp_path, "--sigma", 50)
    assert add_noise(*words) == 0
    noisy = read_image(tmp_path / "er_noisy.ome.tif").data
    assert (noisy - data[0]).std() == pytest.approx(50, rel=0.02)
    assert add_noise(*words) == 2
    assert "--overwrite" in capsys.readouterr().err


@pytest.mark.parametrize(("level", "n_made"), [(("--sigma", 50), 1), ((), 0)])
def test_a_file_that_cannot_be_read_ends_no_other_unless_their_sigma_needs_it(
    clean, tmp_path, capsys, level, n_made
):
    paths, _ = clean
    bad = tmp_path / "bad.tif"
    bad.write_bytes(b"no image")
    assert add_noise(bad, paths[0], "-o", tmp_path / "noisy", *level) == 1
    assert "bad.tif" in capsys.readouterr().err
    assert len(list((tmp_path / "noisy").glob("*_noisy.ome.tif"))) == n_made
