"""A page has the values it was left with, and a way back to its own."""

from __future__ import annotations

import pytest

from napari_denoisplit import widgets
from napari_denoisplit.widgets.dock.form_memory import FormMemory
from napari_denoisplit.widgets.dock.shell import DenoisplitDock
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS
from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.remembered import remember_values, remembered_values
from napari_denoisplit.widgets.parts.run_panel import RunPanel

PAGES = STEPS | TOOLS


@pytest.fixture
def new_session(viewer, qtbot):
    """Open the dock as in a napari that was just started."""
    docks = []  # a page outlives the name of its dock, and would go with it at Python's next look

    def new_session() -> DenoisplitDock:
        docks.append(DenoisplitDock(viewer))
        qtbot.addWidget(docks[-1])
        return docks[-1]

    return new_session


def test_values_of_one_page_are_there_again_in_the_next_session(new_session):
    before = new_session().show_page("Split")
    before.settings["n_samples"].set_value(7)
    before.more["grey_levels"].set_value("kept")
    dock = new_session()
    after = dock.show_page("Split")
    assert after.settings.values() == {"n_samples": 7}
    assert after.more.values() == before.more.values()
    assert dock.show_page("Batch").settings["n_samples"].value() != 7


def test_a_recipe_comes_with_what_was_changed_of_it(new_session):
    choices = new_session().show_page("Train").choices
    choices.more["recipe"].set_value("paper")
    choices.how["preset"].set_value("fast")
    choices.more["learning_rate"].set_value(0.003)
    choices.mix.set_value("sum")
    choices.more["alpha_low"].set_value(0.5)
    after = new_session().show_page("Train").choices
    assert after.settings() == choices.settings()


def test_defaults_go_back_and_are_offered_only_where_something_differs(new_session):
    dock = new_session()
    page = dock.show_page("Train")
    before = page.choices.settings()
    assert dock.defaults_button.isHidden()
    page.choices.how["minutes"].set_value(3)
    page.choices.more["alpha_high"].set_value(1.5)
    assert "Minutes, Mixing range to" in dock.defaults_button.toolTip()
    dock.show_page("Split")
    assert dock.defaults_button.isHidden()
    dock.show_page("Train")
    assert not dock.defaults_button.isHidden()
    dock.defaults_button.click()
    assert page.choices.settings() == before
    assert dock.defaults_button.isHidden()
    assert remembered_values("Train") == {}


def test_what_no_longer_fits_is_dropped_and_the_rest_is_taken(new_session):
    stored = {"n_samples": -3, "grey_levels": "cubed", "seed": 5, "of_another_version": 1}
    remember_values("Split", stored)
    page = new_session().show_page("Split")
    assert page.more["seed"].value() == 5
    assert page.more["grey_levels"].value() == "matched"
    assert page.settings["n_samples"].value() == 50


@pytest.mark.parametrize("text", ["[1, 2]", "not json", '{"seed": '])
def test_a_damaged_memory_is_no_memory(new_session, text):
    from napari_denoisplit.widgets.parts import remembered

    remembered._settings().setValue("values/Split", text)
    assert new_session().show_page("Split").more["seed"].value() == 0


def test_nothing_is_set_back_under_a_job(viewer, qtbot, monkeypatch):
    page = widgets.SplitWidget(viewer)
    qtbot.addWidget(page)
    memory = FormMemory("Split", page)
    page.settings["n_samples"].set_value(7)
    page.settings.setEnabled(False)
    monkeypatch.setattr(RunPanel, "is_running", True)
    memory.to_defaults()
    assert page.settings["n_samples"].value() == 7


def test_settings_that_stand_in_no_form_are_remembered_and_set_back_as_well(new_session):
    before = new_session()
    before.show_page("Trust").mask.slider.setValue(50)
    before.show_page("Trust").samples.n_answers.setValue(5)
    before.show_page("Train").preview.setChecked(False)
    before.show_page("Batch").source.recursive.setChecked(True)
    dock = new_session()
    assert not dock.show_page("Train").preview.isChecked()
    assert dock.show_page("Batch").source.recursive.isChecked()
    page = dock.show_page("Trust")
    assert (page.mask.slider.value(), page.samples.n_answers.value()) == (50, 5)
    assert "50%" in page.mask.threshold.text()
    assert "Alternatives" in dock.defaults_button.toolTip()
    dock.defaults_button.click()
    assert (page.mask.slider.value(), page.samples.n_answers.value()) == (33, 3)
    assert dock.defaults_button.isHidden()
    remember_values("Trust", {"limit": 1000, "n_alternatives": "many"})
    assert new_session().show_page("Trust").mask.slider.value() == 33


def test_what_is_locked_for_want_of_a_result_is_set_back_nevertheless(new_session):
    before = new_session().show_page("Samples")
    before.view["show"].set_value("difference")
    before.transport.settings["loop"].set_value(False)
    dock = new_session()
    page = dock.show_page("Samples")
    assert not page.view.isEnabled()
    assert page.view["show"].value() == "difference"
    dock.defaults_button.click()
    assert page.view["show"].value() != "difference"
    assert dock.defaults_button.isHidden()


@pytest.mark.parametrize("name", PAGES)
def test_controls_of_a_page_have_names_of_their_own(new_session, name):
    forms = new_session().show_page(name).findChildren(SettingsForm)
    names = [key for form in forms for key in form.controls]
    assert len(names) == len(set(names))
