from __future__ import annotations

import json

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.batch.items import find_items


@pytest.fixture
def make(tmp_path):
    """Make empty files below a folder."""

    def make(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


def names(*paths, **keywords):
    return [item.name for item in find_items(paths, **keywords)]


def test_numbers_in_names_are_ordered_by_their_value(make):
    folder = make("t10.tif", "t9.tif", "T1.tif", "a.tif")
    assert names(folder) == ["a", "T1", "t9", "t10"]


def test_hidden_temporary_and_foreign_files_are_left_out(make):
    folder = make(".a.tif", "._b.tif", "~c.tif", "d.txt", "e.jpg", "f.TIFF", ".hidden/g.tif")
    assert names(folder, recursive=True) == ["f"]


def test_results_of_a_split_are_left_out_wherever_they_lie(make):
    folder = make("cell.tif", "kept_mmse.ome.tif")
    record = json.dumps({"napari-denoisplit": "0.1.0"})
    for name in ("cell_mmse", "split/cell_sigma", "split/cell_samples/001"):
        image = Image(np.zeros((4, 4), "f4"), "YX")
        write_image(folder / f"{name}.ome.tif", image, description=record)
    # One that only has the name of a result may be an image.
    assert names(folder, recursive=True) == ["cell", "kept_mmse"]


def test_sub_folders_are_looked_into_if_asked_for_and_kept(make):
    folder = make("b.tif", "day2/a.tif", "day10/a.tif")
    assert names(folder) == ["b"]
    assert names(folder, recursive=True) == ["b", "day2/a", "day10/a"]


def test_a_zarr_folder_is_an_image_unless_it_is_a_result(make):
    folder = make("slide.ome.zarr/0/0", "plane/.zarray", "split.zarr/0/0")
    own = {"denoisplit": {"provenance": {"napari-denoisplit": "0.1.0"}}}
    metadata = {"zarr_format": 3, "node_type": "group", "attributes": own}
    (folder / "split.zarr" / "zarr.json").write_text(json.dumps(metadata))
    assert names(folder, recursive=True) == ["slide"]
    assert names(folder / "plane") == ["plane"]


def test_the_same_name_in_two_folders_does_not_collide(make):
    folder = make("a/img/cell.tif", "b/img/cell.tif")
    assert names(folder / "a" / "img", folder / "b" / "img") == ["a/img/cell", "b/img/cell"]


def test_files_that_differ_in_their_ending_keep_it(make):
    assert names(make("cell.tif", "cell.ome.tif", "x.tif")) == ["cell.ome.tif", "cell.tif", "x"]


def test_a_folder_within_another_is_not_listed_twice(make):
    folder = make("a.tif", "day1/b.tif")
    assert len(find_items([folder, folder / "day1", folder / "a.tif"], recursive=True)) == 2


def test_a_file_that_is_named_twice_is_taken_once_and_that_is_said(make):
    folder = make("a.tif", "b.tif")
    first, other = find_items(
        [folder / "a.tif", folder / "b.tif", folder / ".." / folder.name / "a.tif"]
    )
    assert (first.name, other.name) == ("a", "b")
    assert first.note == "a.tif was given 2 times: it is taken once."


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("cell*", ["cell1"]), ("*.dat", ["raw"]), ("day?/*", ["day1/b"]), ("*", ["cell1", "day1/b"])],
)
def test_a_pattern_chooses_among_the_files(make, pattern, found):
    folder = make("cell1.tif", "cell1.txt", "raw.dat", "day1/b.tif")
    assert names(folder, pattern=pattern, recursive=True) == found


def test_two_files_of_one_name_are_refused_with_the_way_out(make):
    folder = make("a/cell.tif", "b/cell.tif")
    with pytest.raises(ImageError, match="different folders for the results"):
        names(folder / "a/cell.tif", folder / "b/cell.tif")


def test_a_folder_without_images_says_what_was_looked_for(make):
    with pytest.raises(ImageError, match=r"no image named like 'z\*'.*sub-folders"):
        names(make("a.tif"), pattern="z*")


def test_a_file_that_is_not_there_is_listed_and_fails_in_its_turn(tmp_path):
    assert names(tmp_path / "absent.tif") == ["absent"]
