"""Boxes for a number as people type it, and a wheel that scrolls the page rather than values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from qtpy.QtCore import QEvent, QObject, Qt
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QDoubleSpinBox, QSpinBox, QWidget

_SEPARATORS = ".,٫٬'’\u00a0\u202f "
"""Of decimals or of groups of digits, somewhere in the world."""
_WITH_EXPONENT = re.compile(r"[+-]?\d+\.?\d*[eE][+-]?\d{1,2}")
_LEAST_DECIMALS = 2  # that are shown


class WholeNumberBox(QSpinBox):
    """A box for a whole number without separators: Qt would drop them, and read 15 for 1.5."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setKeyboardTracking(False)  # or what is typed first is a value to fall back on

    def validate(self, text: str, position: int) -> Any:
        """Take digits alone; what has a separator can be typed on, and is not accepted."""
        if text != self.specialValueText() and any(one in _SEPARATORS for one in text):
            return QValidator.State.Intermediate, text, position
        return _typed_on(super().validate(text, position))

    def fixup(self, text: str) -> str:
        """Leave the text: Qt would take its separators out."""
        return text


class NumberBox(QDoubleSpinBox):
    """A box for a number with a point or a comma before its decimals, whatever the locale has."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setKeyboardTracking(False)  # or what is typed first is a value to fall back on

    def validate(self, text: str, position: int) -> Any:
        """Take one point or comma; groups of digits are not accepted."""
        if text == self.specialValueText():
            return QValidator.State.Acceptable, text, position
        found = [one for one in text if one in _SEPARATORS]
        if len(found) > 1 or any(one not in ".,٫" for one in found):
            return QValidator.State.Intermediate, text, position
        return _typed_on(super().validate(self._local(text), position))[0], text, position

    def valueFromText(self, text: str) -> float:
        """Read a number as `validate` takes it."""
        return float(super().valueFromText(self._local(text)))

    def fixup(self, text: str) -> str:
        """Leave the text: Qt would take its separators out."""
        return text

    def textFromValue(self, value: float) -> str:
        """Leave out zeros at the end that nobody needs."""
        text: str = super().textFromValue(value)
        kept = len(text) - max(0, self.decimals() - _LEAST_DECIMALS)
        return text[:kept] + text[kept:].rstrip(self.locale().zeroDigit())

    def _local(self, text: str) -> str:
        point = self.locale().decimalPoint()
        text = text.replace(",", ".").replace("٫", ".")
        if _WITH_EXPONENT.fullmatch(text):
            text = format(Decimal(text), "f")
        return text.replace(".", point)


def _typed_on(answer: Any) -> Any:
    """Keep what is typed as it is: Qt would swallow what does not fit, and read 13 for 1e-3."""
    state, *rest = answer
    return (QValidator.State.Intermediate if state == QValidator.State.Invalid else state, *rest)


def guard_wheel(widget: QWidget) -> None:
    """Keep the wheel for scrolling the widget until the control under it has the focus."""
    widget.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    widget.installEventFilter(_WheelGuard(widget))


class _WheelGuard(QObject):
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Swallow the wheel over a control without focus."""
        if event.type() == QEvent.Type.Wheel and not watched.hasFocus():
            event.ignore()
            return True
        return bool(super().eventFilter(watched, event))
