"""The pages of the documentation, read in a window of their own, without a network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, QUrl
from qtpy.QtGui import QDesktopServices, QTextCursor
from qtpy.QtWidgets import QTextBrowser

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

_INSTALLED = Path(__file__).resolve().parents[2] / "docs"
FOLDER = _INSTALLED if _INSTALLED.exists() else Path(__file__).resolve().parents[4] / "docs"
"""In the wheel beside the code, in a clone beside `src`."""
_SIZE = 720, 640  # pixels


class Guide(QTextBrowser):
    """Shows a page of the documentation; its links lead on to other pages."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowFlag(Qt.WindowType.Window)
        self.resize(*_SIZE)
        self.setOpenLinks(False)
        self.anchorClicked.connect(self._follow)
        self._page = ""

    def open(self, place: str) -> None:
        """Show a page, at a heading.

        Parameters
        ----------
        place
            Name of the page and, behind a #, of the part: "split.md#batch".
        """
        name, _, part = place.partition("#")
        self._page = name or self._page
        text = (FOLDER / self._page).read_text(encoding="utf-8")
        self.setMarkdown(readable(text))
        self.setWindowTitle(f"denoiSplit: {text.partition('# ')[2].partition(chr(10))[0]}")
        self.show()
        self.raise_()
        if heading := heading_of(part, text):
            self._go_to(heading)

    def _go_to(self, heading: str) -> None:
        """Bring a heading to the top; the same words may stand elsewhere, too."""
        block = self.document().begin()
        while block.isValid():
            if block.blockFormat().headingLevel() and _slug(block.text()) == _slug(heading):
                cursor = QTextCursor(block)
                end = QTextCursor.MoveOperation.EndOfBlock
                cursor.movePosition(end, QTextCursor.MoveMode.KeepAnchor)
                self.setTextCursor(cursor)
                place = self.document().documentLayout().blockBoundingRect(block)
                self.verticalScrollBar().setValue(round(place.top()))
                return
            block = block.next()

    def _follow(self, link: QUrl) -> None:
        if link.scheme():
            QDesktopServices.openUrl(link)
        else:
            self.open(link.toString())


def readable(text: str) -> str:
    """Turn what only the builder of the documentation knows into plain Markdown."""
    text = re.sub(r"^\(([\w-]+)\)=\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^!\[.*\]\(images/.*\)\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^(\S.*)\n: ", r"**\1**: ", text, flags=re.MULTILINE)


def heading_of(part: str, text: str) -> str:
    """Find the heading of a named part of a page; empty where there is none."""
    for name, heading in re.findall(r"^(?:\(([\w-]+)\)=\n)?#+ (.*)$", text, flags=re.MULTILINE):
        if part and part in (name, _slug(heading)):
            return str(heading)
    return ""


def _slug(heading: str) -> str:
    """Name of a heading in a link, as the builder of the documentation makes it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
