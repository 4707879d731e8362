"""Controls say and allow what the settings say and allow."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, Field, ValidationError
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_denoisplit.settings import DenoiseSettings, SplitSettings, TrainSettings
from napari_denoisplit.widgets.parts.fields import (
    SettingsForm,
    build_control,
    sentence,
)


class Settings(BaseModel):
    count: int = Field(3, ge=1, le=9, description="How many <things>.")
    share: float = Field(0.5, gt=0, lt=1)
    edge: int | None = Field(None, ge=64, multiple_of=16)
    kind: Literal["a", "b"] = "b"
    fast: bool = True


@pytest.fixture
def form(qtbot):
    form = SettingsForm(
        Settings, Settings.model_fields, {"kind": {"a": "the first"}, "edge": {"": "whole"}}
    )
    qtbot.addWidget(form)
    return form


def test_a_form_begins_with_the_defaults(form):
    assert form.values() == Settings().model_dump()


def test_values_come_back_as_they_were_set(form):
    values = {"count": 5, "share": 0.25, "edge": 128, "kind": "a", "fast": False}
    for name, value in values.items():
        form[name].set_value(value)
    assert form.values() == values


def test_limits_are_those_of_the_field(form):
    form["count"].set_value(100)
    assert form["count"].value() == 9
    for value in (0.0, 1.0):
        form["share"].set_value(value)
        Settings(share=form["share"].value())


def test_no_value_is_shown_in_words(form):
    assert form["edge"].widget.text() == "whole"
    assert form["edge"].value() is None
    form["edge"].widget.stepUp()
    assert form["edge"].value() == 64
    form["edge"].widget.stepDown()
    assert form["edge"].value() is None


def test_descriptions_are_tooltips_and_labels_are_names(form):
    box = form["count"].widget
    assert "How many &lt;things&gt;." in box.toolTip()
    assert box.accessibleName() == "Count"


def test_the_wheel_scrolls_the_widget_unless_a_control_has_the_focus(form):
    box = form["count"].widget
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(5, 5),
        QPoint(0, 120),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(box, event)
    assert form["count"].value() == 3


@pytest.mark.parametrize("model", [SplitSettings, TrainSettings])
def test_every_simple_setting_has_a_control(qtbot, model):
    for name, field in model.model_fields.items():
        if name not in ("network", "loss", "mix", "acquisition"):
            control = build_control(model, name, name)
            qtbot.addWidget(control.widget)
            assert control.value() == field.get_default()


def test_an_error_becomes_a_sentence():
    with pytest.raises(ValidationError) as caught:
        Settings(count=50)
    assert sentence(caught.value) == "count: Input should be less than or equal to 9 (found 50)"


@pytest.mark.parametrize("rate", [3e-4, 1e-3, 4e-3, 1.0])
@pytest.mark.parametrize("settings", [TrainSettings, DenoiseSettings])
def test_a_learning_rate_is_shown_and_kept_as_it_is(qtbot, settings, rate):
    control = build_control(settings, "learning_rate", "Learning rate")
    qtbot.addWidget(control.widget)
    control.set_value(rate)
    assert control.value() == rate
    assert float(control.widget.text().replace(",", ".")) == rate


def test_a_tooltip_calls_choices_as_the_list_does(qtbot):
    titles = {"musplit": "µSplit", "hdn_musplit": "HDN → µSplit"}
    box = build_control(TrainSettings, "method", "Method", titles).widget
    qtbot.addWidget(box)
    assert "'HDN → µSplit' denoises" in box.toolTip()
    assert "hdn_musplit" not in box.toolTip()
    assert "altered_musplit" in box.toolTip()  # which has no title here
