"""Results on disk in a real window, made by a network that knows nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr
from tests.widgets.conftest import layer

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.images.results import layers as result_layers
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.zarr import levels as ome_zarr_levels
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling import cost
from napari_denoisplit.settings import LadderSettings, MixSettings
from napari_denoisplit.widgets.split import results as temporary
from napari_denoisplit.widgets.split.widget import SplitWidget

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=10, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
        ),
        channel_names=("nuclei", "actin"),
    )
    path = tmp_path_factory.mktemp("model") / "cells.denoisplit"
    save_model(path, Model(VSE(NETWORK).eval(), header))
    return path


@pytest.fixture(autouse=True)
def place(monkeypatch, tmp_path) -> Path:
    """Where temporary results go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(temporary, "place_for_temporary", lambda: folder)
    return folder


@pytest.fixture
def widget(viewer, trained, dock, rng):
    return prepared(viewer, trained, dock, rng.normal(100, 10, (600, 64)).astype("f4"))


def prepared(viewer, trained, dock, pixels, **keywords):
    """Choose everything for a split to a temporary result."""
    scale = (2.0,) * (pixels.ndim - 2) + (0.5, 0.25)
    viewer.add_image(pixels, name="cells", **{"scale": scale} | keywords)
    widget = dock(viewer, SplitWidget(viewer))
    widget.open_model(trained)
    widget.settings["n_samples"].set_value(2)
    for name, value in {"keep_samples": 2, "device": "cpu", "overlap": 16}.items():
        widget.more[name].set_value(value)
    widget.where.choice.choose("temporary")
    return widget


def split(qtbot, widget):
    widget.panel.button.click()
    wait(qtbot, widget)


def wait(qtbot, widget):
    qtbot.waitUntil(lambda: not (widget.is_busy or widget.panel.is_running), timeout=60_000)


def result_of(widget) -> Path:
    (result,) = widget.results
    return result.split.path


def test_layers_of_a_result_on_disk_are_like_those_in_memory(qtbot, viewer, widget):
    split(qtbot, widget)
    stored = zarr.open_group(result_of(widget) / "mmse", mode="r")
    mmse = layer(viewer, "actin · cells")
    assert mmse.multiscale
    np.testing.assert_array_equal(np.asarray(mmse.data[0]), stored["0"][1])
    np.testing.assert_array_equal(np.asarray(mmse.data[1]), stored["1"][1])
    on_disk = {one.name: looks(one) for one in viewer.layers if one.name != "cells"}
    viewer.layers.select_all()
    widget.where.choice.choose("memory")
    for one in list(viewer.layers):
        if one.name != "cells":
            viewer.layers.remove(one)
    split(qtbot, widget)
    in_memory = {one.name: looks(one) for one in viewer.layers if one.name != "cells"}
    assert on_disk == in_memory
    assert len(on_disk) == 6


def test_the_window_opens_and_reads_nothing_when_a_result_is_complete(
    qtbot, viewer, trained, dock, rng, monkeypatch, tmp_path
):
    in_the_window = []

    def note(function):
        def noted(*args):
            in_the_window.append(threading.current_thread() is threading.main_thread())
            return function(*args)

        return noted

    monkeypatch.setattr(ome_zarr_levels, "channel_levels", note(ome_zarr_levels.channel_levels))
    monkeypatch.setattr(result_layers, "contrast_limits", note(result_layers.contrast_limits))
    widget = prepared(viewer, trained, dock, rng.normal(100, 10, (1100, 900)).astype("f4"))
    split(qtbot, widget)
    widget.save_to(tmp_path)
    wait(qtbot, widget)
    assert in_the_window
    assert not any(in_the_window)
    for shown in ("actin", "actin spread", "actin answers"):
        fine, *coarse = layer(viewer, f"{shown} · cells").data
        assert not isinstance(fine, np.ndarray)
        assert all(isinstance(level, np.ndarray) for level in coarse)


def looks(one):
    """What a user sees of a layer, but for its pixels."""
    data = one.data[0] if one.multiscale else one.data
    about = one.metadata["denoisplit"]
    return (
        tuple(data.shape), tuple(one.scale), tuple(one.translate), tuple(map(str, one.units)),
        tuple(one.axis_labels), one.colormap.name, one.blending, one.visible,
        about["input"], about["structure"], about["kind"], about["model"], about["settings"],
    )  # fmt: skip


def test_a_temporary_result_goes_with_its_last_layer(qtbot, viewer, widget, place):
    split(qtbot, widget)
    path = result_of(widget)
    assert place in path.parents
    *others, last = [one for one in viewer.layers if one.name != "cells"]
    for one in others:
        viewer.layers.remove(one)
    assert path.exists()
    viewer.layers.remove(last)
    assert not path.exists()
    assert not widget.results
    widget.reset_choices()  # napari calls it when layers go
    qtbot.waitUntil(widget.row.isHidden, timeout=5000)


def test_a_temporary_result_goes_with_its_viewer(qtbot, window, trained, dock, rng, place):
    widget = prepared(window, trained, dock, rng.normal(100, 10, (600, 64)).astype("f4"))
    split(qtbot, widget)
    assert list(place.rglob("*.zarr"))
    window.close()
    assert not list(place.rglob("*.zarr"))


def test_a_saved_result_stays_and_its_layers_show_it_from_there(qtbot, viewer, widget, tmp_path):
    split(qtbot, widget)
    before = result_of(widget)
    folder = tmp_path / "mine"
    folder.mkdir()
    widget.save_to(folder)
    wait(qtbot, widget)
    assert not before.exists()
    assert result_of(widget) == folder / "cells_split.zarr"
    mmse = layer(viewer, "actin · cells")
    assert np.isfinite(np.asarray(mmse.data[0])).all()
    widget.save_to(folder)  # what is no longer temporary is copied
    wait(qtbot, widget)
    viewer.layers.clear()
    assert {p.name for p in folder.iterdir()} == {"cells_split.zarr", "cells_split-2.zarr"}


