from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image

ENCODERS = {
    "jpeg": imagecodecs.jpeg8_encode,
    "png": imagecodecs.png_encode,
    "webp": lambda pixels: imagecodecs.webp_encode(pixels, lossless=True),
    "jpeg2000": imagecodecs.jpeg2k_encode,
    "jpegxl": imagecodecs.jpegxl_encode,
    "jpegxr": imagecodecs.jpegxr_encode,
    "lerc": imagecodecs.lerc_encode,
}


def with_picture(path: Path, codec: str, edge: int, **layout: object) -> Path:
    """Write a file of 64 x 64 pixels, and put a larger picture in the place of its first tile."""
    samples, photometric = ((3,), "rgb") if codec == "webp" else ((), "minisblack")
    pixels = np.zeros((64, 64, *samples), np.uint8)
    tifffile.imwrite(path, pixels, compression=codec, photometric=photometric, **layout)
    packed = bytes(ENCODERS[codec](np.zeros((edge, edge, *samples), np.uint8)))
    with tifffile.TiffFile(path, mode="r+b") as file:
        page = file.pages.first
        end = file.filehandle.seek(0, 2) or file.filehandle.tell()
        file.filehandle.write(packed)
        kind = "Tile" if page.is_tiled else "Strip"
        page.tags[f"{kind}Offsets"].overwrite(end)
        page.tags[f"{kind}ByteCounts"].overwrite(len(packed))
    return path


@pytest.mark.parametrize("lazy_above", [0, 2**40])
@pytest.mark.parametrize(("layout", "what"), [({"tile": (64, 64)}, "tile"), ({}, "strip")])
@pytest.mark.parametrize("codec", ENCODERS)
def test_a_picture_larger_than_its_place_is_refused(tmp_path, codec, layout, what, lazy_above):
    path = with_picture(tmp_path / "a.tif", codec, 80, **layout)
    axes = "YXC" if codec == "webp" else None
    said = rf"a\.tif .*its {what} 0 of 64 x 64 pixels holds a picture of 80 x 80.*Copy it again"
    with pytest.raises(ImageError, match=said):
        np.asarray(read_image(path, axes=axes, lazy_above=lazy_above).data)


@pytest.mark.parametrize("lazy_above", [0, 2**40])
def test_a_picture_of_more_values_than_its_place_has_is_refused(tmp_path, monkeypatch, lazy_above):
    def deep(pixels):
        return imagecodecs.lerc_encode(np.zeros((*pixels.shape, 9000), np.uint8))

    monkeypatch.setitem(ENCODERS, "lerc", deep)
    path = with_picture(tmp_path / "a.tif", "lerc", 64)
    with pytest.raises(ImageError, match=r"a\.tif .*64 x 64 with 9000 values each, where 4 may"):
        np.asarray(read_image(path, lazy_above=lazy_above).data)


@pytest.mark.parametrize("lazy_above", [0, 2**40])
@pytest.mark.parametrize("codec", ["zlib", "lerc"])
def test_tiles_far_larger_than_the_image_are_refused(tmp_path, codec, lazy_above):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ones((64, 48), np.uint16), compression=codec, tile=(64, 64))
    with tifffile.TiffFile(path, mode="r+b") as file:
        for name in ("TileWidth", "TileLength"):
            file.pages.first.tags[name].overwrite(20_000)
    said = r"a\.tif .*tiles claim 20000 x 20000 pixels, .*64 x 48 needs 16,777,216 at most"
    with pytest.raises(ImageError, match=said):
        np.asarray(read_image(path, lazy_above=lazy_above).data)


@pytest.mark.parametrize("layout", [{"tile": (32, 32)}, {"rowsperstrip": 24}])
@pytest.mark.parametrize("codec", [name for name in ENCODERS if name != "webp"])
def test_pictures_that_fit_are_read(tmp_path, rng, codec, layout):
    pixels = rng.integers(0, 255, (70, 50)).astype(np.uint8)  # no multiple of a tile
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=codec, **layout)
    expected = tifffile.imread(tmp_path / "a.tif")
    for lazy_above in (0, 2**40):
        read = read_image(tmp_path / "a.tif", lazy_above=lazy_above)
        np.testing.assert_array_equal(np.asarray(read.data), expected)
