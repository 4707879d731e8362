from __future__ import annotations

from shutil import copytree

import numpy as np
import pytest
import tifffile

from napari_denoisplit.images.files.file_sets import once_each
from napari_denoisplit.images.files.image_file import read_images
from napari_denoisplit.jobs.batch.items import find_items


@pytest.fixture
def time_points(shared_data):
    folder = shared_data / "cases" / "ome_timepoints"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder}")
    return folder


@pytest.fixture
def plain(tmp_path):
    path = tmp_path / "plain.tif"
    tifffile.imwrite(path, np.ones((8, 9), "u2"))
    return path


def test_a_set_is_read_once_and_says_so(time_points, plain):
    images = read_images([*sorted(time_points.iterdir()), plain])
    assert [image.shape for image in images] == [(3, 64, 48), (8, 9)]
    assert "files of one OME set" in " ".join(images[0].notes)
    assert not images[1].notes


def test_a_set_is_one_image_of_a_batch(time_points, plain):
    first, other = find_items([time_points, plain])
    assert (first.path.name, other.path.name) == ("t_0.ome.tif", "plain.tif")
    assert "t_0.ome.tif, t_1.ome.tif, t_2.ome.tif are files of one OME set" in first.note
    assert not other.note


def test_sets_of_the_same_names_in_two_folders_are_two(time_points, tmp_path):
    copies = [copytree(time_points, tmp_path / name) for name in "ab"]
    taken, told = once_each([path for folder in copies for path in sorted(folder.iterdir())])
    assert taken == [folder / "t_0.ome.tif" for folder in copies]
    assert list(told) == taken
    assert "t_0.ome.tif is a copy of t_0.ome.tif" in told[taken[1]]


def test_a_file_given_twice_is_read_once_and_says_so(plain):
    (image,) = read_images([plain, str(plain)])
    assert image.notes == ("plain.tif was given 2 times: it is taken once.",)


def test_two_names_of_one_file_are_one_image(plain):
    other = plain.with_name("other.tif")
    other.hardlink_to(plain)
    assert once_each([plain, other])[0] == [plain]


def test_a_copy_is_kept_and_told_wherever_files_are_read(plain):
    other, near = plain.with_name("other.tif"), plain.with_name("near.tif")
    other.write_bytes(plain.read_bytes())
    near.write_bytes(plain.read_bytes()[:-1] + b"?")
    missing = plain.with_name("missing.tif")
    said = "other.tif is a copy of plain.tif: leave one of them out."
    paths = [plain, near, other, missing]
    assert once_each(paths) == (paths, {other: said})
    assert [image.notes for image in read_images([plain, other])] == [(), (said,)]
