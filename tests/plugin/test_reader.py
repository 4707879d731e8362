"""What was written comes back into napari as it was."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from npe2 import PluginManager
from numpy.testing import assert_array_equal
from tests.results import NAMES, stack_of_samples
from tests.test_mutations import mutant
from tests.widgets import conftest as widget_fixtures

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.errors import DenoisplitError, ImageError
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.layer_record import MMSE, SAMPLES, SIGMA, kind_of
from napari_denoisplit.images.results.files import write_split
from napari_denoisplit.images.results.layers import layers_of, levels_of
from napari_denoisplit.images.results.record import fields_of, make_record
from napari_denoisplit.images.zarr.layout import KEY
from napari_denoisplit.plugin.reader import get_reader
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.layers.found import find_results

PLUGIN = "napari-denoisplit"
viewer, window, model = (getattr(widget_fixtures, name) for name in ("viewer", "window", "model"))
FIELDS = ("mmse_arrays", "sigma_arrays", "sample_arrays")


@pytest.fixture(autouse=True)
def plugins():
    """Let napari know its plugins, as its window does."""
    PluginManager.instance().discover()


@pytest.fixture
def split(rng):
    """A result in memory: a stack, calibrated, with a scale and a place."""
    image = Image(
        np.zeros((3, 16, 20), np.float32),
        "ZYX",
        {"Z": 2.0, "Y": 0.5, "X": 0.25},
        {"Z": "µm", "Y": "µm", "X": "µm"},
        name="cells",
        origin={"Y": 5.0},
    )
    settings = SplitSettings(n_samples=8, keep_samples=4)
    calibration = CalibrationRecord(channels=(ChannelCalibration(factor=1.5),) * 2)
    return stack_of_samples(
        rng,
        **fields_of(make_record(image, settings, calibration, Path("m.denoisplit"), samples=8)),
        name=image.name,
        pixel_size=image.pixel_size,
        units=image.units,
        origin=image.origin,
    )


def as_folder(split, path):
    """Write a result as OME-Zarr, in the layout of a split to disk."""
    samples = [f"samples/{k + 1:03d}" for k in range(split.n_kept)]
    series = {"mmse": split.mmse, "sigma": split.sigma}
    for name, pixels in zip(samples, split.samples, strict=True):
        series[name] = replace(split.mmse, data=pixels)
    record = {"ome": {"bioformats2raw.layout": 3}, KEY: {"provenance": split.provenance}}
    root = zarr.create_group(path, attributes=record)
    root.create_group("OME", attributes={"ome": {"series": list(series)}})
    for name, image in series.items():
        write_image(path.with_name("one.zarr"), image)
        (path / name).parent.mkdir(exist_ok=True)
        path.with_name("one.zarr").rename(path / name)
    return path


@pytest.fixture(params=["mmse", "sigma", "samples", "zarr"])
def written(request, split, tmp_path):
    if request.param == "zarr":
        return as_folder(split, tmp_path / "cells.zarr")
    write_split(split, tmp_path / "cells")
    ending = "" if request.param == "samples" else ".ome.tif"
    return tmp_path / f"cells_{request.param}{ending}"


def looks(layers):
    """What napari shows of layers, but for the pixels."""
    names = ("name", "visible", "blending", "scale", "translate", "units", "axis_labels")
    return [{name: str(getattr(one, name)) for name in names} for one in layers]


def test_a_result_comes_back_with_names_place_samples_and_provenance(viewer, split, written):
    layers = viewer.open(str(written), plugin=PLUGIN)
    assert len(layers) == 6
    assert {kind_of(one.metadata) for one in layers} == {MMSE, SIGMA, SAMPLES}
    assert viewer.layers[-1].colormap.name == "bop orange"
    for kind in (MMSE, SAMPLES):
        (found,) = find_results(viewer.layers, kind)
        again = found.split
        assert (again.name, again.structures, again.axes) == ("cells", NAMES, "ZYX")
        assert (again.n_samples, again.n_kept) == (8, 4)
        assert again.calibration == split.calibration
        for fact in ("pixel_size", "units", "origin"):
            assert getattr(again, fact) == getattr(split, fact)
        for field in FIELDS:
            assert_array_equal(np.stack(getattr(again, field)), getattr(split, field))


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_layers_saved_from_the_menu_come_back_as_they_were(viewer, split, tmp_path, ending):
    for _, data, keywords in layers_of(split, levels_of(split, "ZYX")):
        viewer.add_image(data, **keywords)
    before = looks(viewer.layers)
    paths = viewer.layers.__wrapped__.save(str(tmp_path / f"mine{ending}"), plugin=PLUGIN)
    assert len(paths) == 2
    viewer.layers.clear()
    for path in reversed(paths):
        viewer.open(path, plugin=PLUGIN)
    after = {one["name"]: one for one in looks(viewer.layers)}
    assert after == {one["name"]: one for one in before}
    shown = [
        [name for name, one in looked.items() if one["visible"] == "True"]
        for looked in (
            after,
            {one["name"]: one for one in before},
        )
    ]
    assert shown[0] == shown[1]  # the lowest lies lowest, where it covers no other
    (found,) = find_results(viewer.layers, SAMPLES)
    for field in FIELDS:
        assert_array_equal(np.stack(getattr(found.split, field)), getattr(split, field))
    assert found.split.calibration == split.calibration


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_an_image_saved_with_results_takes_no_record_of_theirs(viewer, split, tmp_path, ending):
    (_, data, keywords), *_ = layers_of(split, levels_of(split, "ZYX"))
    result = viewer.add_image(data, **keywords)
    place = {name: keywords[name] for name in ("scale", "translate", "units", "axis_labels")}
    viewer.add_image(np.ones_like(data), name="recording", **place)
    (path,) = viewer.layers.__wrapped__.save(str(tmp_path / f"mine{ending}"), plugin=PLUGIN)
    viewer.layers.clear()
    viewer.open(path, plugin=PLUGIN)
    assert kind_of(viewer.layers[result.name].metadata) == kind_of(keywords["metadata"])
    assert viewer.layers["recording"].metadata == {}


@pytest.mark.parametrize("ending", [".ome.tif", ".ome.zarr"])
def test_an_image_of_another_program_is_read_where_this_reader_is_chosen(viewer, tmp_path, ending):
    path = tmp_path / f"slide{ending}"
    pixels = np.arange(2 * 30 * 40, dtype="u2").reshape(2, 30, 40)
    write_image(path, Image(pixels, "CYX", {"Y": 0.5, "X": 0.5}, {"Y": "µm"}, ("DAPI", "GFP")))
    viewer.open(path, plugin=PLUGIN)
    assert [one.name for one in viewer.layers] == ["GFP", "DAPI"]
    assert_array_equal(viewer.layers["DAPI"].data, pixels[0])
    assert tuple(viewer.layers["DAPI"].scale) == (0.5, 0.5)
    assert viewer.layers["DAPI"].axis_labels == ("y", "x")


def test_what_is_no_image_is_left_to_others_and_it_is_said_why(tmp_path):
    (tmp_path / "text.ome.tif").write_text("no pixels")
    (tmp_path / "empty.ome.tif").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "none.zarr").mkdir()
    (tmp_path / "x_samples").mkdir()
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    tifffile.imwrite(tmp_path / "whole.ome.tif", np.zeros((3, 64, 64), "u2"))
    (tmp_path / "cut.ome.tif").write_bytes((tmp_path / "whole.ome.tif").read_bytes()[:400])
    assert get_reader(str(tmp_path / "whole.ome.tif"))
    refused = [path for path in tmp_path.iterdir() if path.name != "whole.ome.tif"]
    for path in (*refused, tmp_path / "missing.ome.tif", "https://example.org/a.ome.tif"):
        with pytest.warns(UserWarning, match=Path(path).name):
            assert get_reader(str(path)) is None, path
    assert get_reader([str(tmp_path / "whole.ome.tif")] * 2) is None


def test_no_pixel_is_read_before_the_reader_is_chosen(split, tmp_path, monkeypatch):
    mmse = write_split(split, tmp_path / "cells")[0]
    write_image(tmp_path / "a.ome.tif", Image(np.ones((4, 5), "f4"), "YX"))

    def read(*_, **__):
        raise AssertionError("pixels were read")

    for kind in (tifffile.TiffPageSeries, tifffile.TiffPage):
        monkeypatch.setattr(kind, "asarray", read)
    assert get_reader(str(mmse))
    assert get_reader(str(tmp_path / "a.ome.tif"))


def test_a_damaged_result_is_left_to_others_or_ends_in_a_clear_error(split, tmp_path, rng):
    whole = write_split(split, tmp_path / "cells")[0]
    data = whole.read_bytes()
    for _ in range(40):
        whole.write_bytes(mutant(data, rng))
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            reader = get_reader(str(whole))
        assert (reader is None) == bool(told)
        if reader is not None:
            try:
                assert reader(str(whole))
            except DenoisplitError:
                pass


def test_a_result_whose_samples_differ_says_so(split, tmp_path):
    mmse = write_split(split, tmp_path / "cells")[0]
    write_image(tmp_path / "cells_samples" / "002.ome.tif", Image(np.ones((4, 5), "f4"), "YX"))
    with pytest.raises(ImageError, match="differ in shape"):
        get_reader(str(mmse))(str(mmse))


def test_a_model_opens_in_the_split_widget_that_is_there(window, model, qtbot):
    from napari_denoisplit.widgets import SplitWidget

    main = window.__wrapped__.window._qt_window
    for _ in range(2):
        assert window.__wrapped__.open(str(model), plugin=None) == []
        (widget,) = main.findChildren(SplitWidget)
        assert widget.model.path == model
        assert widget.model.header.channel_names == NAMES


def test_this_reader_is_the_first_that_napari_offers(written):
    from napari.plugins import _npe2

    assert sorted(_npe2.get_readers(str(written)).values())[0] == "denoiSplit"
