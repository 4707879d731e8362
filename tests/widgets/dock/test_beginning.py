"""Who has nothing yet is told what a page is for, and led to a first split."""

from __future__ import annotations

import pytest
from tests.widgets.conftest import layer

from napari_denoisplit.images.example.cells import MODEL
from napari_denoisplit.widgets.dock.beginning import OPEN, SPLIT
from napari_denoisplit.widgets.dock.shell import STEPS, TOOLS, DenoisplitDock


@pytest.fixture
def shell(viewer, dock):
    return dock(viewer, DenoisplitDock(viewer))


def buttons(shell):
    every = (shell.beginning.split_button, shell.beginning.open_button)
    return [one.text() for one in every if not one.isHidden()]


def test_every_empty_page_says_what_it_is_for(shell):
    for name, step in {**STEPS, **TOOLS}.items():
        shell.show_page(name)
        assert shell.beginning.text.text() == step.help_text
        assert buttons(shell) == ([step.beginning] if step.beginning else [])


def test_one_click_leads_from_an_empty_window_to_a_split(qtbot, viewer, shell, jobs):
    shell.show_page("Samples")
    assert buttons(shell) == [SPLIT]
    shell.beginning.split_button.click()
    split = shell.show_page("Split")
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))
    assert split.model.path == MODEL
    assert layer(viewer, "nuclei · cells").visible
    assert shell.beginning.isHidden()


def test_a_model_of_ones_own_takes_the_place_of_the_example(qtbot, shell, jobs, small_model):
    split, train = shell.show_page("Split"), shell.show_page("Train")
    shell.beginning.split_wanted.emit()
    qtbot.waitUntil(lambda: not (split.is_busy or split.panel.is_running))
    train.model_known.emit(small_model)  # of a training
    assert split.model.path == small_model


def test_cells_to_train_on_become_the_structures(viewer, shell):
    train = shell.show_page("Train")
    assert buttons(shell) == [OPEN]
    shell.beginning.open_button.click()
    assert train.source.structures == ("nuclei", "actin")
    assert shell.beginning.isHidden()


def test_layers_of_ones_own_end_the_help_but_for_a_model_to_try(viewer, shell, rng):
    viewer.add_image(rng.normal(size=(32, 32)).astype("f4"), name="mine")
    shell.show_page("Train")
    assert shell.beginning.isHidden()
    shell.show_page("Split")
    assert buttons(shell) == [SPLIT]
