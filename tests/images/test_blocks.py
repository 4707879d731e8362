from __future__ import annotations

import tracemalloc
import zlib
from math import prod
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from numpy.testing import assert_array_equal

from napari_denoisplit.images.blocks import block_shape, lazily
from napari_denoisplit.images.files.reading import read_image


@pytest.mark.parametrize(
    ("shape", "stored", "expected"),
    [
        ((20_000, 20_000), (256, 256), (8192, 4096)),  # tiles
        ((3, 20_000, 20_000), (1, 1, 20_000), (1, 1024, 20_000)),  # lines
        ((1000, 512, 512), (1, 512, 512), (128, 512, 512)),  # a movie
        ((7, 9), (512, 512), (7, 9)),  # small
        ((20_000, 20_000), (9000, 9000), (9000, 9000)),  # large as it is
    ],
)
def test_blocks_are_made_of_whole_pieces_and_take_up_to_64_mib(shape, stored, expected):
    block = block_shape(shape, stored, 2)
    assert block == expected
    assert prod(block) * 2 <= max(2**26, prod(stored) * 2)
    for size, piece, n in zip(block, stored, shape, strict=True):
        assert size % piece == 0 or size == n


INDICES = [
    (0, slice(3, 9), slice(None)),
    (slice(None), slice(None, None, -1), slice(1, 30, 7)),
    (slice(None, None, -2), 5, slice(40, 10, -3)),
    ([1, 0, 1], slice(None), [5, 3]),
    (slice(2, 2), slice(None), slice(None)),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
@pytest.mark.parametrize("order", [(0, 1, 3), (0, 3, 1), (3, 0, 1)])
def test_a_lazy_array_is_indexed_like_one_in_memory(rng, index, order):
    pixels = rng.integers(0, 99, size=(50, 60, 1, 40)).astype(">u2")
    stored = zarr.array(pixels, chunks=(16, 16, 1, 16), zarr_format=2)
    lazy = lazily(stored, order, Path("a.zarr"))
    expected = pixels[:, :, 0].transpose([n if n < 3 else 2 for n in order])
    assert lazy.dtype.isnative
    if isinstance(index[0], list):
        lazy, expected = lazy[index[0]], expected[index[0]]
        index = (slice(None), slice(None), index[2])
    assert_array_equal(lazy[index].compute(), expected[index])


def test_a_part_of_a_slide_reads_little_more_than_itself(tmp_path):
    tile, n = zlib.compress(np.full((256, 256), 7, "u2")), -(-20_000 // 256)
    options = {"tile": (256, 256), "bigtiff": True, "compression": "zlib"}
    tiles = (tile for _ in range(n * n))  # compressed already
    tifffile.imwrite(tmp_path / "a.tif", tiles, shape=(20_000, 20_000), dtype="u2", **options)
    image = read_image(tmp_path / "a.tif", lazy_above=2**29)
    assert image.data.npartitions <= 20
    image.data[:10, :10].compute()  # imports what it needs
    tracemalloc.start()
    part = image.data[5000:6024, 7000:8024].compute()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (part == 7).all()
    assert peak < 6 * part.nbytes
