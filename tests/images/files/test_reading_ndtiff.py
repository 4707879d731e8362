"""NDTiff, the format of Micro-Manager 2: an index beside TIFF files."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image


def ndtiff(folder, data):
    """Write (position, z, Y, X) as NDTiff of version 3; return the name of the file."""
    summary = b"{}"
    header = struct.pack("<IIIII", 483729, 3, 3, 2355492, len(summary)) + summary
    body, index = header, b""
    height, width = data.shape[-2:]
    pages = list(np.ndindex(data.shape[:2]))
    first = 8 + len(header)
    for number, at in enumerate(pages):
        pixels = data[at].tobytes()
        tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (277, 1), (278, height)]
        begin = 8 + len(body)
        start = begin + 2 + 12 * (len(tags) + 3) + 4
        tags = sorted([*tags, (273, start), (279, len(pixels))])
        after = start + len(pixels) if number + 1 < len(pages) else 0
        body += struct.pack("<H", len(tags) + 1) + b"".join(
            struct.pack("<HHII", code, 4, 1, value) for code, value in tags
        )
        body += struct.pack("<HHII", 51123, 2, 2, 28) + struct.pack("<I", after) + pixels
        axes = json.dumps(dict(zip(("position", "z"), at, strict=True))).encode()
        name = b"a.tif"
        index += struct.pack("<I", len(axes)) + axes + struct.pack("<I", len(name)) + name
        index += struct.pack("<IiiiiIii", start, width, height, 1, 0, 0, 0, 0)
    (folder / "a.tif").write_bytes(struct.pack("<2sHI", b"II", 42, first) + body)
    (folder / "NDTiff.index").write_bytes(index)
    return folder / "a.tif"


@pytest.fixture
def data(rng):
    return rng.integers(0, 60_000, (3, 2, 16, 24)).astype("u2")


@pytest.mark.parametrize("lazy_above", [2**30, 0], ids=["read", "lazy"])
@pytest.mark.parametrize("position", [0, 2])
def test_a_position_is_chosen_by_series(tmp_path, data, position, lazy_above):
    path = ndtiff(tmp_path, data)
    image = read_image(path, series=position, lazy_above=lazy_above)
    assert image.axes == "ZYX"
    assert_array_equal(np.asarray(image.data), data[position])


@pytest.mark.parametrize("series", [None, 3])
def test_a_position_is_not_guessed(tmp_path, data, series):
    with pytest.raises(ImageError, match=r"holds 3 positions.*series=0 to 2"):
        read_image(ndtiff(tmp_path, data), series=series)


def test_the_caller_may_take_positions_for_time_points(tmp_path, data):
    image = read_image(ndtiff(tmp_path, data), axes="TZYX", series=0)
    assert image.shape == data.shape
