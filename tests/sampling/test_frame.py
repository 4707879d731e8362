"""A part of a plane has its place among what is read for it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_denoisplit.images.image import Image
from napari_denoisplit.sampling.border import read_bordered
from napari_denoisplit.sampling.frame import Frame
from napari_denoisplit.sampling.tiles import Tile


@st.composite
def frames(draw):
    """A frame, what the ladder of it divides, and the size of the plane."""
    multiple = draw(st.sampled_from([4, 16, 32]))
    shape = tuple(draw(st.integers(1, 150)) for _ in range(2))
    if draw(st.booleans()):
        return Frame.whole(*shape, multiple), multiple, shape
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    y, x = ((a, draw(st.integers(a + 1, n))) for a, n in zip(starts, shape, strict=True))
    context = multiple * draw(st.integers(0, 4))
    return Frame.around(y, x, shape, context, multiple), multiple, shape


@given(frames())
def test_what_is_kept_is_cut_out_of_what_is_read(made):
    frame, multiple, shape = made
    plane = np.arange(shape[0] * shape[1], dtype=np.float32).reshape(shape)
    read = read_bordered(Image(plane, "YX"), (), frame.rows, frame.columns, multiple, "here")
    assert read.shape == frame.read_shape
    np.testing.assert_array_equal(frame.cropped(read), plane[slice(*frame.y), slice(*frame.x)])


@given(frames(), st.none() | st.integers(1, 5))
def test_tiles_show_every_pixel_that_is_kept_once(made, n_kept):
    frame, multiple, _ = made
    tile_size = None if n_kept is None else (n_kept + 4) * multiple
    times = np.zeros(frame.shape, int)
    for tile in frame.tiles(tile_size, 2 * multiple, multiple):
        y, x = frame.shown(tile)
        times[slice(*y), slice(*x)] += 1
    assert (times == 1).all()


@given(frames())
def test_a_pixel_of_the_image_is_found_in_what_is_read(made):
    frame, *_ = made
    y, x = (at + by for at, by in zip((frame.y[0], frame.x[0]), frame.offset, strict=True))
    assert frame.shown(Tile((y, y + 1), (x, x + 1), (y, y + 1), (x, x + 1))) == ((0, 1), (0, 1))
