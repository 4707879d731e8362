from __future__ import annotations

import json
import warnings

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.plugin.writer import write_layers

PLANE = np.arange(20, dtype="f4").reshape(4, 5)
SCALED = {"scale": (0.1, 0.2), "units": ("micrometer", "nm"), "axis_labels": ("y", "x")}


def layer(data, name="layer", **attributes):
    return data, {"name": name, **attributes}, "image"


def test_a_layer_of_napari_is_written_with_scale_units_and_name(tmp_path):
    from napari.layers import Image as ImageLayer

    labels = {"axis_labels": ("time", "y", "x"), "units": ("s", "µm", "µm")}
    shown = ImageLayer(np.stack([PLANE] * 3), name="actin", scale=(2, 0.1, 0.1), **labels)
    path = str(tmp_path / "a.ome.tif")
    assert write_layers(path, [shown.as_layer_data_tuple()]) == [path]
    image = read_image(path)
    assert (image.axes, image.channel_names) == ("TYX", ("actin",))
    assert image.pixel_size == {"T": 2.0, "Y": 0.1, "X": 0.1}
    assert image.units == {"T": "s", "Y": "µm", "X": "µm"}
    assert_array_equal(image.data, shown.data)


def test_layers_of_one_shape_become_channels_of_one_file(tmp_path):
    layers = [layer(PLANE + i, name, **SCALED) for i, name in enumerate(["mmse", "sigma"])]
    assert len(write_layers(str(tmp_path / "a.ome.tif"), layers)) == 1
    image = read_image(tmp_path / "a.ome.tif")
    assert (image.axes, image.channel_names) == ("CYX", ("mmse", "sigma"))
    assert image.pixel_size == {"Y": 0.1, "X": 0.2}
    assert image.units == {"Y": "µm", "X": "nm"}
    assert_array_equal(image.data, np.stack([PLANE, PLANE + 1]))


def test_layers_of_other_shapes_go_into_files_beside_it(tmp_path):
    samples = np.stack([PLANE, PLANE + 1, PLANE + 2])
    layers = [
        layer(PLANE, "mmse", axis_labels=("y", "x")),
        layer(samples, "samples: actin", axis_labels=("sample", "y", "x")),
        layer(PLANE * 2, "sigma", axis_labels=("y", "x")),
    ]
    files = write_layers(str(tmp_path / "a.ome.tif"), layers)
    assert files == [str(tmp_path / "a.ome.tif"), str(tmp_path / "a_samples_actin.ome.tif")]
    assert read_image(files[0]).channel_names == ("mmse", "sigma")
    back = read_image(files[1])
    assert back.axes == "TYX"
    assert_array_equal(back.data, samples)


def test_a_file_that_was_not_asked_for_is_not_replaced(tmp_path):
    (tmp_path / "a_b.tif").write_text("mine")
    with pytest.raises(ImageError, match=r"a_b\.tif, which would hold 'b', exists already"):
        write_layers(str(tmp_path / "a.tif"), [layer(PLANE, "a"), layer(PLANE[1:], "b")])
    assert [p.name for p in tmp_path.iterdir()] == ["a_b.tif"]


def test_of_integers_and_floats_nothing_is_lost(tmp_path):
    counts = np.full((4, 5), 65535, "u2")
    write_layers(str(tmp_path / "a.tif"), [layer(counts, "input"), layer(PLANE / 3, "mmse")])
    assert_array_equal(read_image(tmp_path / "a.tif").data, [counts, PLANE / 3])


@pytest.mark.parametrize(
    ("labels", "axes"),
    [
        (("-3", "-2", "-1"), "ZYX"),
        (("channel", "y", "x"), "CYX"),
        (("y", "x", "time"), "TYX"),
        (("row", "column", "page"), "ZYX"),
    ],
)
def test_axes_follow_the_labels_where_they_are_known(tmp_path, labels, axes):
    write_layers(str(tmp_path / "a.tif"), [layer(np.ones((3, 4, 5)), axis_labels=labels)])
    assert read_image(tmp_path / "a.tif").axes == axes


