"""A column of titled parts that scrolls where the window is low."""

from __future__ import annotations

from itertools import pairwise

from qtpy.QtCore import QCoreApplication, QEvent, QObject, QSize, Qt
from qtpy.QtGui import QIcon, QPixmap
from qtpy.QtWidgets import QFrame, QLabel, QLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.timer import timer

_WIDTH = 320  # pixels, enough for every label beside its control
_MINIMUM_HEIGHT = 120  # what is said below it may be long, and must not raise the window
_NO_LIMIT = 2**24 - 1  # Qt's QWIDGETSIZE_MAX
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

    def order_tabs(self, below: QLayout | None = None) -> None:
        """Let the tab key go from top to bottom, and on to `below`, whatever was made first."""
        controls = _in_order(self._layout) + ([] if below is None else _in_order(below))
        for before, after in pairwise(controls):
            QWidget.setTabOrder(before, after)

    def reveal(self, part: QWidget) -> None:
        """Scroll until a part is in sight, once it has its place."""
        self._revealed = part
        self._settle.start()

    def _scroll(self) -> None:
        if self._revealed is not None:
            self.ensureWidgetVisible(self._revealed, 0, 0)

    def sizeHint(self) -> QSize:
        """As high as its content, so that a tall window shows it without scrolling."""
        return QSize(_WIDTH, self.widget().sizeHint().height())


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


class Fold(QCollapsible):
    """Parts that are folded away under a title that opens them."""

    def __init__(self, title: str, *parts: QWidget) -> None:
        # Blank: superqt paints icons in the colour of Qt's palette, which napari's theme hides, and
        # takes no icon without pixels.
        blank = QPixmap(1, 1)
        blank.fill(Qt.GlobalColor.transparent)
        super().__init__(title, expandedIcon=QIcon(blank), collapsedIcon=QIcon(blank))
        self.toggleButton().setIconSize(QSize(0, 0))
        self._title = title
        self.setDuration(0)  # an animation would fight with the scroll area over the height
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 0, 0, 0)
        for part in parts:
            layout.addWidget(part)
        self.setContent(content)
        self.layout().setContentsMargins(0, 0, 0, 0)  # the column has its own distances
        self.toggleButton().setToolTip("Show or hide settings that most runs need not touch.")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.toggled.connect(self._mark)
        self.collapse(animate=False)
        self._mark(False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Leave the height alone: superqt would bound it by what the parts need as they are."""
        return False

    def _mark(self, opened: bool) -> None:
        # superqt folds by height alone, which leaves the parts within reach of the tab key, and
        # squeezes them when one of them grows.
        self.content().setVisible(opened)
        self.content().setMaximumHeight(_NO_LIMIT)
        self.setText(f"{'▾' if opened else '▸'}  {self._title}")
