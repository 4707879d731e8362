"""What can be trained on is told from what cannot, before anything starts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.widgets.conftest import layer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.plugin.sample_data import mixture
from napari_denoisplit.widgets.choosers.images import FILE, LAYER, ImageChooser, Role
from napari_denoisplit.widgets.choosers.roles import STRUCTURES, SUPERPOSITION
from napari_denoisplit.widgets.layers.place import viewer_reference


@pytest.fixture
def source(viewer, dock):
    return dock(viewer, ImageChooser(viewer_reference(viewer), STRUCTURES))


def test_an_empty_viewer_is_no_dead_end(source):
    assert "Open an image" in source.problem


def test_each_structure_begins_with_a_layer_of_its_own(viewer, source):
    for name in ("a", "b", "c"):
        viewer.add_image(np.zeros((8, 8)), name=name)
    source.layers.add()
    assert source.structures == ("a", "b", "c")
    assert source.problem == ""


def test_one_layer_for_two_structures_is_refused(viewer, source):
    for name in ("a", "b"):
        viewer.add_image(np.zeros((8, 8)), name=name)
    source.layers.choices[1].layer = layer(viewer, "a")
    assert "same layer" in source.problem
    with pytest.raises(ImageError, match="same layer"):
        source.chosen()


def test_layers_of_different_size_are_refused_with_their_sizes(viewer, source):
    viewer.add_image(np.zeros((8, 8)), name="a")
    viewer.add_image(np.zeros((8, 9)), name="b")
    assert "(8, 8)" in source.problem
    assert "(8, 9)" in source.problem


def test_renamed_layers_keep_their_place(viewer, source):
    for name in ("a", "b"):
        viewer.add_image(np.zeros((8, 8)), name=name)
    viewer.layers["a"].name = "nuclei"
    assert source.structures == ("nuclei", "b")


def test_names_are_one_for_each_and_distinct(viewer, source):
    for name in ("a", "b"):
        viewer.add_image(np.zeros((8, 8)), name=name)
    source.names.setText("only one")
    assert "1 names for 2" in source.problem
    source.names.setText("same, same")
    assert "called the same" in source.problem
    source.names.setText("nuclei, actin")
    assert source.structures == source.typed_names == ("nuclei", "actin")


def test_repeats_are_said_with_the_input(source):
    source.add_files([Path("a.tif"), Path("b.tif")])
    assert not source.t_is_repeats
    source.repeats.setChecked(True)
    assert source.t_is_repeats


def offered(chooser):
    return [chooser.channel.itemText(row) for row in range(chooser.channel.count())]


def test_the_channels_of_a_layer_are_offered_and_of_a_file_as_many_as_there_can_be(viewer, dock):
    viewer.add_image(np.zeros((3, 8, 8)), name="mix", axis_labels=("c", "y", "x"))
    viewer.add_image(np.zeros((8, 8)), name="flat")
    chooser = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    chooser.layer.layer = layer(viewer, "mix")
    assert offered(chooser) == ["superpose, as trained", "channel 1", "channel 2", "channel 3"]
    chooser.channel.setCurrentIndex(2)
    assert chooser.chosen()[0].channel == 1
    chooser.add_files([Path("a.tif")])
    assert len(offered(chooser)) == 17
    assert chooser.chosen()[0].channel == 1
    chooser.kind.setCurrentIndex(0)
    chooser.layer.layer = layer(viewer, "flat")
    assert chooser.channel.isHidden()
    assert chooser.chosen()[0].channel is None


def test_a_single_file_takes_the_place_of_the_one_before_and_must_exist(viewer, dock, tmp_path):
    role = Role({LAYER: "a layer", FILE: "a file"}, "Where", "Help.", missing="Choose an image.")
    chooser = dock(viewer, ImageChooser(viewer_reference(viewer), role))
    chooser.add_files([tmp_path / "a.tif"])
    assert chooser.problem == f"{tmp_path / 'a.tif'} does not exist."
    (tmp_path / "b.tif").touch()
    chooser.add_files([tmp_path / "b.tif"])
    assert [one.source for one in chooser.chosen()] == [tmp_path / "b.tif"]
    chooser.file.edit.clear()
    assert chooser.problem == "Choose an image."


@pytest.fixture
def single(viewer, dock):
    return dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))


def test_of_the_sample_the_mixture_is_proposed_however_it_comes(viewer, dock, single):
    for data, keywords, _ in mixture():
        viewer.add_image(data, **keywords)
    opened_later = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    assert single.layer.layer.name == opened_later.layer.layer.name == "superposition"


def test_the_active_layer_is_proposed_else_the_topmost_visible_one(viewer, dock):
    for name, visible in (("a", True), ("b", True), ("c", False)):
        viewer.add_image(np.zeros((8, 8)), name=name, visible=visible)
    viewer.layers.selection.active = layer(viewer, "a")
    of_active = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    viewer.layers.selection.clear()
    of_none = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    assert of_active.layer.layer.name == "a"
    assert of_none.layer.layer.name == "b"


def test_what_the_plugin_made_is_not_proposed_but_can_be_chosen(viewer, dock, single):
    viewer.add_image(np.zeros((8, 8)), name="result", metadata={"denoisplit": {"kind": "MMSE"}})
    viewer.add_image(np.zeros((8, 8)), name="cells")
    assert single.layer.layer.name == "cells"
    single.layer.layer = layer(viewer, "result")
    viewer.add_image(np.zeros((8, 8)), name="more")
    assert single.layer.layer.name == "result"
