from __future__ import annotations

import gc
import os
import re
import warnings
from dataclasses import dataclass, field

import dask.array as da
import numpy as np
import pytest
import tifffile
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.image_file import read_images
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


@dataclass
class Opens:
    axes: str
    shape: tuple[int, ...]
    dtype: str
    pixel_size: dict[str, float] = field(default_factory=dict)
    assumed: str = ""


@dataclass
class Refused:
    found: str
    way_out: str


HELA = 0.051493  # µm
PHOTOGRAPH = Refused("RGB picture", r"Use the file it was made from.* axes='YXC'")
SPOTS = {"Z": 0.4, "Y": 0.094134, "X": 0.094134}
# What a viewer shows of each file, or why it is not used.
FILES: dict[str, Opens | Refused] = {
    "bns_test_image.ome.tif": Refused("RGB picture", "axes='CYX'"),
    "ij_cyx_u16_hot_pixel.tif": Opens("CYX", (2, 354, 475), "u2"),
    "ij_cyx_u16_narrow_range.tif": Opens("CYX", (2, 341, 341), "u2", {"Y": 0.39, "X": 0.39}),
    "ij_yxs_rgb48_hela.tif": Opens("CYX", (3, 512, 672), "u2", {"Y": HELA, "X": HELA}),
    "ij_zcyx_u16_spots.tif": Opens("ZCYX", (17, 2, 88, 89), "u2", SPOTS),
    "imagej_gray16signedA.tif": Opens("YX", (1, 5), "i2"),
    "imagej_gray24-3x2-sub1.tif": PHOTOGRAPH,
    "imagej_gray32float-3x2-sub1.tif": Opens("YX", (2, 3), "f4"),
    "imagej_gray8-3x2-stack.tif": Opens("ZYX", (2, 2, 3), "u1", {"Y": 352.858, "X": 352.858}),
    "mosaic_test.czi": Refused("Zeiss CZI", r"napari-denoisplit\[czi\]"),
    "n2v_flybrain_lzw.tiff": PHOTOGRAPH,
    "ome5d_multi-channel-time-series.ome.tiff": Opens("TCYX", (7, 3, 167, 439), "i1"),
    "ome5d_multi-channel-z-series.ome.tiff": Opens("CZYX", (3, 5, 167, 439), "i1"),
    "ome5d_multi-channel.ome.tiff": Opens("CYX", (3, 167, 439), "i1"),
    "ome5d_single-channel.ome.tiff": Opens("YX", (167, 439), "i1"),
    "ome5d_time-series.ome.tif": Opens("TYX", (7, 167, 439), "i1"),
    "ome5d_z-series.ome.tiff": Opens("ZYX", (5, 167, 439), "i1"),
    "skimage_chessboard_GRAY_U16.tif": Opens("YX", (200, 200), "u2"),
    "skimage_chessboard_GRAY_U16B.tif": Opens("YX", (200, 200), "u2"),
    "skimage_multipage.tif": Opens("CYX", (2, 15, 10), "u1", assumed="channels"),
    "skimage_multipage_rgb.tif": Opens("TCYX", (2, 3, 10, 10), "f8", assumed="time points"),
    "derived/bigendian_cyx_u16.tif": Opens("CYX", (3, 256, 256), "u2", assumed="channels"),
    "derived/bigtiff_cyx_u16.tif": Opens("CYX", (3, 256, 256), "u2", assumed="channels"),
    "derived/float32_yx_nan_inf.tif": Refused("17 of 65536 pixels .* NaN", "crop them away"),
    "derived/float64_yx.tif": Opens("YX", (256, 256), "f8"),
    "derived/ij_hyperstack_tzcyx_u16.tif": Opens("TCYX", (4, 3, 192, 192), "u2"),
    "derived/odd_size_cyx_u16_127x253.tif": Opens("CYX", (2, 127, 253), "u2", assumed="channels"),
    "derived/ome_pyramid_cyx.ome.tif": Opens("CYX", (3, 256, 256), "u2"),
    "derived/ome_tczyx_f32_deflate_tiled.ome.tif": Opens("TCYX", (4, 3, 192, 192), "f4"),
    "derived/ome_two_series.ome.tif": Refused("2 images .*'A' YX .*'B' CYX", "series=0 to 1"),
    "derived/plain_stack_nometa_u8_lzw.tif": Opens(
        "TYX", (4, 192, 192), "u1", assumed="time points"
    ),
    "derived/plain_yxc_channel_last_u16.tif": Opens("CYX", (2, 256, 256), "u2"),
    "derived/rgb_u8_jpeg.tif": PHOTOGRAPH,
    "derived/truncated.tif": Refused("not complete: .*393473, the file ends at 131268", "again"),
    "derived/u16_zstd_cyx.tif": Opens("CYX", (3, 256, 256), "u2", assumed="channels"),
    "derived/ome_zarr_v04_cyx.zarr": Opens("CYX", (3, 256, 256), "u2", {"Y": 0.1, "X": 0.1}),
}


