from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


@pytest.fixture
def result(tmp_path, rng):
    pixels = rng.normal(9, 2, size=(3, 2, 2, 16, 18)).astype("f4")  # K, T, C, Y, X
    for number, sample in enumerate(pixels, start=1):
        image = Image(sample, "TCYX", channel_names=("a", "b"))
        write_image(tmp_path / "cell_samples" / f"{number:03d}.ome.tif", image)
    return tmp_path / "cell_samples", pixels


def test_the_command_writes_the_plane_that_was_asked_for(result, tmp_path, capsys):
    folder, pixels = result
    output = tmp_path / "out.ome.tif"
    with pytest.raises(SystemExit, match="0"):
        main(["film", str(folder), str(output), "--time", "2"])
    assert capsys.readouterr().out.strip() == str(output)
    assert np.allclose(read_image(output).data, pixels[:, 1])


def test_the_command_writes_a_film(result, tmp_path):
    import imageio.v2 as imageio

    with pytest.raises(SystemExit, match="0"):
        main(["film", str(result[0]), str(tmp_path / "out.gif"), "--show", "difference"])
    assert len(imageio.mimread(tmp_path / "out.gif")) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-z", "1"], "no axis Z"),
        (["-t", "3"], "no plane"),
        (["--against", "1"], "--show"),
        (["--against", "99", "--show", "difference"], "no sample 99"),
    ],
)
def test_what_cannot_be_shown_is_refused(result, tmp_path, capsys, words, said):
    with pytest.raises(SystemExit):
        main(["film", str(result[0]), str(tmp_path / "out.gif"), *words])
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out.gif").exists()
