"""The pictures of the documentation show the pages of today."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def screenshots(monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    import screenshots

    yield screenshots
    sys.modules.pop("screenshots")


def test_the_pages_are_those_of_the_pictures(viewer, dock, screenshots):
    shell = dock(viewer, screenshots.DenoisplitDock(viewer))
    pictured = json.loads(screenshots.PAGES.read_text(encoding="utf-8"))
    shown = {name: screenshots.texts(shell.show_page(name)) for name in pictured}
    assert shown == pictured, "run docs/screenshots.py, and look at the pictures"


def test_every_picture_of_the_documentation_is_taken_by_the_command(screenshots):
    script = Path(screenshots.__file__).read_text(encoding="utf-8")
    pictures = {path.stem for path in (DOCS / "images").glob("*.png")}
    taken = {name for name in pictures if f'window.save("{name}")' in script}
    assert {name for name in pictures - taken if not name.startswith("benchmark_")} == set()
