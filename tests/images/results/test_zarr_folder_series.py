"""Lazy samples side by side: of a part, no more is read than the part."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.images.results.zarr_folder import series


class Disk:
    shape, dtype, ndim = (40, 50), np.dtype("f4"), 2

    def __init__(self, value):
        self.data, self.read = np.arange(2000, dtype="f4").reshape(40, 50) + value, 0

    def __getitem__(self, index):
        self.read += self.data[index].size
        return self.data[index]


@pytest.mark.parametrize(
    "index",
    [
        (1,),
        (2, slice(3, 7), slice(20, 41)),
        (slice(None), 5, 6),
        (slice(0, 3, 2), slice(30, 9, -4)),
    ],
)
def test_parts_are_those_of_a_stack_and_nothing_else_is_read(index):
    disks = [Disk(10_000 * k) for k in range(3)]
    arrays = [da.from_array(d, chunks=(32, 32), meta=np.empty((0, 0), "f4")) for d in disks]
    expected = np.stack([d.data for d in disks])[index]
    for disk in disks:
        disk.read = 0
    part = series(arrays)[index].compute(scheduler="synchronous")
    assert_array_equal(part, expected)
    if not any(isinstance(i, slice) and (i.step or 1) < 0 for i in index):
        assert sum(disk.read for disk in disks) == expected.size
