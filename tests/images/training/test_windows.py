from __future__ import annotations

import dask.array
import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.windows import training_windows


def test_small_images_are_held_whole(rng):
    image = rng.normal(size=(2, 40, 50)).astype(np.float32)
    windows = training_windows([image], least_edge=32, names=("a",))
    np.testing.assert_array_equal(np.stack(windows), image)


def test_of_a_large_image_no_more_is_read_than_asked_for():
    read = []

    def block(block_info):
        place = block_info[None]["chunk-location"]
        read.append(place)
        return np.full((1, 512, 512), place[0], np.float32)

    image = dask.array.map_blocks(
        block, chunks=((1,) * 40, (512,) * 20, (512,) * 20), dtype=np.float32
    )
    windows = training_windows([image], least_edge=64, names=("a",), max_pixels=8 * 512**2)
    assert len(windows) == 8
    assert len(read) <= 9  # dask asks one block for its kind
    assert [int(w[0, 0]) for w in windows] == [2, 7, 12, 17, 22, 27, 32, 37]


def test_a_small_window_is_continued_by_reflection():
    (window,) = training_windows([np.eye(20)], least_edge=64, names=("a",))
    assert window.shape == (64, 64)
    assert window[20, 19] == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_refused_by_name(bad):
    with pytest.raises(ImageError, match="'cells' holds pixels that are NaN or infinite"):
        training_windows([np.full((64, 64), bad)], least_edge=32, names=("cells",))
