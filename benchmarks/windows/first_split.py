"""The first split of a newcomer: how many actions it takes, and how long after napari's start.

    xvfb-run -a -s "-screen 0 1280x720x24" python -m benchmarks.windows.first_split [example] [own]

An action is an entry of a menu, a press of a button, or a drop of files. `example` splits the cells
that come along; `own` trains on two files with a stain each, for half a minute in place of five,
and splits a third. Each part is a process of its own, whose start is that of the clock. Writes its
table between its marks in docs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks.document import keep, put_into_document

if TYPE_CHECKING:
    from collections.abc import Callable

TIMEOUT = 900
MINUTES = 0.5  # of the training
SIZE = (1280, 720)
FIRST = "nuclei · cells"  # the layer of a structure, of the sample and of the file alike
ROWS = {
    "example": "the cells that come along",
    "own": "an image of one's own, after a training on two of one's own",
}


class Newcomer:
    """Who has just started napari, and never acts but by menus, buttons and drops."""

    def __init__(self) -> None:
        import napari
        from qtpy.QtWidgets import QApplication, QMainWindow

        self.viewer = napari.Viewer()
        windows = QApplication.topLevelWidgets()
        self.window = next(x for x in windows if isinstance(x, QMainWindow) and x.isVisible())
        self.window.resize(*SIZE)
        self.actions: list[str] = []
        self.wait(lambda: True)

    def choose(self, *path: str) -> None:
        """Choose an entry of a menu."""
        entries = self.window.menuBar().actions()
        for name in path:
            entry = next(x for x in entries if x.text().replace("&", "").startswith(name))
            if entry.menu() is not None:
                entry.menu().aboutToShow.emit()  # napari fills it then
                entries = entry.menu().actions()
        entry.trigger()
        self._done(" > ".join(path))

    def press(self, text: str) -> None:
        """Press a button that is in sight."""
        from qtpy.QtWidgets import QPushButton

        buttons = self.window.findChildren(QPushButton)
        self.wait(lambda: any(_can_press(x, text) for x in buttons))
        next(x for x in buttons if _can_press(x, text)).click()
        self._done(text)

    def drop(self, *paths: Path) -> None:
        """Drop files on the page in front."""
        self.page.open_files(list(paths))
        self._done(f"drop {', '.join(path.name for path in paths)}")

    @property
    def page(self) -> Any:
        """The page in front."""
        from napari_denoisplit.widgets.dock.shell import DenoisplitDock

        return self.window.findChild(DenoisplitDock).stack.currentWidget()

    def _done(self, action: str) -> None:
        self.actions.append(action)
        self.wait(lambda: True)

    def wait(self, met: Callable[[], bool]) -> None:
        """Let the window live until something is so."""
        from qtpy.QtWidgets import QApplication

        end, met_at = time.monotonic() + TIMEOUT, None
        while met_at is None or time.monotonic() < met_at + 0.5:  # a newcomer looks first
            QApplication.processEvents()
            time.sleep(0.01)
            if met_at is None and met():
                met_at = time.monotonic()
            if time.monotonic() > end:
                raise TimeoutError(f"after {self.actions}")

    def seconds_to_split(self) -> tuple[float, float]:
        """Wait for a split; return when its first answer was shown, and when all were in.

        Seconds from the start of the process.
        """
        start, page = psutil.Process().create_time(), self.page
        self.wait(lambda: FIRST in self.viewer.layers)
        first = time.time() - start - 0.5
        self.wait(lambda: not (page.is_busy or page.panel.is_running))
        return first, time.time() - start - 0.5


def _can_press(button: Any, text: str) -> bool:
    return bool(button.text() == text and button.isVisible() and button.isEnabled())


def split_example(newcomer: Newcomer) -> tuple[float, float]:
    """Split the cells that come along."""
    newcomer.choose("Plugins", "Split structures")
    newcomer.press("Split example cells")
    return newcomer.seconds_to_split()


def split_own(newcomer: Newcomer) -> tuple[float, float]:
    """Train on two images, and split a third."""
    from napari_denoisplit import write_example

    with tempfile.TemporaryDirectory() as folder:
        files = {path.name: path for path in write_example(folder)}
        newcomer.choose("Layers", "Filter", "denoiSplit", "Train")
        # No actions: a newcomer waits five minutes, and saves where it is proposed.
        newcomer.page.choices.how["minutes"].set_value(MINUTES)
        newcomer.page.target.save.set_path(Path(folder) / "own.denoisplit")
        newcomer.drop(files["nuclei.ome.tif"], files["actin.ome.tif"])
        newcomer.press("Train")
        newcomer.press("Use in Split")
        newcomer.drop(files["cells.ome.tif"])
        newcomer.press("Split")
        return newcomer.seconds_to_split()


WAYS = {"example": split_example, "own": split_own}


def measure(part: str) -> dict[str, Any]:
    """Go one way, in this process."""
    from qtpy.QtCore import QSettings

    with tempfile.TemporaryDirectory() as settings:
        # Nothing of an earlier session is known.
        form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
        QSettings.setPath(form, scope, settings)
        newcomer = Newcomer()
        first, last = WAYS[part](newcomer)
        newcomer.viewer.close()
    return {"actions": newcomer.actions, "first": first, "last": last}


def main() -> None:
    if sys.argv[1:2] == ["--here"]:
        print(json.dumps(measure(sys.argv[2])))
        return
    found = {}
    for part in sys.argv[1:] or WAYS:
        command = [sys.executable, "-m", "benchmarks.windows.first_split", "--here", part]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        found[part] = json.loads(ended.stdout.splitlines()[-1])
        print(part, found[part], flush=True)
    lines = ["| split | actions | first answer (s) | all answers (s) |", "|---|---|---|---|"]
    for part, one in found.items():
        actions = "; ".join(one["actions"])
        row = f"{ROWS[part]} | {len(one['actions'])}: {actions}"
        lines.append(f"| {row} | {one['first']:.0f} | {one['last']:.0f} |")
    keep("first_split", found)
    put_into_document("first split", "\n".join(lines))


if __name__ == "__main__":
    main()
