"""Who has nothing yet is told what a page is for, and led to a first split."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QPushButton
from tests.widgets.conftest import layer

from napari_denoisplit.images.example.cells import MODEL
from napari_denoisplit.widgets.dock.beginning import OPEN, SPLIT
from napari_denoisplit.widgets.dock.shell import DenoisplitDock
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS


@pytest.fixture
def shell(viewer, dock):
    return dock(viewer, DenoisplitDock(viewer))


def buttons(shell):
    every = shell.beginning.findChildren(QPushButton)
    return [one.text() for one in every if not one.isHidden()]


def test_every_empty_page_says_what_it_is_for_and_what_to_do_first_with_a_button(shell):
    for name, step in {**STEPS, **TOOLS}.items():
        shell.show_page(name)
        assert shell.beginning.text.text() == f"{step.help_text} {step.first}"
        assert step.first.startswith("First ")
        assert buttons(shell) == [step.beginning]


def test_one_click_leads_from_an_empty_window_to_a_split(qtbot, viewer, shell, jobs):
    shell.show_page("Samples")
    assert buttons(shell) == [SPLIT]
    shell.beginning.button.click()
    split = shell.show_page("Split")
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))
    assert split.model.path == MODEL
    assert layer(viewer, "nuclei · cells").visible
    assert shell.beginning.isHidden()


def test_a_model_of_ones_own_takes_the_place_of_the_example(qtbot, shell, jobs, small_model):
    split, train = shell.show_page("Split"), shell.show_page("Train")
    shell.beginning.wanted.emit(SPLIT)
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))
    train.model_known.emit(small_model)  # of a training
    assert split.model.path == small_model


def test_cells_to_train_on_become_the_structures(viewer, shell):
    train = shell.show_page("Train")
    assert buttons(shell) == [OPEN]
    shell.beginning.button.click()
    assert train.source.structures == ("nuclei", "actin")
    assert shell.beginning.isHidden()


@pytest.mark.parametrize("name", ["Train", "Noise model", "Calibration", "Denoise"])
def test_with_the_example_open_a_page_has_all_that_it_needs(qtbot, shell, name):
    page = shell.show_page(name)
    assert page.problem
    shell.beginning.button.click()
    qtbot.waitUntil(lambda: page.problem == "")
    assert shell.beginning.isHidden()


def test_a_batch_of_the_example_is_ready_once_it_is_written(qtbot, shell, tmp_path):
    page = shell.show_page("Batch")
    page.write_example(tmp_path / "example")
    qtbot.waitUntil(lambda: page.problem == "")
    assert [row.item.path.name for row in page.files.rows] == ["cells.ome.tif"]
    page.write_example(tmp_path / "example")
    assert "exists" in page.panel.status.text()


def test_layers_of_ones_own_end_the_help_but_for_a_model_to_try(viewer, shell, rng):
    viewer.add_image(rng.normal(size=(32, 32)).astype("f4"), name="mine")
    shell.show_page("Train")
    assert shell.beginning.isHidden()
    shell.show_page("Split")
    assert buttons(shell) == [SPLIT]
