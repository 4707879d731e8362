from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from napari_denoisplit.images.pictures import picture_size

ENCODERS = {
    "JPEG": imagecodecs.jpeg8_encode,
    "PNG": imagecodecs.png_encode,
    "WebP": lambda pixels: imagecodecs.webp_encode(np.stack([pixels] * 3, -1), lossless=False),
    "WebP, lossless": lambda pixels: imagecodecs.webp_encode(np.stack([pixels] * 3, -1), 100),
    "WebP, alpha": lambda pixels: imagecodecs.webp_encode(
        np.stack([pixels] * 4, -1), lossless=True
    ),
    "JPEG 2000": imagecodecs.jpeg2k_encode,
    "JPEG 2000, bare": lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="j2k"),
    "JPEG XL": imagecodecs.jpegxl_encode,
    "JPEG XL, boxes": lambda pixels: imagecodecs.jpegxl_encode(pixels, usecontainer=True),
    "JPEG XR": imagecodecs.jpegxr_encode,
    "LERC": imagecodecs.lerc_encode,
}


@pytest.mark.parametrize("shape", [(64, 64), (120, 160), (37, 301), (1000, 17), (9000, 24)])
@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_a_picture_says_its_size(rng, encode, shape):
    packed = bytes(encode(rng.integers(0, 255, shape).astype(np.uint8)))
    assert picture_size(packed)[:2] == shape
    assert picture_size(packed[:9]) is None  # cut short: the decoder says so


def test_what_is_no_picture_has_no_size(rng):
    assert picture_size(b"") is None
    assert picture_size(imagecodecs.zlib_encode(rng.bytes(1000))) is None


def test_values_of_all_bands_of_lerc_count():
    deep, plain = (
        bytes(imagecodecs.lerc_encode(np.zeros(shape, np.uint8)))
        for shape in ((64, 48, 30_000), (64, 48))
    )
    assert picture_size(deep) == (64, 48, 30_000)
    assert picture_size(5 * plain) == (64, 48, 5)


def test_components_of_jpeg_2000_count():
    packed = imagecodecs.jpeg2k_encode(np.zeros((64, 48, 3), np.uint8), codecformat="j2k")
    assert picture_size(bytes(packed)) == (64, 48, 3)