def test_a_pyramid_and_a_lazy_layer_are_written_at_full_resolution(tmp_path):
    levels = [da.from_array(PLANE), da.from_array(PLANE[::2, ::2])]
    write_layers(str(tmp_path / "a.tif"), [layer(levels, multiscale=True)])
    assert_array_equal(read_image(tmp_path / "a.tif").data, PLANE)


def test_a_layer_on_disk_is_written(tmp_path):
    stored = zarr.array(PLANE)
    write_layers(str(tmp_path / "a.tif"), [layer(stored, "a"), layer(stored, "b")])
    assert_array_equal(read_image(tmp_path / "a.tif").data, [PLANE, PLANE])


def test_how_a_layer_was_made_is_kept_beside_its_pixels(tmp_path):
    made = {"model": "cafe", "n_samples": 50}
    attributes = {"metadata": {"denoisplit": made, "other": object()}}
    write_layers(str(tmp_path / "a.tif"), [layer(PLANE, "mmse", **attributes)])
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        image = tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]
    assert json.loads(image["Description"]) == {"mmse": made}


@pytest.mark.parametrize(
    ("data", "attributes", "found"),
    [
        (np.ones((4, 5, 3), "u1"), {"rgb": True}, "Split RGB"),
        (np.ones((1,) * 6), {}, "at most time, channel and z"),
        (
            np.ones((2, 2, 2, 4, 5)),
            {"axis_labels": ("sample", "time", "z", "y", "x")},
            "one sample, or one time point",
        ),
    ],
)
def test_what_the_format_cannot_hold_is_refused(tmp_path, data, attributes, found):
    with pytest.raises(ImageError, match=f"'odd' .*{found}"):
        write_layers(str(tmp_path / "a.tif"), [layer(data, "odd", **attributes)])
    assert not list(tmp_path.iterdir())


def test_a_layer_becomes_an_ome_zarr_by_the_ending_of_its_name(tmp_path):
    path = str(tmp_path / "a.ome.zarr")
    layers = [layer(PLANE + i, name, **SCALED) for i, name in enumerate(["mmse", "sigma"])]
    assert write_layers(path, [*layers, layer(PLANE[:2], "part", **SCALED)]) == [
        path,
        str(tmp_path / "a_part.ome.zarr"),
    ]
    image = read_image(path)
    assert (image.axes, image.channel_names) == ("CYX", ("mmse", "sigma"))
    assert image.pixel_size == {"Y": 0.1, "X": 0.2}
    assert_array_equal(image.data, np.stack([PLANE, PLANE + 1]))


def test_a_layer_keeps_its_place_and_is_no_channel_of_one_elsewhere(tmp_path):
    here = layer(PLANE, "here", translate=(2.5, 0.0), **SCALED)
    there = layer(PLANE, "there", translate=(2.5, 7.0), **SCALED)
    files = write_layers(str(tmp_path / "a.ome.zarr"), [here, there])
    places = [read_image(file).origin for file in files]
    assert [(p.get("Y", 0), p.get("X", 0)) for p in places] == [(2.5, 0), (2.5, 7)]


def test_napari_saves_a_layer_as_ome_zarr_with_this_writer():
    from npe2 import PluginManager, PluginManifest

    plugins = PluginManager()
    plugins.register(PluginManifest.from_distribution("napari-denoisplit"))
    writer, _ = plugins.get_writer("a.ome.zarr", ["image", "image"])
    assert writer is not None
    assert writer.command == "napari-denoisplit.write"


def test_what_a_file_cannot_keep_of_a_place_is_told(tmp_path):
    from napari.layers import Image as ImageLayer

    path = str(tmp_path / "a.ome.tif")
    plain = ImageLayer(PLANE, name="plain", scale=(2, 3), translate=(5, 6))
    with warnings.catch_warnings(action="error"):
        write_layers(path, [plain.as_layer_data_tuple()])
    for name, how in {
        "rotate": 30,
        "shear": [0.2],
        "affine": [[1, 0, 4], [0, 1, 0], [0, 0, 1]],
    }.items():
        turned = ImageLayer(PLANE, name="turned", **{name: how})
        with pytest.warns(UserWarning, match=f"'turned' is placed by {name}"):
            write_layers(path, [turned.as_layer_data_tuple()])
