from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


@pytest.fixture
def samples(tmp_path, rng):
    """Six samples of two time points; at the second, two see a square elsewhere."""
    for k in range(6):
        pixels = rng.normal(10, 0.2, (2, 2, 60, 80)).astype(np.float32)
        pixels[1, int(k > 3), 20:30, 40:60] += 20
        size, units = {"Y": 0.5, "X": 0.5}, {"Y": "µm", "X": "µm"}
        image = Image(pixels, "TCYX", size, units, ("pits", "mesh"))
        write_image(tmp_path / "cells_samples" / f"{k + 1:03d}.ome.tif", image)
    return tmp_path / "cells_samples"


def command(*words) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        main(["alternatives", *map(str, words)])


@pytest.mark.parametrize("how", [("--number", 2), ("--bandwidth", 200)])
def test_the_answers_of_a_region_are_written_where_it_lies(samples, tmp_path, capsys, how):
    output = tmp_path / "answers.ome.tif"
    command(samples, output, "--region", "20:30,40:60", "--time", 2, *how)
    told = capsys.readouterr()
    assert told.out.strip() == str(output)
    assert "2 alternatives with 67%, 33% of the 6 answers." in told.err
    found = read_image(output)
    assert (found.axes, found.shape) == ("TCYX", (2, 2, 10, 20))
    assert found.channel_names == ("pits", "mesh")
    assert found.origin == {"Y": 10, "X": 20}
    means = np.asarray(found.data).mean(axis=(2, 3))
    np.testing.assert_allclose(means, [[30, 10], [10, 30]], atol=0.2)
    with tifffile.TiffFile(output) as file:
        record = json.loads(tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Description"])
    assert record["region"] == "20:30,40:60"
    assert record["supports"] == pytest.approx([2 / 3, 1 / 3])
    assert record["nearest_samples"][1] in {5, 6}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--region", "20:30,40:60", "--number", "2", "--bandwidth", "9"], "leave --number out"),
        (["--region", "20:30"], "is not a region"),
        (["--region", "20:30,40:90"], "2 to 256 pixels"),
        (["--region", "20:30,40:60", "--depth", "1"], "no axis Z"),
        (["--region", "20:30,40:60", "--bandwidth", "-1"], "greater than"),
        ([], "--region"),
    ],
)
def test_what_cannot_be_sorted_is_refused(samples, tmp_path, capsys, words, says):
    output = tmp_path / "answers.ome.tif"
    with pytest.raises(SystemExit) as end:
        main(["alternatives", str(samples), str(output), *words])
    assert end.value.code in (1, 2)
    assert says in capsys.readouterr().err
    assert not output.exists()
