"""A part of a plane has its place among what is read for it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.images.image import Image
from napari_denoisplit.sampling.border import read_bordered
from napari_denoisplit.sampling.frame import Frame
from napari_denoisplit.sampling.tiles import Tile

SHAPE = (181, 250)
SPANS = [((0, 181), (0, 250)), ((37, 90), (101, 102)), ((170, 181), (0, 33)), ((64, 128), (64, 96))]


def frames():
    parts = [Frame.around(y, x, SHAPE, context, 16) for y, x in SPANS for context in (0, 16, 96)]
    return [Frame.whole(*SHAPE, 16), *parts]


@pytest.mark.parametrize("frame", frames())
def test_what_is_kept_is_cut_out_of_what_is_read(frame):
    plane = np.arange(SHAPE[0] * SHAPE[1], dtype=np.float32).reshape(SHAPE)
    read = read_bordered(Image(plane, "YX"), (), frame.rows, frame.columns, 16, "here")
    assert read.shape == frame.read_shape
    np.testing.assert_array_equal(frame.cropped(read), plane[slice(*frame.y), slice(*frame.x)])


@pytest.mark.parametrize("frame", frames())
@pytest.mark.parametrize("tile_size", [None, 256])
def test_tiles_show_every_pixel_that_is_kept_once(frame, tile_size):
    times = np.zeros(frame.shape, int)
    for tile in frame.tiles(tile_size, 96, 16):
        y, x = frame.shown(tile)
        times[slice(*y), slice(*x)] += 1
    assert (times == 1).all()


@pytest.mark.parametrize("frame", frames())
def test_a_pixel_of_the_image_is_found_in_what_is_read(frame):
    y, x = (at + by for at, by in zip((frame.y[0], frame.x[0]), frame.offset, strict=True))
    assert frame.shown(Tile((y, y + 1), (x, x + 1), (y, y + 1), (x, x + 1))) == ((0, 1), (0, 1))