def test_the_table_knows_every_file(shared_data):
    folder = shared_data / "interop" / "tiffs"
    present = {p.name for p in folder.iterdir()} - {"derived"}
    present |= {f"derived/{p.name}" for p in (folder / "derived").iterdir()}
    assert present == set(FILES)


@pytest.mark.parametrize("name", [n for n, says in FILES.items() if isinstance(says, Opens)])
@pytest.mark.parametrize("lazy_above", [2**30, 0], ids=["read", "lazy"])
def test_a_file_found_in_the_wild_opens_with_its_axes(shared_data, name, lazy_above):
    expected = FILES[name]
    image = read_image(shared_data / "interop" / "tiffs" / name, lazy_above=lazy_above)
    lazy = lazy_above == 0 or name.endswith(".zarr")
    assert isinstance(image.data, da.Array if lazy else np.ndarray)
    assert (image.axes, image.shape, image.data.dtype) == (
        expected.axes,
        expected.shape,
        np.dtype(expected.dtype),
    )
    assert image.pixel_size == pytest.approx(expected.pixel_size, rel=1e-4)
    assert set(image.units.values()) == ({"µm"} if expected.pixel_size else set())
    assert expected.assumed in " ".join(image.notes)
    assert bool(image.notes) is bool(expected.assumed)


@pytest.mark.parametrize("name", [n for n, says in FILES.items() if isinstance(says, Refused)])
def test_a_file_that_cannot_be_used_is_refused_with_a_way_out(shared_data, name):
    path = shared_data / "interop" / "tiffs" / name
    with pytest.raises(ImageError) as refusal:
        read_image(path)
    text = str(refusal.value)
    assert text.startswith(str(path))
    assert re.search(FILES[name].found, text)
    assert re.search(FILES[name].way_out, text)


@pytest.mark.parametrize("name", [n for n, says in FILES.items() if isinstance(says, Opens)])
def test_a_lazy_image_has_the_pixels_of_one_that_is_read(shared_data, name):
    path = shared_data / "interop" / "tiffs" / name
    assert_array_equal(read_image(path, lazy_above=0).data, read_image(path).data)


def test_several_files_come_in_the_order_they_were_named(tmp_path):
    for name in "ba":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.ones((4, 5), "u2"))
    assert [i.name for i in read_images([tmp_path / "b.tif", tmp_path / "a.tif"])] == ["b", "a"]


# What the caller says.


def test_the_caller_may_name_the_axes(tmp_path):
    data = np.arange(2 * 4 * 5, dtype="u2").reshape(2, 4, 5)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="minisblack")
    image = read_image(tmp_path / "a.tif", axes="ZYX")
    assert (image.axes, image.notes) == ("ZYX", ())
    turned = read_image(tmp_path / "a.tif", axes="XYT")
    assert_array_equal(turned.data, data.transpose(2, 1, 0))


def test_the_caller_may_count_axes_of_length_one(tmp_path):
    data = np.ones((1, 2, 1, 4, 5), "u2")
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, metadata={"axes": "TZCYX"})
    assert read_image(tmp_path / "a.tif", axes="TZCYX").axes == "ZYX"


