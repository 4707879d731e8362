from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.zarr.layout import OmeZarrLayout
from napari_denoisplit.images.zarr.writer import OmeZarrWriter

PIXELS = np.arange(2 * 40 * 60, dtype="u2").reshape(2, 40, 60)
CYX = [
    {"name": "c", "type": "channel"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]


def scale(*values: float) -> dict:
    return {"coordinateTransformations": [{"type": "scale", "scale": list(values)}]}


def image_folder(path: Path, pixels=PIXELS, axes=CYX, version=3, **ome) -> Path:
    """OME-Zarr as other programs write it: 0.4 in zarr 2, 0.5 in zarr 3."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    chunks = (1,) * (pixels.ndim - 2) + (16, 16)
    group.create_array("full", shape=pixels.shape, dtype=pixels.dtype, chunks=chunks)[:] = pixels
    dataset = {"path": "full", **scale(*[1.0] * (pixels.ndim - 2), 0.2, 0.2)}
    metadata = {"multiscales": [{"axes": axes, "datasets": [dataset]}], **ome}
    group.attrs.update({"ome": {"version": "0.5", **metadata}} if version == 3 else metadata)
    return path


def edit(path: Path, **changes) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_of_zarr_are_read_with_axes_size_and_names(tmp_path, version):
    omero = {"channels": [{"label": "actin"}, {"label": "nuclei"}]}
    image = read_image(image_folder(tmp_path / "a.ome.zarr", version=version, omero=omero))
    assert isinstance(image.data, da.Array)
    assert (image.axes, image.name) == ("CYX", "a")
    assert image.pixel_size == {"Y": 0.2, "X": 0.2}
    assert image.units == {"Y": "µm", "X": "µm"}
    assert image.channel_names == ("actin", "nuclei")
    assert_array_equal(image.data, PIXELS)


@pytest.mark.parametrize(("version", "file"), [(2, ".zattrs"), (3, "zarr.json")])
def test_the_file_that_describes_a_folder_stands_for_it(tmp_path, version, file):
    folder = image_folder(tmp_path / "a.zarr", version=version)
    assert_array_equal(read_image(folder / file).data, PIXELS)


def test_the_scale_of_the_image_multiplies_that_of_its_levels(tmp_path):
    path = image_folder(tmp_path / "a.zarr")
    attributes = json.loads((path / "zarr.json").read_text())["attributes"]
    attributes["ome"]["multiscales"][0] |= scale(1, 10, 10)
    edit(path / "zarr.json", attributes=attributes)
    assert read_image(path).pixel_size == {"Y": 2.0, "X": 2.0}


@pytest.mark.parametrize(
    ("axes", "shape", "letters"),
    [
        (["t", "c", "z", "y", "x"], (2, 3, 4, 5, 6), "TCZYX"),
        (["z", "y", "x"], (4, 5, 6), "ZYX"),  # names only, as in 0.3
        ([{"name": n, "type": "space"} for n in ("depth", "row", "col")], (4, 5, 6), "ZYX"),
        ([{"name": "when", "type": "time"}, *CYX[1:]], (2, 5, 6), "TYX"),
        ([{"name": "angle", "type": "other"}, *CYX[1:]], (1, 5, 6), "YX"),
        ([{"name": n} for n in "xyc"], (6, 5, 2), "CYX"),
    ],
)
def test_axes_are_told_by_name_or_type_and_those_of_length_1_left_out(
    tmp_path, axes, shape, letters
):
    pixels = np.arange(np.prod(shape), dtype="u2").reshape(shape)
    path = image_folder(tmp_path / "a.zarr", pixels, axes)
    image = read_image(path)
    assert image.axes == letters
    if axes[0] == {"name": "x"}:
        assert_array_equal(image.data, pixels.transpose(2, 1, 0))
    else:
        assert_array_equal(image.data, pixels.reshape(image.shape))


def test_an_axis_of_several_steps_without_a_letter_is_refused_unless_it_is_given_one(tmp_path):
    axes = [{"name": "angle", "type": "other"}, *CYX[1:]]
    path = image_folder(tmp_path / "a.zarr", axes=axes)
    with pytest.raises(ImageError, match="axes angle, y, x of 2 x 40 x 60"):
        read_image(path)
    assert read_image(path, axes="TYX").axes == "TYX"
    with pytest.raises(ImageError, match="'TTYX' do not fit its 3 axes"):
        read_image(path, axes="TTYX")


def test_missing_chunks_have_the_value_that_the_array_declares(tmp_path):
    path = image_folder(tmp_path / "a.zarr")
    edit(path / "full/zarr.json", fill_value=7)
    (path / "full/c/1/0/0").unlink()
    expected = PIXELS.copy()
    expected[1, :16, :16] = 7
    assert_array_equal(read_image(path).data, expected)


def test_only_the_chunks_that_are_needed_are_read(tmp_path, monkeypatch):
    from napari_denoisplit.images.zarr.stores import ConfinedStore

    path, seen = image_folder(tmp_path / "a.zarr"), []
    read = ConfinedStore.get

    async def watched(self, key, *args, **kwargs):
        seen.append(key)
        return await read(self, key, *args, **kwargs)

    monkeypatch.setattr(ConfinedStore, "get", watched)
    image = read_image(path)
    assert not [key for key in seen if key.startswith("c/")]
    seen.clear()
    assert_array_equal(image.data[1, 20:30, 33:50], PIXELS[1, 20:30, 33:50])
    assert sorted(seen) == ["c/1/1/2", "c/1/1/3"]


def test_a_lazy_image_can_be_sent_to_another_process(tmp_path):
    image = read_image(image_folder(tmp_path / "a.zarr"))
    assert_array_equal(pickle.loads(pickle.dumps(image.data)), PIXELS)


def test_a_damaged_chunk_is_named(tmp_path):
    path = image_folder(tmp_path / "a.zarr")
    (path / "full/c/0/0/0").write_bytes(b"nonsense")
    image = read_image(path)
    with pytest.raises(ImageError, match=r"a\.zarr cannot be read at"):
        image.data[0].compute()


@pytest.mark.parametrize("shards", [None, (1, 32, 32)])
def test_an_empty_file_of_pixels_is_not_taken_for_darkness(tmp_path, shards):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=PIXELS, chunks=(1, 16, 16), shards=shards)
    (path / "c/0/0/0").write_bytes(b"")
    with pytest.raises(ImageError, match=r"0 is empty: copy the folder again\.$"):
        read_image(path, axes="CYX").data[0].compute()


def test_a_plain_array_is_read_once_its_axes_are_given(tmp_path):
    path = tmp_path / "a.zarr"
    zarr.create_array(path, data=PIXELS)
    with pytest.raises(ImageError, match=r"2 x 40 x 60 without OME metadata.*axes='CYX'"):
        read_image(path)
    image = read_image(path, axes="TYX")
    assert image.axes == "TYX"
    assert_array_equal(image.data, PIXELS)


def test_a_plain_array_may_name_its_axes_itself(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", data=PIXELS, dimension_names=("t", "y", "x"))
    assert read_image(tmp_path / "a.zarr").axes == "TYX"


def test_an_unfinished_image_says_how_much_of_it_is_there(tmp_path):
    path = tmp_path / "a.zarr"
    writer = OmeZarrWriter.create(
        path, OmeZarrLayout(shape=(300, 300), axes="YX", chunk=64, shard=128)
    )
    for region in list(writer.regions)[:4]:
        writer.write(region, np.ones(region.shape, "f4"))
    (note,) = read_image(path).notes
    assert note == "a.zarr is unfinished: 4 of 9 regions. Run the same command again to go on."
    for region in writer.missing():
        writer.write(region, np.ones(region.shape, "f4"))
    writer.finish()
    assert not read_image(path).notes


def test_a_folder_that_is_no_zarr_is_refused(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        read_image(tmp_path / "a.zarr")
    (tmp_path / "a.zarr").mkdir()
    with pytest.raises(ImageError, match="empty or not a Zarr folder"):
        read_image(tmp_path / "a.zarr")


def test_napari_shows_a_lazy_image(tmp_path):
    from napari.layers import Image as ImageLayer

    layer = ImageLayer(read_image(image_folder(tmp_path / "a.zarr")).data, scale=(1, 0.2, 0.2))
    assert_array_equal(layer._data_view, PIXELS[layer.corner_pixels[0][0]])


@pytest.mark.parametrize("newer", ["0.6", "0.6.dev2", "9.9", "1.0"])
def test_metadata_by_newer_rules_is_refused(tmp_path, newer):
    path = image_folder(tmp_path / "a.ome.zarr")
    group = zarr.open_group(path)
    group.attrs["ome"] = {**group.attrs["ome"], "version": newer}
    with pytest.raises(ImageError, match=f"is OME-Zarr {newer}, whose rules are not known"):
        read_image(path)


def test_axes_that_moved_to_coordinate_systems_are_not_guessed(tmp_path):
    path = image_folder(tmp_path / "a.ome.zarr")
    group = zarr.open_group(path)
    ome = group.attrs["ome"]
    multiscale = {**ome["multiscales"][0], "coordinateSystems": []}
    group.attrs["ome"] = {"multiscales": [multiscale]}
    with pytest.raises(ImageError, match=r"newer than 0\.5"):
        read_image(path)


def test_a_unit_without_a_scale_is_no_pixel_size(tmp_path):
    path = image_folder(tmp_path / "a.ome.zarr")
    group = zarr.open_group(path)
    ome = group.attrs["ome"]
    group.attrs["ome"] = {
        "multiscales": [{**ome["multiscales"][0], "datasets": [{"path": "full"}]}]
    }
    assert read_image(path).pixel_size == {}


def two_levels(path, version):
    """Write 48 x 40 pixels in files of 32 x 32, and a level of half their resolution."""
    group = zarr.open_group(path, mode="w", zarr_format=version)
    for factor in (1, 2):
        group.create_array(f"{factor}", data=np.ones((48 // factor, 40 // factor)), chunks=(32, 32))
    levels = [
        {"path": f"{n}", "coordinateTransformations": [{"type": "scale", "scale": [n, n]}]}
        for n in (1, 2)
    ]
    multiscale = {"version": "0.4", "axes": ["y", "x"], "datasets": levels}
    known = {"multiscales": [multiscale]}
    group.attrs.update(known if version == 2 else {"ome": {"version": "0.5"} | known})
    return path / "1" / (".zarray" if version == 2 else "zarr.json")


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ([48, 40], None),
        ([64, 40], "do not fit"),
        ([48, 100], r"absent \(4 of 8\); these pixels are read as 0\.0"),
        ([20, 40], r"\(2\) lie outside of the 20 x 40"),
    ],
)
def test_a_shape_that_other_files_contradict_is_told(tmp_path, version, shape, told):
    described = two_levels(tmp_path / "a.zarr", version)
    metadata = json.loads(described.read_text())
    described.write_text(json.dumps(metadata | {"shape": shape}))
    notes = read_image(tmp_path / "a.zarr").notes
    assert re.search(told, "".join(notes)) if told else not notes
