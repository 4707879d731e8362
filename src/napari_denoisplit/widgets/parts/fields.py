"""Controls built from the fields of a settings model: its description, limits and default."""

from __future__ import annotations

import html
import math
import re
from dataclasses import asdict, dataclass, is_dataclass, replace
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

from pydantic import Field, TypeAdapter
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QLayout,
    QSpinBox,
    QWidget,
)

from napari_denoisplit.widgets.parts.boxes import NumberBox, WholeNumberBox, guard_wheel
from napari_denoisplit.widgets.parts.remembered import preferred

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import BaseModel, ValidationError

_LARGEST_INT = 2**31 - 1
_AUTOMATIC = "automatic"
_CHARACTERS = 8  # of a choice that a narrow dock must show
_DECIMALS = 2  # of a number, unless its default has more
_MANY_DECIMALS = 6  # of one that may be next to nothing


@dataclass(frozen=True, slots=True)
class Control:
    """A Qt control with a value of one field."""

    widget: QWidget
    value: Callable[[], Any]
    set_value: Callable[[Any], None]
    changed: Any
    """Signal of the control."""
    check: Callable[[Any], Any] = lambda value: value
    """Take a value that was stored; raises `pydantic.ValidationError`."""


class SettingsForm(QWidget):
    """A form over some fields of a settings model.

    Parameters
    ----------
    model
        The settings; limits and tooltips come from its fields, and so do the defaults, unless the
        user has set others in napari's preferences.
    names
        Fields to show, in order; each is called by its title, else by its name.
    titles
        What a choice of a field is called in the form, where not by its own name; '' is None.
    """

    changed = Signal()  # a value was changed, by the user or by the program

    def __init__(
        self,
        model: type[BaseModel],
        names: Iterable[str],
        titles: Mapping[str, Mapping[str, str]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._form = form_layout(self)
        self._names = tuple(names)
        self.controls: dict[str, Control] = {}
        """By name, with those that the settings model does not have."""
        for name in self._names:
            text = model.model_fields[name].title or name.replace("_", " ").capitalize()
            control = build_control(model, name, text, (titles or {}).get(name, {}))
            control.set_value(preferred(name, control.value()))
            self.add_control(name, text, control)

    def add_control(self, name: str, text: str, control: Control) -> None:
        """Append a control of another settings model."""
        control.changed.connect(self.changed)
        self.controls[name] = control
        self.add_row(text, control.widget)

    def add_row(self, text: str, widget: QWidget) -> None:
        """Append a control for what belongs to an image, or is no setting."""
        label = QLabel(text, self)
        label.setToolTip(widget.toolTip())
        label.setBuddy(widget)
        self._form.addRow(label, widget)

    def __getitem__(self, name: str) -> Control:
        return self.controls[name]

    def values(self) -> dict[str, Any]:
        """Value of each field of the settings model, by name."""
        return {name: self[name].value() for name in self._names}


def form_layout(
    parent: QWidget | None = None, rows: Mapping[str, QWidget | QLayout] | None = None
) -> QFormLayout:
    """Labels at the left, controls that grow at the right, no margins."""
    layout = QFormLayout(parent)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    layout.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
    for label, control in (rows or {}).items():
        layout.addRow(label, control)
    return layout


def show_row(form: QFormLayout, control: QWidget, shown: bool) -> None:
    """Show or hide a control and its label; Qt itself does that from 6.4 on only."""
    control.setVisible(shown)
    label = form.labelForField(control)
    if isinstance(label, QLabel):
        label.setVisible(shown)


def tooltip(text: str) -> str:
    """Rich text, so that Qt breaks the lines of a long tooltip."""
    return f"<p>{html.escape(text, quote=False)}</p>"


def build_control(
    model: type[BaseModel], name: str, label: str, titles: Mapping[str, str] | None = None
) -> Control:
    """Control for one field of a settings model.

    Raises
    ------
    TypeError
        The field is neither a choice, a number nor a truth value.
    """
    field = model.model_fields[name]
    kind, optional = _kind(field.annotation)
    called, description = titles or {}, field.description or label
    none_title = called.get("", _AUTOMATIC)
    if get_origin(kind) is Literal:
        control = _choice(get_args(kind), called)
    elif kind is bool:
        control = _truth()
    elif kind is int:
        control = _whole_number(field.metadata, optional, none_title)
    elif kind is float:
        digits = len(str(field.default).partition(".")[2])
        control = _number(field.metadata, optional, none_title, max(_DECIMALS, digits))
    else:
        raise TypeError(f"{model.__name__}.{name} is {field.annotation}: no control shows that.")
    stored: Any = Annotated[field.annotation, field]
    control = replace(control, check=TypeAdapter(stored).validate_python)
    control.set_value(field.get_default())
    # A description has the names of choices; the list may call them otherwise.
    help_text = re.sub("(?<=')\\w+(?=')", lambda name: called.get(name[0], name[0]), description)
    control.widget.setToolTip(tooltip(help_text))
    control.widget.setAccessibleName(label)
    control.widget.setObjectName(name)
    return control


def control_alone(widget: QAbstractButton | QAbstractSlider | QSpinBox) -> Control:
    """Control of a setting that stands in no form: a box to tick, a slider or a number."""
    if isinstance(widget, QAbstractButton):
        truth = TypeAdapter(bool).validate_python
        return Control(widget, widget.isChecked, widget.setChecked, widget.toggled, truth)
    within: Any = Annotated[int, Field(ge=widget.minimum(), le=widget.maximum())]
    whole = TypeAdapter(within).validate_python
    return Control(widget, widget.value, widget.setValue, widget.valueChanged, whole)


def sentence(error: ValidationError) -> str:
    """Say what is wrong with some settings, to a reader who never saw a stack trace."""
    parts = []
    for finding in error.errors(include_url=False):
        text = finding["msg"].removeprefix("Value error, ")
        where = ", ".join(str(step).replace("_", " ") for step in finding["loc"])
        parts.append(f"{where}: {text} (found {finding['input']!r})" if where else text)
    return "; ".join(parts)


def _kind(annotation: Any) -> tuple[Any, bool]:
    arguments = [kind for kind in get_args(annotation) if kind is not NoneType]
    if get_origin(annotation) is not Literal and len(arguments) < len(get_args(annotation)):
        return arguments[0], True
    return annotation, False


def _limits(metadata: Iterable[Any]) -> dict[str, float]:
    return {
        name: value
        for limit in metadata
        if is_dataclass(limit) and not isinstance(limit, type)
        for name, value in asdict(limit).items()
    }


def _truth() -> Control:
    box = QCheckBox()
    return Control(box, box.isChecked, box.setChecked, box.toggled)


def _choice(choices: tuple[str, ...], titles: Mapping[str, str]) -> Control:
    box = QComboBox()
    for choice in choices:
        box.addItem(titles.get(choice, choice), choice)
    make_narrow(box, "", "", characters=_CHARACTERS)
    return Control(
        box,
        box.currentData,
        lambda value: box.setCurrentIndex(box.findData(value)),
        box.currentIndexChanged,
    )


def _whole_number(metadata: Iterable[Any], optional: bool, none_title: str) -> Control:
    limits = _limits(metadata)
    step = int(limits.get("multiple_of", 1))
    low = int(limits.get("ge", limits.get("gt", -1) + 1))
    high = int(limits.get("le", limits.get("lt", _LARGEST_INT + 1) - 1))
    box = WholeNumberBox()
    box.setRange(low, min(high, _LARGEST_INT))
    box.setSingleStep(step)
    return _with_none(box, low - step, none_title) if optional else _plain(box)


def _number(metadata: Iterable[Any], optional: bool, none_title: str, decimals: int) -> Control:
    limits = _limits(metadata)
    box = NumberBox()
    high = limits.get("le", limits.get("lt", 1e9))
    # What may come as close to zero as it likes, such as a rate, does.
    box.setDecimals(_MANY_DECIMALS if limits.get("gt") == 0 and high <= 1 else decimals)
    tick = 10.0 ** -box.decimals()
    low = limits["ge"] if "ge" in limits else limits.get("gt", -tick) + tick
    box.setRange(low, high - tick if "lt" in limits else high)
    box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
    return _with_none(box, low - tick, none_title) if optional else _plain(box)


def _plain(box: QSpinBox | QDoubleSpinBox) -> Control:
    guard_wheel(box)
    return Control(box, box.value, box.setValue, box.valueChanged)


def _with_none(box: QSpinBox | QDoubleSpinBox, below: float, title: str) -> Control:
    """Read None from one step below the lowest value, where the field may be None."""
    box.setMinimum(below)
    box.setSpecialValueText(title)
    return replace(
        _plain(box),
        value=lambda: None if math.isclose(box.value(), below, abs_tol=1e-9) else box.value(),
        set_value=lambda value: box.setValue(below if value is None else value),
    )


def narrow_box(
    name: str,
    text: str,
    parent: QWidget | None = None,
    *,
    characters: int = 10,
    items: Mapping[Any, str] | None = None,
) -> QComboBox:
    """Return a choice that fits into a narrow dock, however long its items are.

    Parameters
    ----------
    name
        For those who do not see it.
    text
        Its tooltip; none where empty.
    parent
        Where it belongs.
    characters
        That are seen at least.
    items
        What each choice stands for, and what it is called; empty by default.
    """
    box = QComboBox(parent)
    make_narrow(box, name, text, characters=characters)
    for data, title in (items or {}).items():
        box.addItem(title, data)
    return box


def make_narrow(box: QComboBox, name: str, text: str, *, characters: int = 10) -> None:
    """Let a choice fit into a narrow dock; see `narrow_box`."""
    box.setAccessibleName(name)
    if text:
        box.setToolTip(tooltip(text))
    box.setMinimumContentsLength(characters)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    guard_wheel(box)