def test_a_saved_result_of_small_planes_is_shown_from_there(
    qtbot, viewer, trained, dock, rng, tmp_path
):
    widget = prepared(viewer, trained, dock, rng.normal(100, 10, (2, 60, 50)).astype("f4"))
    split(qtbot, widget)
    folder = tmp_path / "mine"
    folder.mkdir()
    widget.save_to(folder)
    wait(qtbot, widget)
    for shown in ("actin", "actin answers"):
        one = layer(viewer, f"{shown} · cells")
        assert one.metadata["denoisplit"]["result"] == str(folder / "cells_split.zarr")
        assert np.isfinite(np.asarray(one.data)).all()


def test_a_stopped_split_shows_its_blocks_and_goes_on_in_the_same_layers(
    qtbot, viewer, trained, dock, rng, monkeypatch
):
    monkeypatch.setattr(cost, "EDGE_ON_CPU", 512)
    pixels = rng.normal(100, 10, (560, 1060)).astype("f4")  # 2 x 3 blocks
    widget = prepared(viewer, trained, dock, pixels)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers, timeout=60_000)
    widget.panel.button.click()
    wait(qtbot, widget)
    assert "of 6 blocks are there" in widget.panel.status.text()
    mmse = layer(viewer, "nuclei · cells")
    for level in mmse.data:
        shown = np.isfinite(np.asarray(level)).mean()
        assert 0.15 < shown < 1
    samples = layer(viewer, "nuclei answers · cells")
    for level in samples.data:
        assert 0.15 < np.isfinite(np.asarray(level)).mean() < 1
    path = result_of(widget)
    split(qtbot, widget)
    assert result_of(widget) == path
    assert layer(viewer, "nuclei · cells") is mmse
    assert all(np.isfinite(np.asarray(level)).all() for level in mmse.data)
    assert len(mmse.data) == 3
    assert layer(viewer, "nuclei answers · cells") is samples
    assert all(np.isfinite(np.asarray(level)).all() for level in samples.data)


def test_a_block_that_is_stopped_keeps_its_samples_and_says_so(qtbot, viewer, widget, place):
    widget.settings["n_samples"].set_value(400)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: widget.panel.bar.value() > 0, timeout=60_000)
    widget.panel.button.click()
    wait(qtbot, widget)
    said = widget.panel.status.text()
    assert "0 of 1 blocks are there, with samples of another: split again" in said
    assert list(place.rglob("block-0.safetensors"))
    widget.panel.button.click()
    qtbot.waitUntil(lambda: widget.panel.bar.value() > 0, timeout=60_000)
    widget.panel.button.click()
    wait(qtbot, widget)
    assert len(list(place.rglob("*_split*.zarr"))) == 1  # it went on where it was


def test_a_split_to_disk_begins_with_the_plane_on_screen(qtbot, viewer, trained, dock, rng):
    widget = prepared(viewer, trained, dock, rng.normal(100, 10, (5, 300, 280)).astype("f4"))
    viewer.dims.set_current_step(0, 3)
    widget.panel.button.click()
    qtbot.waitUntil(lambda: "nuclei · cells" in viewer.layers, timeout=60_000)
    widget.panel.button.click()
    wait(qtbot, widget)
    assert np.isfinite(np.asarray(layer(viewer, "nuclei · cells").data[3])).all()


def test_stacks_stream_through_in_the_order_of_their_layer(qtbot, viewer, trained, dock, rng):
    stack = rng.normal(100, 10, (2, 3, 40, 50)).astype("f4")
    widget = prepared(viewer, trained, dock, stack, axis_labels=("z", "t", "y", "x"))
    split(qtbot, widget)
    stored = zarr.open_group(result_of(widget) / "mmse", mode="r")["0"][:]  # TCZYX
    mmse = layer(viewer, "actin · cells")
    np.testing.assert_array_equal(np.asarray(mmse.data), stored[:, 1].swapaxes(0, 1))
    samples = layer(viewer, "actin answers · cells")
    assert samples.data.shape == (2, *stack.shape)


def test_results_beyond_the_memory_are_refused_and_the_window_lives_on(
    qtbot, viewer, trained, dock
):
    import dask.array

    movie = dask.array.zeros((40_000, 1000, 1000), chunks=(1, 1000, 1000), dtype="f4")
    widget = prepared(viewer, trained, dock, movie, contrast_limits=(0, 1))
    widget.where.choice.choose("memory")
    split(qtbot, widget)
    assert "GiB of memory are free" in widget.panel.status.text()
    assert [one.name for one in viewer.layers] == ["cells"]


def test_channels_on_disk_are_superposed_without_being_read(qtbot, viewer, trained, dock, rng):
    import dask.array

    channels = dask.array.from_array(rng.normal(100, 10, (2, 80, 90)).astype("f4"))
    keywords = {"axis_labels": ("c", "y", "x"), "contrast_limits": (0, 200)}
    widget = prepared(viewer, trained, dock, channels, **keywords)
    split(qtbot, widget)
    assert np.isfinite(np.asarray(layer(viewer, "actin · cells").data)).all()


def test_a_folder_of_the_users_choice_keeps_the_result(qtbot, viewer, widget, tmp_path):
    widget.where.choice.choose("folder", tmp_path / "results")
    split(qtbot, widget)
    viewer.layers.clear()
    assert (tmp_path / "results" / "cells_split.zarr").exists()
    assert str(tmp_path / "results") in widget.panel.status.text()
