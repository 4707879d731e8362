from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    parse_region,
    read_each,
    results_of,
)
from napari_denoisplit.cli.parts.terminal import Terminal


@pytest.mark.parametrize("text", ["", "1:2", "1:2,3", "a:b,c:d", "-1:2,3:4", "5:5,0:3", "3:1,:"])
def test_a_region_that_cannot_be_read_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"--region.*as in 100:300,50:250"):
        parse_region(text)


def test_no_region_is_the_whole_image():
    assert parse_region(None) is None


def test_each_image_has_a_result_of_its_own(tmp_path):
    paths = [Path("day1/a.ome.tif"), Path("day1/b.tif")]
    assert results_of(paths, tmp_path, "_x.ome.tif") == {
        paths[0]: tmp_path / "a_x.ome.tif",
        paths[1]: tmp_path / "b_x.ome.tif",
    }


def test_results_that_would_replace_one_another_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"day1.a\.tif and day2.A\.tif would both be written"):
        results_of([Path("day1/a.tif"), Path("day2/A.tif")], tmp_path, "_x.ome.tif")


def test_a_file_is_no_folder_for_results(tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(UsageError, match="Name a folder"):
        results_of([Path("a.tif")], tmp_path / "x", ".tif")


def test_a_model_file_is_to_be_named_as_one():
    with pytest.raises(UsageError, match=r"Rename --output out/cells\.pt to out/cells\.denoisplit"):
        check_model_name(Path("out/cells.pt"))


def test_a_file_named_twice_is_read_once_and_that_is_said(tmp_path, capsys):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 9), "u2"))
    assert len(read_each(Terminal(), [tmp_path / "a.tif"] * 2)) == 1
    assert "a.tif was given 2 times: it is taken once" in capsys.readouterr().err
