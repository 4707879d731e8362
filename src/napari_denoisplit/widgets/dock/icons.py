"""Icons of the steps, drawn in the colour of the theme's text."""

from __future__ import annotations

from qtpy.QtCore import QByteArray, QSize, Qt
from qtpy.QtGui import QIcon, QPainter, QPixmap
from qtpy.QtSvg import QSvgRenderer

SIZE = QSize(20, 20)
_SHARP = 3  # pixels painted for one of the icon: screens differ
_LINES = {
    "Train": "M3 17 C6 6 9 15 12 9 S16 6 17 3 M3 3 V17 H17",
    "Split": "M2 10 H8 M8 10 C12 10 11 4 18 4 M8 10 C12 10 11 16 18 16",
    "Samples": "M2 10 C6 3 14 3 18 10 C14 17 6 17 2 10 Z M10 7.5 A2.5 2.5 0 1 0 10 12.5 "
    "A2.5 2.5 0 1 0 10 7.5",
    "Trust": "M10 2 L17 5 V10 C17 14 14 17 10 18 C6 17 3 14 3 10 V5 Z M6.5 10 L9 12.5 L13.5 7.5",
    "Tools": "M3 5 H17 M3 10 H17 M3 15 H17 M7 3 V7 M13 8 V12 M6 13 V17",
}


def icon(name: str, color: str) -> QIcon:
    """Draw the icon of a step.

    Parameters
    ----------
    name
        "Train", "Split", "Samples", "Trust" or "Tools".
    color
        Of its lines, as SVG writes it.
    """
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20"><path '
        f'd="{_LINES[name]}" fill="none" stroke="{color}" stroke-width="1.6"/></svg>'
    )
    pixmap = QPixmap(SIZE * _SHARP)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg.encode())).render(painter)
    painter.end()
    return QIcon(pixmap)