@pytest.mark.parametrize("planes", [(), (5,)])
def test_the_axes_that_a_refused_picture_is_told_to_take_do_open_it(tmp_path, planes):
    data = np.zeros((*planes, 9, 11, 3), "u1")
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb")
    with pytest.raises(ImageError) as refusal:
        read_image(tmp_path / "a.tif")
    axes = str(refusal.value).rpartition("axes='")[2].partition("'")[0]
    assert read_image(tmp_path / "a.tif", axes=axes).n_channels == 3


def test_the_caller_may_take_colours_for_channels(tmp_path):
    data = np.arange(4 * 5 * 3, dtype="u1").reshape(4, 5, 3)
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb")
    assert_array_equal(read_image(tmp_path / "a.tif", axes="YXC").data, data.transpose(2, 0, 1))


@pytest.mark.parametrize("axes", ["YX", "TCYX", "CCX", "QYX", "TCZ"])
def test_letters_that_do_not_fit_are_refused(tmp_path, axes):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3, 4, 5), "u2"), photometric="minisblack")
    with pytest.raises(ImageError, match=rf"axes='{axes}' do not fit its axes QYX of 3 x 4 x 5"):
        read_image(tmp_path / "a.tif", axes=axes)


def test_the_caller_may_choose_one_of_several_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as file:
        for name, size in [("first", 0.5), ("second", 0.25)]:
            metadata = {"Name": name, "axes": "YX", "PhysicalSizeX": size}
            file.write(np.full((4, 5), size * 8, "u2"), metadata=metadata)
    image = read_image(tmp_path / "a.ome.tif", series=1)
    assert image.data[0, 0] == 2
    assert image.pixel_size == {"X": 0.25}
    with pytest.raises(ImageError, match="has no image 2; it holds 0: 'first'"):
        read_image(tmp_path / "a.ome.tif", series=2)


# What the file says.


def test_many_unnamed_planes_are_time_and_few_are_channels(tmp_path):
    for n in (2, 3, 4, 9):
        tifffile.imwrite(tmp_path / f"{n}.tif", np.ones((n, 4, 5), "u2"), photometric="minisblack")
    assert [read_image(tmp_path / f"{n}.tif").axes for n in (2, 3, 4, 9)] == [
        *["CYX"] * 2,
        *["TYX"] * 2,
    ]


def test_two_unnamed_axes_are_not_guessed(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 3, 6, 5), "u2"), photometric="minisblack")
    with pytest.raises(ImageError, match=r"axes QQYX of 4 x 3 x 6 x 5.* axes='CTYX'"):
        read_image(tmp_path / "a.tif")


def test_imagej_tells_steps_of_time_and_depth_with_their_units(tmp_path):
    data = np.ones((2, 3, 4, 5), "u2")
    metadata = {"axes": "TZYX", "spacing": 0.5, "unit": "micron", "finterval": 2.0}
    tifffile.imwrite(tmp_path / "a.tif", data, imagej=True, resolution=(10, 5), metadata=metadata)
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_size == pytest.approx({"T": 2.0, "Z": 0.5, "Y": 0.2, "X": 0.1})
    assert image.units == {"T": "s", "Z": "µm", "Y": "µm", "X": "µm"}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["actin", "nuclei"] * 3, ("actin", "nuclei")),
        (
            [f"c:{c}/2 t:{t}/3 - {n}" for t in (1, 2, 3) for c, n in [(1, "a"), (2, "b")]],
            ("a", "b"),
        ),
        ([f"{n}.tif" for n in range(6)], ()),
        ([f"c:{c}/2 t:{t}/3 - cells.czi" for t in (1, 2, 3) for c in (1, 2)], ()),
    ],
)
def test_labels_of_imagej_that_tell_channels_apart_are_their_names(tmp_path, labels, names):
    metadata = {"axes": "TCYX", "Labels": labels}
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones((3, 2, 4, 5), "u2"), imagej=True, metadata=metadata
    )
    assert read_image(tmp_path / "a.tif").channel_names == names


def test_some_names_of_channels_are_completed_by_numbers(tmp_path):
    metadata = {"axes": "CYX", "Channel": {"Name": ["actin", ""]}}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.ones((2, 4, 5), "u2"), metadata=metadata)
    assert read_image(tmp_path / "a.ome.tif").channel_names == ("actin", "channel 2")


