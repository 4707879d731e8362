"""What can be trained on is told from what cannot, before anything starts."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.widgets.conftest import layer

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import run
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.plugin.sample_data import cells, cells_alone
from napari_denoisplit.widgets.choosers.chosen import read_all
from napari_denoisplit.widgets.choosers.images import FILE, LAYER, ImageChooser, Role
from napari_denoisplit.widgets.choosers.roles import NOISY_IMAGES, STRUCTURES, SUPERPOSITION
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.noise.source import _NOISY


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


def test_equal_pixels_under_two_names_are_refused(viewer, source, rng):
    data = rng.normal(size=(700, 800)).astype("f4")
    viewer.add_image(data, name="a")
    viewer.add_image(data.copy(), name="b")
    assert "'b' holds the same pixels as 'a'" in source.problem
    viewer.layers["b"].data = data + 1
    viewer.layers["b"].name = "c"
    assert source.problem == ""


def test_layers_of_different_size_are_refused_where_they_must_show_the_same_fields(viewer, dock):
    viewer.add_image(np.zeros((8, 8)), name="a")
    viewer.add_image(np.zeros((8, 9)), name="b")
    for same_fields in (True, False):
        role = replace(STRUCTURES, same_fields=same_fields)
        chooser = dock(viewer, ImageChooser(viewer_reference(viewer), role))
        assert ("(8, 8)" in chooser.problem) == same_fields


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
    return [box.text() for box in chooser.channel_choice.boxes]


def three_channels(path, names=("DAPI", "GFP", "RFP")):
    write_image(path, Image(np.zeros((3, 8, 8), "f4"), "CYX", channel_names=names))
    return path


def test_the_channels_of_a_layer_are_offered_as_many_as_there_are(viewer, dock, single):
    viewer.add_image(np.zeros((3, 8, 8)), name="mix", axis_labels=("c", "y", "x"))
    viewer.add_image(np.zeros((8, 8)), name="flat")
    single.layer.layer = layer(viewer, "mix")
    assert offered(single) == ["channel 1", "channel 2", "channel 3"]
    assert single.chosen()[0].channels is None
    single.channel_choice.check("channel 2")
    assert single.chosen()[0].channels == ("channel 2",)
    single.channel_choice.check()
    assert single.problem == "Choose a channel."
    single.layer.layer = layer(viewer, "flat")
    assert single.channel_choice.isHidden()
    assert single.problem == ""
    assert single.chosen()[0].channels is None


def test_an_axis_without_a_label_can_be_that_of_channels_and_they_get_names(viewer, source):
    viewer.add_image(np.zeros((3, 8, 8)), name="stack")
    source.kind.setCurrentIndex(1)
    assert offered(source) == ["channel 1", "channel 2", "channel 3"]
    source.channel_choice.check("channel 1", "channel 3")
    source.names.setText("nuclei, actin")
    assert source.problem == ""
    assert source.structures == ("nuclei", "actin")
    assert source.chosen()[0].channels == ("channel 1", "channel 3")


@pytest.mark.parametrize("role", [SUPERPOSITION, NOISY_IMAGES, _NOISY])
def test_an_axis_without_a_label_can_be_that_of_channels_wherever_one_is_chosen(viewer, dock, role):
    viewer.add_image(np.arange(3)[:, None, None] * np.ones((3, 8, 8)), name="stack")
    choice = dock(viewer, ImageChooser(viewer_reference(viewer), role))
    box = choice.layer.axes_box
    box.setCurrentIndex(box.findData("CYX"))
    assert offered(choice) == ["channel 1", "channel 2", "channel 3"]
    choice.channel_choice.check("channel 3")
    (image,) = run(read_all(choice.chosen()))
    assert image.channel(0).data.max() == image.channel(0).data.min() == 2


def test_the_channels_of_a_file_are_offered_by_their_names_and_read(qtbot, source, tmp_path):
    source.add_files([three_channels(tmp_path / "a.ome.tif")])
    qtbot.waitUntil(lambda: offered(source) == ["DAPI", "GFP", "RFP"])
    source.channel_choice.check("DAPI", "RFP")
    assert source.structures == ("DAPI", "RFP")
    (image,) = run(read_all(source.chosen()))
    assert (image.channel_names, image.shape) == (("DAPI", "RFP"), (2, 8, 8))


def test_channels_that_got_other_names_are_offered_by_those(qtbot, source, tmp_path):
    path = three_channels(tmp_path / "a.ome.tif")
    source.add_files([path])
    qtbot.waitUntil(lambda: offered(source) == ["DAPI", "GFP", "RFP"])
    three_channels(path, ("nuclei", "actin", "ER"))
    source.channel_choice.check("GFP")  # whatever the user does next
    qtbot.waitUntil(lambda: offered(source) == ["nuclei", "actin", "ER"])


def test_channels_of_one_name_are_told_apart_by_number(qtbot, source, tmp_path):
    source.add_files([three_channels(tmp_path / "a.ome.tif", ("A", "A", "B"))])
    qtbot.waitUntil(lambda: len(offered(source)) == 3)
    source.channel_choice.boxes[0].click()
    assert source.chosen()[0].channels == ("2", "3")


def test_a_file_without_the_chosen_channel_is_told_with_those_it_has(qtbot, source, tmp_path):
    source.add_files([three_channels(tmp_path / "a.ome.tif")])
    qtbot.waitUntil(lambda: len(offered(source)) == 3)
    source.add_files([three_channels(tmp_path / "b.ome.tif", ("DAPI", "GFP", "CFP"))])
    source.channel_choice.check("DAPI", "RFP")
    with pytest.raises(ImageError, match="'b' has no channel 'RFP': choose one of DAPI, GFP, CFP"):
        run(read_all(source.chosen()))


def test_one_image_under_two_names_is_told_and_a_link_taken_once(qtbot, single, tmp_path):
    first = three_channels(tmp_path / "a.ome.tif")
    copy, link, other = (tmp_path / name for name in ("copy.ome.tif", "link.ome.tif", "b.ome.tif"))
    shutil.copy(first, copy)
    link.symlink_to(first)
    three_channels(other, ("DAPI", "GFP", "CFP"))
    single.add_files([first, copy, link, other])
    qtbot.waitUntil(lambda: bool(single.told.text()))
    assert "a.ome.tif was given 2 times: it is taken once." in single.told.text()
    assert "copy.ome.tif is a copy of a.ome.tif: leave one of them out." in single.told.text()
    assert "b.ome.tif" not in single.told.text()
    assert [one.path for one in single.chosen()] == [first, copy, other]
    single.files.remove_selected()
    assert single.told.text() == ""


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
    for data, keywords, _ in cells():
        viewer.add_image(data, **keywords)
    opened_later = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    assert single.layer.layer.name == opened_later.layer.layer.name == "cells"


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


def test_of_results_alone_none_is_proposed_until_the_user_chooses_one(viewer, dock, single):
    for name in ("MMSE", "sigma"):
        made = {"denoisplit": {"kind": name}}
        viewer.add_image(np.zeros((8, 8)), name=name, metadata=made)
    opened_later = dock(viewer, ImageChooser(viewer_reference(viewer), SUPERPOSITION))
    for chooser in (single, opened_later):
        assert chooser.layer.layer is None
        assert "results" in chooser.problem
    opened_later.layer.layer = layer(viewer, "MMSE")
    viewer.layers.remove("sigma")
    assert opened_later.layer.layer.name == "MMSE"
    viewer.add_image(np.zeros((8, 8)), name="cells")
    assert single.layer.layer.name == "cells"


def test_when_the_image_goes_no_result_takes_its_place(viewer, single):
    viewer.add_image(np.zeros((8, 8)), name="cells")
    viewer.add_image(np.zeros((8, 8)), name="sigma", metadata={"denoisplit": {"kind": "sigma"}})
    viewer.layers.remove("cells")
    assert single.layer.layer is None
    viewer.add_image(np.zeros((8, 8, 3)), name="photo", rgb=True)
    assert single.layer.layer.name == "photo"


def test_no_result_is_proposed_as_a_second_structure(viewer, dock):
    viewer.add_image(np.ones((8, 8)), name="cells")
    viewer.add_image(np.zeros((8, 8)), name="sigma", metadata={"denoisplit": {"kind": "sigma"}})
    chooser = dock(viewer, ImageChooser(viewer_reference(viewer), STRUCTURES))
    assert [one.layer for one in chooser.layers.choices] == [layer(viewer, "cells"), None]
    assert "Choose a layer for Structure 2" in chooser.problem


def test_of_the_samples_those_to_train_on_are_proposed_as_structures(viewer, source):
    for data, keywords, _ in (*cells(), *cells_alone()):
        viewer.add_image(data, **keywords)
    assert source.structures == ("nuclei", "actin")


def test_neither_a_truth_nor_what_was_split_is_proposed_as_a_structure(viewer, source):
    made = {"truth": {"kind": "truth"}, "nuclei · mix": {"kind": "MMSE", "input": "mix"}}
    viewer.add_image(np.zeros((8, 8)), name="mix")
    for name, record in made.items():
        viewer.add_image(np.zeros((8, 8)), name=name, metadata={"denoisplit": record})
    assert source.structures == ()
    for name in ("nuclei", "actin"):  # whoever opens them means them
        viewer.add_image(np.zeros((8, 8)), name=name)
    assert source.structures == ("nuclei", "actin")
