"""Parts that scroll: a column of them where the window is low, a long text beyond a height."""

from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

from qtpy.QtCore import QCoreApplication, QEvent, QPoint, QSize, Qt
from qtpy.QtWidgets import (
    QFrame,
    QLabel,
    QLayout,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QResizeEvent

_WIDTH = 320  # pixels, enough for every label beside its control
_MINIMUM_HEIGHT = 120  # what is said below it may be long, and must not raise the window
_SETTLE_MS = 50  # until the layout has placed a part that was just shown


class Column(QScrollArea):
    """Parts of a widget one below the other, from what to how to the result."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(_WIDTH, _MINIMUM_HEIGHT)
        self._revealed: QWidget | None = None
        self._settle = timer(self, self._scroll, _SETTLE_MS)
        inside = QWidget(self)
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(6, 2, 6, 6)
        self._layout.addStretch(1)
        self.setWidget(inside)
        parent.setLayout(in_a_column(self))

    def add(self, part: QWidget, title: str = "") -> None:
        """Append a part, with a title above it."""
        if title:
            label = QLabel(title, self.widget())
            font = label.font()
            font.setBold(True)
            label.setFont(font)
            self._layout.insertWidget(self._layout.count() - 1, label)
        self._layout.insertWidget(self._layout.count() - 1, part)
        if isinstance(part, Fold):
            # What opens at the lower end of the page would do so out of sight.
            part.button.clicked.connect(partial(self.reveal, part))

    def order_tabs(self, below: QLayout | None = None) -> None:
        """Let the tab key go from top to bottom, and on to `below`, whatever was made first."""
        controls = _in_order(self._layout) + ([] if below is None else _in_order(below))
        for before, after in pairwise(controls):
            QWidget.setTabOrder(before, after)

    def reveal(self, part: QWidget, *_: object) -> None:
        """Scroll until a part, or its beginning, is in sight, once it has its place."""
        self._revealed = part
        self._settle.start()

    def _scroll(self) -> None:
        part = self._revealed
        if part is None:
            return
        if part.height() > self.viewport().height():  # Qt would show its middle
            top = part.mapTo(self.widget(), QPoint(0, 0)).y()
            self.verticalScrollBar().setValue(top)
        else:
            self.ensureWidgetVisible(part, 0, 0)

    def sizeHint(self) -> QSize:
        """As high as its content, so that a tall window shows it without scrolling."""
        return QSize(_WIDTH, self.widget().sizeHint().height())


class LimitedHeight(QScrollArea):
    """A part that is as high as it needs, and beyond a height scrolls instead of raising a window.

    Parameters
    ----------
    part
        It is seen and hidden as before, and this with it.
    most
        Height, pixels.
    """

    def __init__(self, part: QWidget, most: int) -> None:
        super().__init__()
        self._most = most
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setVisible(not part.isHidden())
        inner = part.sizePolicy()
        inner.setVerticalPolicy(QSizePolicy.Policy.Preferred)  # else the height of another width
        part.setSizePolicy(inner)
        self.setWidget(part)

    def heightForWidth(self, width: int) -> int:
        """As high as the part, up to the limit."""
        needed: int = self.widget().heightForWidth(width)
        return min(needed, self._most)

    def sizeHint(self) -> QSize:
        """Of the width that there is."""
        return QSize(_WIDTH, self.heightForWidth(self.width()))

    def minimumSizeHint(self) -> QSize:
        """No less: half a line cannot be read."""
        return QSize(0, self.heightForWidth(self.width()))

    def eventFilter(self, part: QObject, event: QEvent) -> bool:
        """Be seen with the part; Qt calls this."""
        if event.type() in (QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self.setVisible(not self.widget().isHidden())
        return bool(super().eventFilter(part, event))

    def viewportEvent(self, event: QEvent) -> bool:
        """Ask for another height when the part has grown; Qt calls this."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
            self.verticalScrollBar().setValue(0)  # another text begins at its beginning
        return bool(super().viewportEvent(event))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Ask for another height when lines break elsewhere; Qt calls this."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit()

    def _fit(self) -> None:
        """Scroll, and stop the tab key, only where a part is too high."""
        scrolls = self.widget().heightForWidth(self.width()) > self._most
        # Qt's own rule flickers: the bar breaks other lines, which need the bar.
        shown, hidden = Qt.ScrollBarPolicy.ScrollBarAlwaysOn, Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(shown if scrolls else hidden)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if scrolls else Qt.FocusPolicy.NoFocus)
        self.updateGeometry()


def settle(part: QWidget) -> None:
    """Lay out anew all that a part stands in, where it was shown or has grown since.

    Qt does so one layout after the other, and paints the part squeezed between them.
    """
    around: QWidget | None = part
    while around is not None:
        QCoreApplication.sendPostedEvents(around, QEvent.Type.LayoutRequest)
        around = around.parentWidget()


def _in_order(layout: QLayout) -> list[QWidget]:
    """List the controls that take the focus, as the layout has them."""
    found: list[QWidget] = []
    for index in range(layout.count()):
        item = layout.itemAt(index)
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            inner = widget.layout()
        if inner is not None:
            found += _in_order(inner)
        elif widget is not None and widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
            found.append(widget)
    return found


class Fold(QWidget):
    """Parts that are folded away under a title that opens them."""

    def __init__(self, title: str, *parts: QWidget) -> None:
        super().__init__()
        self._title = title
        self.button = QPushButton(self)
        self.button.setCheckable(True)
        self.button.setStyleSheet("text-align: left; border: none; outline: none;")
        self.button.setToolTip("Show or hide settings that most runs need not touch.")
        self.content = QWidget(self)
        inside = in_a_column(*parts)
        inside.setContentsMargins(8, 0, 0, 0)
        self.content.setLayout(inside)
        self.setLayout(in_a_column(self.button, self.content))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.button.toggled.connect(self._open)
        self._open(False)

    def _open(self, opened: bool) -> None:
        self.content.setVisible(opened)
        self.button.setText(f"{'▾' if opened else '▸'}  {self._title}")