@pytest.mark.parametrize(
    ("resolution", "unit", "size"),
    [((40_000, 40_000), "CENTIMETER", 0.25), ((254_000, 254_000), "INCH", 0.1)],
)
def test_a_plain_tiff_tells_the_size_of_a_pixel(tmp_path, resolution, unit, size):
    data = np.ones((4, 5), "u2")
    tifffile.imwrite(tmp_path / "a.tif", data, resolution=resolution, resolutionunit=unit)
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_size == pytest.approx({"Y": size, "X": size})
    assert image.units == {"Y": "µm", "X": "µm"}


@pytest.mark.parametrize("dpi", [72, 96, 300, 600, 1200])
def test_dots_of_a_printer_are_not_pixels_of_a_camera(tmp_path, dpi):
    data = np.ones((4, 5), "u2")
    tifffile.imwrite(tmp_path / "a.tif", data, resolution=(dpi, dpi), resolutionunit="INCH")
    assert read_image(tmp_path / "a.tif").pixel_size == {}


@pytest.mark.parametrize("compression", ["lzw", "zlib", "zstd", "lzma", "packbits"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_compressions_and_byte_orders_do_not_change_pixels(tmp_path, rng, compression, byteorder):
    data = rng.integers(0, 2**16, (3, 40, 50), dtype="u2")
    tifffile.imwrite(
        tmp_path / "a.tif",
        data,
        compression=compression,
        byteorder=byteorder,
        photometric="minisblack",
    )
    image = read_image(tmp_path / "a.tif")
    assert image.data.dtype.isnative
    assert_array_equal(image.data, data)


# What is refused.


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (np.ones((4, 5), "c8"), "complex numbers"),
        (np.ones((4, 8), "?"), "black-and-white mask"),
        (np.full((4, 5), np.inf, "f4"), "20 of 20 pixels that are NaN or infinite"),
    ],
)
def test_what_is_not_intensities_is_refused(tmp_path, data, found):
    tifffile.imwrite(tmp_path / "a.tif", data)
    with pytest.raises(ImageError, match=rf"a\.tif .*{found}"):
        read_image(tmp_path / "a.tif")


def test_axes_that_the_method_does_not_know_are_refused(tmp_path):
    metadata = {"axes": "AYX"}
    tifffile.imwrite(tmp_path / "a.tif", np.ones((6, 4, 5), "u2"), metadata=metadata)
    with pytest.raises(ImageError, match="axes AYX of 6 x 4 x 5"):
        read_image(tmp_path / "a.tif")


def test_what_is_no_image_is_refused(tmp_path):
    (tmp_path / "text.tif").write_text("not pixels at all, but a text")
    (tmp_path / "empty.tif").touch()
    (tmp_path / "header.tif").write_bytes(b"II*\0\x08\0\0\0")
    for name, found in [
        ("missing.tif", "does not exist"),
        ("text.tif", "not a TIFF file"),
        ("empty.tif", "is empty"),
        ("header.tif", "holds no image|damaged"),
        ("", "is a folder"),
    ]:
        with pytest.raises(ImageError, match=found):
            read_image(tmp_path / name)


@pytest.mark.parametrize("kind", ["ome", "imagej", "plain", "compressed", "bigtiff"])
@pytest.mark.parametrize("lazy_above", [2**30, 0], ids=["read", "lazy"])
def test_a_cut_file_is_refused_unless_every_pixel_and_axis_is_there(
    tmp_path, rng, kind, lazy_above
):
    options = {
        "ome": {"ome": True, "metadata": {"axes": "TCYX"}},
        "imagej": {"imagej": True, "metadata": {"axes": "TCYX"}},
        "plain": {"metadata": None},
        "compressed": {"compression": "zlib", "metadata": {"axes": "TCYX"}},
        "bigtiff": {"bigtiff": True, "metadata": {"axes": "TCYX"}},
    }[kind]
    data = rng.integers(0, 2**16, (5, 2, 16, 16), dtype="u2")
    tifffile.imwrite(tmp_path / "whole.tif", data, photometric="minisblack", **options)
    whole = (tmp_path / "whole.tif").read_bytes()
    kept = read_image(tmp_path / "whole.tif").data
    for end in np.linspace(0, len(whole) - 1, 40).astype(int):
        (tmp_path / "cut.tif").write_bytes(whole[:end])
        try:
            image = read_image(tmp_path / "cut.tif", lazy_above=lazy_above)
        except ImageError:
            continue
        assert end > len(whole) - 300  # what ends the last list of tags may be spared
        assert_array_equal(image.data, kept)


