"""Files that were once read wrongly without a word, each with its right answer."""

from __future__ import annotations

import logging
from shutil import copy
from threading import Thread

import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.remarks import remarks, tifffile_remarks

EAGER, LAZY = 2**40, 0
BOTH = pytest.mark.parametrize("lazy_above", [EAGER, LAZY], ids=["read", "lazy"])


@pytest.fixture
def cases(shared_data):
    """Folder of the files; the test is skipped where it is absent."""
    if not (shared_data / "cases").is_dir():
        pytest.skip(f"no folder 'cases' in {shared_data}")
    return shared_data / "cases"


def _read(path, series, lazy_above):
    """Image as plain values; a refusal stands for itself."""
    try:
        image = read_image(path, series=series, lazy_above=lazy_above)
        return np.asarray(image.data), (image.axes, image.pixel_size, image.units, image.notes)
    except ImageError as refusal:
        return np.empty(0), str(refusal)


def test_every_image_of_every_file_is_the_same_read_at_once_or_lazily(cases, shared_data):
    files = [*cases.rglob("*.tif"), *(shared_data / "interop" / "tiffs").rglob("*.tif*")]
    assert len(files) > 30
    for path in files:
        for series in (None, 0, 1):
            at_once, meaning = _read(path, series, EAGER)
            if "NaN" not in str(meaning):  # which are looked for only in what is read at once
                lazily, same = _read(path, series, LAZY)
                assert_array_equal(at_once, lazily, err_msg=f"{path} series={series}")
                assert at_once.dtype == lazily.dtype
                assert meaning == same


# Sets of files.


@pytest.mark.parametrize("name", ["exp_Pos0.ome.tif", "exp_Pos1.ome.tif"])
@BOTH
def test_a_position_is_read_from_the_file_that_it_lies_in(cases, name, lazy_above):
    path = cases / "ome_positions" / name
    images = [read_image(path, series=i, lazy_above=lazy_above) for i in (0, 1)]
    assert [round(float(image.data.mean())) for image in images] == [1024, 2025]


@BOTH
def test_time_points_in_three_files_are_one_image(cases, lazy_above):
    image = read_image(cases / "ome_timepoints" / "t_1.ome.tif", lazy_above=lazy_above)
    assert (image.axes, image.shape, image.notes) == ("TYX", (3, 64, 48), ())
    assert len({float(plane.mean()) for plane in np.asarray(image.data)}) == 3


@pytest.mark.parametrize("name", ["t_1.ome.tif", "renamed.ome.tif"])
def test_a_time_point_alone_names_the_files_that_it_misses(cases, tmp_path, name):
    copy(cases / "ome_timepoints" / "t_1.ome.tif", tmp_path / name)
    with pytest.raises(
        ImageError,
        match=r"2 of its 3 planes lie in files that are not here .*t_0\.ome\.tif, t_2\.ome\.tif",
    ):
        read_image(tmp_path / name)


def test_a_position_alone_is_read_and_names_what_it_misses(cases, tmp_path):
    copy(cases / "ome_positions" / "exp_Pos1.ome.tif", tmp_path)
    image = read_image(tmp_path / "exp_Pos1.ome.tif")
    assert round(float(image.data.mean())) == 2025
    assert "of which exp_Pos0.ome.tif is not here" in " ".join(image.notes)


def test_pixels_without_their_header_name_the_companion(cases):
    image = read_image(cases / "binaryonly_0.ome.tif")
    assert "'x.companion.ome'" in " ".join(image.notes)


# Headers and files that disagree.


@pytest.mark.parametrize(("name", "promised"), [("ij_cut.tif", 5), ("ij_mismatch.tif", 10)])
def test_planes_that_an_imagej_header_promises_are_missed(cases, name, promised):
    with pytest.raises(ImageError, match=rf"promises {promised} planes .* 1 can be read"):
        read_image(cases / name)


def test_planes_that_an_ome_header_does_not_speak_of_are_told(cases):
    image = read_image(cases / "ome_sizec_wrong_less.ome.tif")
    assert image.n_channels == 2
    assert "holds 6 planes, but its header does not speak of 4" in " ".join(image.notes)


def test_planes_beyond_an_ome_header_that_counts_them_are_told(tmp_path):
    pages = np.zeros((6, 8, 9), "u2")
    tifffile.imwrite(tmp_path / "a.ome.tif", pages, metadata={"axes": "CYX"})
    text = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    text = text.replace('SizeC="6"', 'SizeC="2"').replace('PlaneCount="6"', 'PlaneCount="2"')
    tifffile.tiffcomment(tmp_path / "a.ome.tif", text.encode())
    image = read_image(tmp_path / "a.ome.tif")
    assert image.n_channels == 2
    assert "does not speak of 4" in " ".join(image.notes)


