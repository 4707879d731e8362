"""A column of titled parts that scrolls where the window is low."""

from __future__ import annotations

from qtpy.QtCore import QSize, Qt, QTimer
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

__all__ = ["Column", "folded"]

_WIDTH = 320  # pixels, enough for every label beside its control
_MINIMUM_HEIGHT = 240
_SETTLE_MS = 50  # until the layout has placed a part that was just shown


class Column(QScrollArea):
    """Parts of a widget one below the other, from what to how to the result."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setMinimumSize(_WIDTH, _MINIMUM_HEIGHT)
        inside = QWidget(self)
        self._layout = QVBoxLayout(inside)
        self._layout.setContentsMargins(6, 2, 6, 6)
        self._layout.addStretch(1)
        self.setWidget(inside)
        around = QVBoxLayout(parent)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(self)

    def add(self, part: QWidget, title: str = "") -> None:
        """Append a part, with a title above it."""
        if title:
            label = QLabel(title, self.widget())
            font = label.font()
            font.setBold(True)
            label.setFont(font)
            self._layout.insertWidget(self._layout.count() - 1, label)
        self._layout.insertWidget(self._layout.count() - 1, part)

    def reveal(self, part: QWidget) -> None:
        """Scroll until a part is in sight, once it has its place."""
        QTimer.singleShot(_SETTLE_MS, part, lambda: self.ensureWidgetVisible(part, 0, 0))

    def sizeHint(self) -> QSize:
        """As high as its content, so that a tall window shows it without scrolling."""
        return QSize(_WIDTH, self.widget().sizeHint().height())


def folded(title: str, *parts: QWidget) -> QCollapsible:
    """Fold parts away under a title that opens them."""
    # No icons: superqt paints them in the colour of Qt's palette, which napari's theme overrides.
    fold = QCollapsible(title, expandedIcon=QIcon(), collapsedIcon=QIcon())
    fold.setDuration(0)  # an animation would fight with the scroll area over the height
    content = QWidget()
    layout = QVBoxLayout(content)
    layout.setContentsMargins(8, 0, 0, 0)
    for part in parts:
        layout.addWidget(part)
    fold.setContent(content)
    fold.collapse(animate=False)
    fold.toggled.connect(lambda opened: fold.setText(f"{'▾' if opened else '▸'}  {title}"))
    fold.setText(f"▸  {title}")
    fold.toggleButton().setToolTip("Show or hide settings that most runs need not touch.")
    fold.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
    return fold
