"""Metadata and arrays that are written follow the rules of OME-NGFF 0.5, one check per rule."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image

SIZES = {"T": 2, "C": 3, "Z": 2, "Y": 1030, "X": 20}
TYPES = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}
ORDER = ["time", "channel", "space", "space", "space"]


def written(folder: Path, axes: str) -> tuple[dict[str, Any], Path]:
    data = np.arange(np.prod([SIZES[a] for a in axes]), dtype="f4")
    names = ("a", "b", "c") if "C" in axes else ("only",)
    sizes = {"T": 2.0, "Z": 0.5, "Y": 0.1, "X": 0.1}
    units = {"T": "s", "Z": "µm", "Y": "µm", "X": "µm"}
    known = {a: n for a, n in sizes.items() if a in axes}
    image = Image(data.reshape([SIZES[a] for a in axes]), axes, known, units, names, name="cells")
    path = folder / "a.ome.zarr"
    write_image(path, image)
    root = json.loads((path / "zarr.json").read_text())
    assert (root["zarr_format"], root["node_type"]) == (3, "group")
    return root["attributes"]["ome"], path


@pytest.fixture(scope="module", params=["YX", "CYX", "ZYX", "TYX", "TCZYX"])
def image(request, tmp_path_factory):
    return written(tmp_path_factory.mktemp("ngff"), request.param)


def test_the_version_stands_in_the_namespace(image):
    assert image[0]["version"] == "0.5"


def test_axes_have_unique_names_types_in_order_and_units_of_udunits(image):
    (multiscale,) = image[0]["multiscales"]
    axes = multiscale["axes"]
    assert 2 <= len(axes) <= 5
    assert len({axis["name"] for axis in axes}) == len(axes)
    types = [axis["type"] for axis in axes]
    assert types == [TYPES[axis["name"]] for axis in axes]
    assert [ORDER.index(kind) for kind in types] == sorted(ORDER.index(kind) for kind in types)
    assert 2 <= types.count("space") <= 3
    assert max(types.count("time"), types.count("channel")) <= 1
    units = {axis["type"]: axis.get("unit") for axis in axes}
    expected = {"space": "micrometer", "time": "second", "channel": None}
    assert units == {kind: expected[kind] for kind in units}


def test_every_level_has_one_scale_then_at_most_one_translation_of_full_length(image):
    (multiscale,) = image[0]["multiscales"]
    assert {"name", "type", "metadata", "datasets"} <= set(multiscale)
    for dataset in multiscale["datasets"]:
        steps = dataset["coordinateTransformations"]
        assert [step["type"] for step in steps] in (["scale"], ["scale", "translation"])
        for step in steps:
            values = step[step["type"]]
            assert len(values) == len(multiscale["axes"])
            assert all(isinstance(value, float) for value in values)


def test_levels_are_arrays_from_fine_to_coarse_whose_dimensions_bear_the_names_of_the_axes(image):
    (multiscale,) = image[0]["multiscales"]
    names = tuple(axis["name"] for axis in multiscale["axes"])
    group = zarr.open_group(image[1], mode="r")
    levels = [group[dataset["path"]] for dataset in multiscale["datasets"]]
    assert len(levels) == 3
    for level in levels:
        assert level.metadata.dimension_names == names
        assert level.dtype == levels[0].dtype
    areas = [np.prod(level.shape) for level in levels]
    assert areas == sorted(areas, reverse=True)


def test_scales_and_translations_keep_the_centre_of_the_image_in_its_place(image):
    (multiscale,) = image[0]["multiscales"]
    centres = []
    for dataset in multiscale["datasets"][:2]:
        steps = {s["type"]: np.array(s[s["type"]]) for s in dataset["coordinateTransformations"]}
        n = zarr.open_array(image[1] / dataset["path"], mode="r").shape
        centres.append((np.array(n) - 1) / 2 * steps["scale"] + steps.get("translation", 0))
    np.testing.assert_allclose(centres[0], centres[1])


def test_channels_have_a_label_a_colour_and_a_window_in_order(image):
    for channel in image[0]["omero"]["channels"]:
        assert channel["label"] in ("a", "b", "c", "only")
        assert re.fullmatch("[0-9A-F]{6}", channel["color"])
        window = channel["window"]
        assert window["min"] <= window["start"] < window["end"] <= window["max"]


def test_pixels_are_stored_with_codecs_of_the_first_version_of_zarr_3(image):
    metadata = json.loads((image[1] / "0" / "zarr.json").read_text())
    (sharding,) = metadata["codecs"]
    assert sharding["name"] == "sharding_indexed"
    inner = [codec["name"] for codec in sharding["configuration"]["codecs"]]
    assert inner == ["bytes", "blosc"]


def test_the_schemas_of_ome_find_nothing_wrong(image):
    _, path = image
    checker = pytest.importorskip("yaozarrs")
    assert checker.validate_zarr_store(path).ome_metadata().multiscales
