"""Every page of the dock leads to its page of the documentation, without a network."""

from __future__ import annotations

import re
import tomllib

import pytest
from qtpy.QtCore import QUrl

from napari_denoisplit.widgets.dock.guide import FOLDER, Guide, readable
from napari_denoisplit.widgets.dock.shell import DenoisplitDock
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS


@pytest.fixture
def shell(viewer, dock):
    return dock(viewer, DenoisplitDock(viewer))


def test_every_page_has_its_help(shell):
    for name, step in {**STEPS, **TOOLS}.items():
        shell.show_page(name)
        shell.guide_button.click()
        (guide,) = shell.findChildren(Guide)
        page, _, part = step.guide.partition("#")
        heading = (FOLDER / page).read_text(encoding="utf-8").partition("# ")[2].splitlines()[0]
        assert guide.isVisible()
        assert heading in guide.windowTitle()
        assert heading in guide.toPlainText()
        assert guide.textCursor().hasSelection() == bool(part)
        guide.close()


def test_links_lead_on_to_pages_and_parts(shell):
    guide = Guide(shell)
    guide.open("start.md")
    guide.anchorClicked.emit(QUrl("split.md#recordings"))
    assert guide.textCursor().selectedText() == "Recordings taken otherwise"
    guide.anchorClicked.emit(QUrl("#lens"))
    assert "split" in guide.windowTitle().lower()
    guide.close()


def test_every_link_to_a_part_brings_its_heading_to_the_top(shell):
    guide = Guide(shell)
    places = {
        (page or path.name, part)
        for path in FOLDER.glob("*.md")
        for page, part in re.findall(
            r"\]\(([\w-]+\.md)?#([\w-]+)\)", path.read_text(encoding="utf-8")
        )
    }
    assert len(places) > 50
    for page, part in sorted(places):
        guide.open("glossary.md")
        guide.open(f"{page}#{part}")
        cursor = guide.textCursor()
        assert cursor.hasSelection(), f"{page}#{part}"
        assert cursor.block().blockFormat().headingLevel() > 0, f"{page}#{part}"
        bar = guide.verticalScrollBar()
        assert guide.cursorRect().top() < 60 or bar.value() == bar.maximum(), f"{page}#{part}"
    guide.close()


def test_nothing_of_the_builder_is_left():
    text = readable("(part)=\n## Part\n\n![Picture](images/a.png)\n\nMMSE\n: The mean.\n")
    assert text == "## Part\n\n\n**MMSE**: The mean.\n"


def test_every_page_goes_into_the_wheel_with_those_it_links_to():
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))
    taken = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert all(place == f"napari_denoisplit/{page}" for page, place in taken.items())
    names = {page.removeprefix("docs/") for page in taken}
    linked = {
        link
        for name in names
        for link in re.findall(r"\]\(([\w-]+\.md)", (FOLDER / name).read_text(encoding="utf-8"))
    }
    assert linked <= names
    assert {step.guide.partition("#")[0] for step in {**STEPS, **TOOLS}.values()} <= names
