"""Small controls of every page: text, buttons, lines to type into, choices to fill."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy import API_NAME
from qtpy.QtCore import QElapsedTimer, QEvent, QSignalBlocker, Qt, qVersion
from qtpy.QtGui import QPainter, QPalette
from qtpy.QtWidgets import (
    QApplication,
    QBoxLayout,
    QCheckBox,
    QComboBox,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QStackedWidget,
    QStyle,
    QStyleOptionFrame,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.fault_report import fault_report
from napari_denoisplit.widgets.parts.fields import SettingsForm, tooltip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qtpy.QtGui import QPaintEvent

_BUTTON_HEIGHT = 36  # pixels
_BEAT = QEvent.Type(213)  # StyleAnimationUpdate, which PyQt has without its name
_MS_BETWEEN_BEATS = 250
_CONTENTS = QStyle.SubElement.SE_LineEditContents
_PANEL = QStyle.PrimitiveElement.PE_PanelLineEdit
_AROUND_PAGES = (QStackedWidget, QDockWidget)
_COPY = (
    "Copy the message, where in the program it arose, versions and settings, to paste them into "
    "a report. It holds no pixels; look it through before you send it."
)


class Text(QLabel):
    """Text of any length in a narrow dock; not seen while there is nothing to say.

    Parameters
    ----------
    name
        For those who do not see it.
    selectable
        Whether it can be copied with the mouse.
    """

    def __init__(
        self, name: str, parent: QWidget | None = None, *, selectable: bool = False
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setWordWrap(True)
        # A word-wrapped label would else ask for the width of its longest line.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        if selectable:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.hide()

    def say(self, text: str) -> None:
        """Show a text; nothing where it is empty."""
        self.setText(text)
        self.setVisible(bool(text))


class CalmBar(QProgressBar):
    """A progress bar that draws itself four times a second while the end is not known.

    Qt does it thirty times, and draws napari's whole canvas anew each time. Where that has no GPU,
    as on a remote desktop, it took half of a core from the job whose progress the bar shows.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName("Progress")
        self.setTextVisible(False)
        self._drawn = QElapsedTimer()
        self.hide()

    def event(self, event: QEvent) -> bool:
        """Take note of most beats of the animation, and draw at few of them."""
        if event.type() == _BEAT:
            if self._drawn.isValid() and not self._drawn.hasExpired(_MS_BETWEEN_BEATS):
                event.accept()  # else the animation ends
                return True
            self._drawn.start()
        return bool(super().event(event))


class DetailsButton(QPushButton):
    """Copies the details of an error, for a report; not seen while there is none."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("Copy details", parent)
        self.setToolTip(tooltip(_COPY))
        self.clicked.connect(self._copy)
        self.offer(None)

    def offer(self, error: Exception | None) -> None:
        """Offer the details of an error; None where there was none."""
        self._error = error
        self.setVisible(error is not None)

    def _copy(self) -> None:
        if self._error is None:
            return
        page: QWidget = self
        while (outer := page.parentWidget()) is not None and not isinstance(outer, _AROUND_PAGES):
            page = outer
        forms = page.findChildren(SettingsForm)
        settings = {key: one.value() for form in forms for key, one in form.controls.items()}
        surroundings = {"page": page.accessibleName(), API_NAME: qVersion()}
        QApplication.clipboard().setText(fault_report(self._error, settings, surroundings))


def button(text: str, help_text: str, on_click: Callable[[], Any] | None = None) -> QPushButton:
    """Make a button with an explanation.

    Parameters
    ----------
    text
        What it says.
    help_text
        What happens when it is clicked.
    on_click
        Called at a click.
    """
    made = QPushButton(text)
    made.setToolTip(tooltip(help_text))
    if on_click is not None:
        made.clicked.connect(on_click)
    return made


def big_button(text: str, parent: QWidget) -> QPushButton:
    """Make the button of what a page is for."""
    made = QPushButton(text, parent)
    made.setMinimumHeight(_BUTTON_HEIGHT)
    font = made.font()
    font.setBold(True)
    made.setFont(font)
    return made


def check_box(
    text: str, help_text: str, parent: QWidget | None = None, *, checked: bool = False
) -> QCheckBox:
    """Make a box to tick, with an explanation."""
    made = QCheckBox(text, parent)
    made.setAccessibleName(text)
    made.setToolTip(tooltip(help_text))
    made.setChecked(checked)
    return made


class Line(QLineEdit):
    """A line to type into; while nobody types, a path that is too long shows its name first.

    Qt would show the end of the path, and cut the first letters of a long name.
    """

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint what fits."""
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        room = self.style().subElementRect(_CONTENTS, option, self).adjusted(2, 0, -2, 0)
        if self.isClearButtonEnabled():
            room.setRight(room.right() - self.height())
        shown = self.shown(room.width())
        if self.hasFocus() or shown == self.text():
            super().paintEvent(event)
            return
        painter = QPainter(self)
        self.style().drawPrimitive(_PANEL, option, painter, self)
        painter.setPen(self.palette().color(QPalette.ColorRole.Text))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()

    def shown(self, room: int) -> str:
        """Return what so many pixels show: the end of the path, but never less than its name."""
        text, metrics = self.text(), self.fontMetrics()
        name = Path(text).name
        if metrics.horizontalAdvance(f"…{name}") <= room:
            return str(metrics.elidedText(text, Qt.TextElideMode.ElideLeft, room))
        return str(metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, room))


def text_line(name: str, help_text: str, placeholder: str = "") -> QLineEdit:
    """Make a line to type into."""
    line = Line()
    line.setAccessibleName(name)
    line.setPlaceholderText(placeholder)
    line.setToolTip(tooltip(help_text))
    # Its own drop would paste the address as text; the widget around it takes the file.
    line.setAcceptDrops(False)
    return line


def in_a_row(*parts: QWidget | QLayout) -> QBoxLayout:
    """Put controls beside each other, without margins."""
    return _filled(QHBoxLayout(), parts)


def in_a_column(*parts: QWidget | QLayout) -> QBoxLayout:
    """Put controls below each other, without margins."""
    return _filled(QVBoxLayout(), parts)


def _filled(layout: QBoxLayout, parts: Iterable[QWidget | QLayout]) -> QBoxLayout:
    layout.setContentsMargins(0, 0, 0, 0)
    for part in parts:
        if isinstance(part, QLayout):
            layout.addLayout(part)
        else:
            layout.addWidget(part)
    return layout


def refill(box: QComboBox, items: Iterable[tuple[str, Any]], row: int = 0) -> None:
    """Offer other items, without a word to those who follow the choice.

    Parameters
    ----------
    box
        The choice.
    items
        What each item is called, and what it stands for.
    row
        Which item is chosen then.
    """
    blocker = QSignalBlocker(box)
    box.clear()
    for text, data in items:
        box.addItem(text, data)
    box.setCurrentIndex(row)
    blocker.unblock()