@pytest.mark.parametrize("said", [2, 9])
def test_an_imagej_header_of_another_number_of_stored_pages_is_refused(tmp_path, said):
    pages = np.zeros((6, 8, 9), "u2")
    options = {"imagej": True, "compression": "zlib", "metadata": {"axes": "CYX"}}
    tifffile.imwrite(tmp_path / "a.tif", pages, **options)
    text = tifffile.tiffcomment(tmp_path / "a.tif")
    tifffile.tiffcomment(tmp_path / "a.tif", text.replace("=6", f"={said}").encode())
    with pytest.raises(ImageError, match=rf"{said} planes"):
        read_image(tmp_path / "a.tif")


def test_what_tifffile_warns_of_is_told_and_of_no_other_thread(tmp_path):
    with tifffile_remarks() as heard:
        logging.getLogger("tifffile").warning("<tifffile.TiffFile 'a.tif'> odd tag")
        other = Thread(target=logging.getLogger("tifffile").warning, args=("of another file",))
        other.start()
        other.join()
    assert heard == ["odd tag"]
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 9), "u2"))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert "odd tag" in remarks(file, heard)[0]


# Values and sizes.


@BOTH
def test_signed_numbers_of_imagej_have_their_sign(cases, lazy_above):
    data = np.asarray(read_image(cases / "ij_signed.tif", lazy_above=lazy_above).data)
    assert (data.min(), data.max(), data.dtype) == (-500, 499, np.int16)


def test_any_other_calibration_of_imagej_is_told(tmp_path):
    metadata = {"cf": 0, "c0": 1.0, "c1": 0.5, "vunit": "mol"}
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 9), "u2"), imagej=True, metadata=metadata)
    image = read_image(tmp_path / "a.tif")
    assert image.data.max() == 1
    assert "calibrated values (mol)" in " ".join(image.notes)


@BOTH
def test_opacity_is_no_channel(cases, lazy_above):
    image = read_image(cases / "la8.tif", lazy_above=lazy_above)
    assert image.axes == "YX"
    assert "alpha" in " ".join(image.notes)


@BOTH
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_colours_stay_when_opacity_goes(tmp_path, planar, lazy_above):
    shape = (8, 9, 4) if planar == "contig" else (4, 8, 9)
    data = np.arange(8 * 9 * 4, dtype="u2").reshape(shape)
    options = {"photometric": "rgb", "planarconfig": planar, "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", data, **options)
    image = read_image(tmp_path / "a.tif", lazy_above=lazy_above)
    expected = data.transpose(2, 0, 1) if planar == "contig" else data
    assert_array_equal(np.asarray(image.data), expected[:3])


@BOTH
def test_where_white_is_zero_it_is_inverted(cases, lazy_above):
    image = read_image(cases / "miniswhite16.tif", lazy_above=lazy_above)
    stored = tifffile.imread(cases / "miniswhite16.tif")
    assert_array_equal(np.asarray(image.data), 65535 - stored)
    assert "white is zero" in " ".join(image.notes)


def test_a_size_in_decimetres_becomes_micrometres(cases):
    image = read_image(cases / "u_dm.ome.tif")
    assert image.pixel_size == pytest.approx({"Z": 0.5, "Y": 0.1, "X": 0.1})
    assert set(image.units.values()) == {"µm"}


@pytest.mark.parametrize("size", ["0,5", "0.5"])
def test_a_size_may_have_a_decimal_comma(tmp_path, size):
    tifffile.imwrite(tmp_path / "a.ome.tif", np.ones((8, 9), "u2"))
    text = tifffile.tiffcomment(tmp_path / "a.ome.tif")
    text = text.replace("<Pixels ", f'<Pixels PhysicalSizeX="{size}" ')
    tifffile.tiffcomment(tmp_path / "a.ome.tif", text.encode())
    assert read_image(tmp_path / "a.ome.tif").pixel_size == {"X": 0.5}


def test_a_scale_in_an_array_of_its_own_is_no_pixel_size(cases):
    assert read_image(cases / "scale_path.ome.zarr").pixel_size == {}


def test_a_zipped_ome_zarr_is_to_be_unzipped(cases):
    with pytest.raises(ImageError, match="unzip it first"):
        read_image(cases / "n.ozx")


def test_a_page_of_zeros_is_no_page_that_was_never_there(tmp_path):
    path = tmp_path / "a.tif"
    for rows in (8, 9):  # pages of two sizes, which are looked at one by one
        tifffile.imwrite(path, np.ones((rows, 8), np.uint16), append=rows > 8, metadata=None)
    with tifffile.TiffFile(path) as file:
        second = file.pages[1].offset
    data = bytearray(path.read_bytes())
    data[second : second + 2] = bytes(2)  # it has no tags
    path.write_bytes(data)
    with pytest.raises(ImageError, match="its plane 2 has no size"):
        read_image(path)