def test_an_ome_tiff_whose_other_files_are_gone_is_refused(tmp_path):
    data = np.ones((2, 4, 5), "u2")
    tifffile.imwrite(tmp_path / "a.ome.tif", data, metadata={"axes": "TYX"})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        text = file.ome_metadata
    begin = text.index("<TiffData")
    end = text.index("/>", begin) + 2
    uuid = "<UUID FileName='gone.ome.tif'>urn:uuid:00000000-0000-0000-0000-000000000000</UUID>"
    planes = (
        "<TiffData IFD='0' FirstT='0' PlaneCount='1'/>"
        f"<TiffData IFD='0' FirstT='1' PlaneCount='1'>{uuid}</TiffData>"
    )
    tifffile.tiffcomment(tmp_path / "a.ome.tif", (text[:begin] + planes + text[end:]).encode())
    with pytest.raises(ImageError, match="1 of its 2 planes lie in files that are not here"):
        read_image(tmp_path / "a.ome.tif")


# The life of a lazy image.


def open_files(path) -> int:
    folder = "/proc/self/fd"
    return sum(os.path.realpath(f"{folder}/{n}") == str(path) for n in os.listdir(folder))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files in /proc")
def test_a_file_is_closed_when_its_image_is_gone(tmp_path):
    path = tmp_path.resolve() / "a.tif"
    tifffile.imwrite(path, np.ones((3, 16, 16), "u2"), photometric="minisblack")
    image = read_image(path)
    assert open_files(path) == 0
    image = read_image(path, lazy_above=0)
    image.data.sum().compute()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        del image
        gc.collect()
    assert open_files(path) == 0


@pytest.mark.parametrize("lazy_above", [2**30, 0], ids=["read", "lazy"])
def test_an_image_of_several_files_is_read_from_all_of_them(tmp_path, lazy_above):
    names = ["a.ome.tif", "b.ome.tif"]
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(2)]
    planes = "".join(
        f"<TiffData IFD='0' FirstT='{n}' PlaneCount='1'><UUID FileName='{name}'>{uuid}</UUID>"
        "</TiffData>"
        for n, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )
    for n, name in enumerate(names):
        data = np.full((1, 32, 48), n + 1, "u2")
        tifffile.imwrite(
            tmp_path / name, data, tile=(16, 16), metadata={"axes": "TYX"}, photometric="minisblack"
        )
        with tifffile.TiffFile(tmp_path / name) as file:
            text = file.ome_metadata.replace('SizeT="1"', 'SizeT="2"')
        begin = text.index("<TiffData")
        end = text.index("/>", begin) + 2
        text = re.sub(r'UUID="[^"]*"', f'UUID="{uuids[n]}"', text[:begin]) + planes + text[end:]
        tifffile.tiffcomment(tmp_path / name, text.encode())
    image = read_image(tmp_path / "a.ome.tif", lazy_above=lazy_above)
    assert (image.axes, image.shape) == ("TYX", (2, 32, 48))
    assert np.asarray(image.data[:, 5:9, 20:40]).tolist() == [[[n] * 20] * 4 for n in (1, 2)]


def test_a_lazy_image_is_read_in_blocks_and_not_in_strips(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((3000, 100), "u2"), rowsperstrip=8)
    image = read_image(tmp_path / "a.tif", lazy_above=0)
    assert image.data.chunks == ((3000,), (100,))


def test_planes_that_are_missing_as_a_whole_are_read_and_pointed_out(tmp_path, rng):
    stack = rng.normal(size=(4, 20, 30)).astype(np.float32)
    stack[2:] = np.nan
    write_image(tmp_path / "stopped.ome.tif", Image(stack, "TYX"))
    image = read_image(tmp_path / "stopped.ome.tif")
    np.testing.assert_array_equal(image.data, stack)
    assert any("2 of 4 planes" in note for note in image.notes)
