"""Metadata from elsewhere can neither run anything nor read what lies elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


@pytest.fixture(params=[2, 3])
def array(request, tmp_path):
    """File with the metadata of an array of either version."""
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=np.ones((4, 5), "u2"), zarr_format=request.param)
    assert read_image(path, axes="YX").shape == (4, 5)
    return path / ("zarr.json" if request.param == 3 else ".zarray")


def damage(file, key, value):
    metadata = json.loads(file.read_text())
    metadata[key] = value
    file.write_text(json.dumps(metadata))


@pytest.mark.parametrize(
    ("two", "three"),
    [
        (("filters", [{"id": "pickle"}]), ("codecs", [{"name": "numcodecs.pickle"}])),
        (("compressor", {"id": "evil"}), ("codecs", ["evil"])),
        (
            ("filters", [{"id": "json2"}]),
            (
                "codecs",
                [
                    {
                        "name": "sharding_indexed",
                        "configuration": {"chunk_shape": [4, 5], "codecs": ["numcodecs.json2"]},
                    }
                ],
            ),
        ),
    ],
)
def test_a_codec_that_is_not_known_to_be_harmless_is_refused(array, two, three):
    damage(array, *(three if array.name == "zarr.json" else two))
    with pytest.raises(ImageError, match="not among the codecs that are trusted"):
        read_image(array.parent, axes="YX")


@pytest.mark.parametrize("kind", ["|O", "object", "string", "bool", "|b1", "complex64", "<M8[s]"])
def test_pixels_that_are_no_intensities_are_refused(array, kind):
    damage(array, "data_type" if array.name == "zarr.json" else "dtype", kind)
    with pytest.raises(ImageError, match="integer or floating-point"):
        read_image(array.parent, axes="YX")


@pytest.mark.parametrize("shape", [[-4, 5], [0, 5], "4x5", [2**40, 2**40], [4.0, 5], [1] * 9])
def test_sizes_that_cannot_be_true_are_refused(array, shape):
    damage(array, "shape", shape)
    with pytest.raises(ImageError, match=r"cannot be the size|more than can be true"):
        read_image(array.parent, axes="YX")


def test_pieces_that_do_not_fit_into_memory_are_refused(array):
    chunks = [2**20, 2**20]
    grid = {"name": "regular", "configuration": {"chunk_shape": chunks}}
    damage(array, *(("chunk_grid", grid) if array.name == "zarr.json" else ("chunks", chunks)))
    with pytest.raises(ImageError, match=r"pieces of 2048\.0 GiB"):
        read_image(array.parent, axes="YX")


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, '{"zarr_format": 3}'])
def test_damaged_metadata_is_named(array, text):
    array.write_text(text)
    with pytest.raises(ImageError, match=r"a\.zarr"):
        read_image(array.parent, axes="YX")


@pytest.mark.parametrize("name", ["../secret.zarr/0", "/etc", "a\\b", "C:", 7, None])
def test_metadata_cannot_lead_out_of_the_folder(tmp_path, name):
    for path in ("secret.zarr", "a.zarr"):
        write_image(tmp_path / path, Image(np.ones((4, 5), "f4"), "YX"))
    file = tmp_path / "a.zarr/zarr.json"
    metadata = json.loads(file.read_text())
    metadata["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = name
    file.write_text(json.dumps(metadata))
    with pytest.raises(ImageError, match="not a folder inside it"):
        read_image(tmp_path / "a.zarr")


def test_links_cannot_lead_out_of_the_folder(tmp_path):
    for path in ("secret.zarr", "a.zarr", "b.zarr"):
        write_image(tmp_path / path, Image(np.ones((4, 5), "f4"), "YX"))
    (tmp_path / "a.zarr/0").rename(tmp_path / "old")
    (tmp_path / "a.zarr/0").symlink_to(tmp_path / "secret.zarr/0")
    with pytest.raises(ImageError, match="outside of it"):
        read_image(tmp_path / "a.zarr")
    (tmp_path / "b.zarr/0/c/0/0").unlink()
    (tmp_path / "b.zarr/0/c/0/0").symlink_to(tmp_path / "secret.zarr/0/c/0/0")
    assert np.isnan(read_image(tmp_path / "b.zarr").data).all()
