from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    listed,
    parse_region,
    read_each,
    read_structures,
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


def write(path, *, channels=1, seed=0):
    """Write an image of so many channels, made with its folder."""
    path.parent.mkdir(exist_ok=True)
    shape = (channels, 8, 9) if channels > 1 else (8, 9)
    data = np.random.default_rng(seed).integers(0, 99, shape).astype("u2")
    tifffile.imwrite(path, data, ome=True, metadata={"axes": "CYX"[-data.ndim :]})
    return path


def test_a_folder_stands_for_its_images_in_natural_order(tmp_path):
    files = [write(tmp_path / "day" / f"{n}.ome.tif") for n in (2, 10)]
    other = write(tmp_path / "other.ome.tif")
    assert listed(Terminal(), [tmp_path / "day", other]) == [*files, other]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no image in .*empty"):
        listed(Terminal(), [tmp_path / "empty"])


def test_each_of_several_folders_of_single_channels_is_a_structure(tmp_path):
    for name in ("nuclei", "actin"):
        for n in (1, 2, 10):
            write(tmp_path / name / f"{n}.ome.tif", seed=n)
    found = read_structures(Terminal(), [tmp_path / "nuclei", tmp_path / "actin"])
    assert [(image.name, image.axes, image.shape) for image in found] == [
        ("nuclei", "TYX", (3, 8, 9)),
        ("actin", "TYX", (3, 8, 9)),
    ]
    ten = tifffile.imread(tmp_path / "nuclei" / "10.ome.tif")
    np.testing.assert_array_equal(found[0].data[2], ten)


def test_images_that_hold_every_structure_are_fields_wherever_they_lie(tmp_path):
    for name in ("day1", "day2"):
        write(tmp_path / name / "a.ome.tif", channels=2, seed=len(name))
    write(tmp_path / "day2" / "b.ome.tif", channels=2, seed=9)
    found = read_structures(Terminal(), [tmp_path / "day1", tmp_path / "day2"])
    assert [(image.name, image.n_channels) for image in found] == [("a", 2), ("a", 2), ("b", 2)]


def test_images_of_a_structure_that_differ_in_size_stay_a_list(tmp_path):
    for name in ("nuclei", "actin"):
        write(tmp_path / name / "1.ome.tif", seed=1)
    tifffile.imwrite(tmp_path / "actin" / "2.tif", np.ones((5, 6), np.uint16))
    nuclei, actin = read_structures(Terminal(), [tmp_path / "nuclei", tmp_path / "actin"])
    assert nuclei.shape == (1, 8, 9)
    assert [(image.name, image.shape) for image in actin] == [("actin", (8, 9)), ("actin", (5, 6))]


def test_a_file_is_not_two_structures(tmp_path):
    single, again, both = (tmp_path / f"{name}.ome.tif" for name in ("nuclei", "actin", "both"))
    write(single)
    again.symlink_to(single)
    write(both, channels=2)
    with pytest.raises(UsageError, match="is given twice"):
        read_structures(Terminal(), [single, again])
    assert len(read_structures(Terminal(), [both, both])) == 1
