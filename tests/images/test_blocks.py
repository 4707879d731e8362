from __future__ import annotations

from math import prod

import pytest

from napari_denoisplit.images.blocks import block_shape


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
    plane = (len(shape) - 2, len(shape) - 1)
    block = block_shape(shape, stored, 2, plane)
    assert block == expected
    assert prod(block) * 2 <= max(2**26, prod(stored) * 2)
    for size, piece, n in zip(block, stored, shape, strict=True):
        assert size % piece == 0 or size == n
