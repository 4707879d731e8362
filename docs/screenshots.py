"""Take the pictures of the documentation: real windows, real cells, a real training.

Run it where there is a display, or a virtual one (six minutes on two cores):

    xvfb-run -a -s "-screen 0 1280x720x24" python docs/screenshots.py [--theme light] [SCENE ...]

Pictures of the dark theme go to docs/images, beside what their pages show in a new window
(`pages.json`): a test compares that with the pages of today, and asks for new pictures. Those of
the light theme are to look at, and go to docs/_build.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
import numpy as np
import tifffile
from qtpy.QtCore import QPoint, QSettings, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QMainWindow,
    QWidget,
)
from scipy.ndimage import gaussian_filter

from napari_denoisplit.images.example.cells import MODEL, cells_to_split
from napari_denoisplit.widgets.dock.shell import DenoisplitDock
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS
from napari_denoisplit.widgets.parts.docked import open_page

if TYPE_CHECKING:
    from collections.abc import Callable

PLUGIN = "napari-denoisplit"
SIZE = (1280, 720)
SHOWN_EPOCHS = 3  # before a training is worth a picture
SAMPLES = 10
PATIENCE = 600  # seconds; a busy machine takes its time
HERE = Path(__file__).resolve().parent
PAGES = HERE / "images" / "pages.json"


class Window:
    """A napari window of the size of a small laptop's screen."""

    def __init__(self, folder: Path, theme: str) -> None:
        # Nothing of the last session is remembered, and nothing of this one is left.
        self._settings = tempfile.TemporaryDirectory()
        form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
        QSettings.setPath(form, scope, self._settings.name)
        self.viewer = napari.Viewer(show=False)
        self.viewer.theme = theme
        self.viewer.show()
        self.frame = next(
            widget
            for widget in QApplication.topLevelWidgets()
            if isinstance(widget, QMainWindow) and widget.isVisible()
        )
        self.frame.resize(*SIZE)
        self._folder = folder
        self.wait(1)

    def open(self, name: str) -> QWidget:
        """Open a page as the menu does."""
        page = open_page(self.viewer, name)
        self.wait(0.5)
        return page

    @property
    def dock(self) -> DenoisplitDock:
        """The place of the pages."""
        return self.frame.findChild(DenoisplitDock)

    def click(self) -> None:
        """Click into the left half of the canvas."""
        canvas = next(
            one for one in self.frame.findChildren(QWidget) if "Canvas" in type(one).__name__
        )
        place = QPoint(canvas.width() // 4, canvas.height() // 2)
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)

    def wait(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait_until(self, ready: Callable[[], bool], at_most: float = PATIENCE) -> None:
        """Let the window live until something has happened."""
        end = time.monotonic() + at_most
        while not ready():
            if time.monotonic() > end:
                sys.exit("gave up waiting")
            self.wait(0.1)

    def run(self, panel: QWidget) -> None:
        """Press the button of a job, and wait for its end."""
        panel.button.click()
        self.wait_until(lambda: not panel.is_busy)
        self.wait(1)

    def save(self, name: str) -> None:
        """Write a picture of the whole window."""
        self.wait(0.5)
        self.frame.grab().save(str(self._folder / f"{name}.png"))


def split_cells(window: Window) -> QWidget:
    """Split the cells that come along, with as many samples as are kept."""
    page = window.open("Split")
    page.settings["n_samples"].set_value(SAMPLES)
    window.dock.beginning.button.click()
    window.wait_until(lambda: not (page.is_busy or page.panel.is_running))
    window.wait(1)
    return page


def split(window: Window) -> None:
    """From an empty window to a split, its samples, and whether to trust it."""
    window.open("Split")
    window.save("begin")
    page = split_cells(window)
    page.row.grid_button.click()
    window.save("split")
    page.row.grid_button.click()
    samples(window)
    trust(window)


def samples(window: Window) -> None:
    """Look at the samples, and at those of one pixel."""
    page = window.open("Samples")
    page.show_button.click()
    page.view.layout_box.setCurrentText("side by side")
    window.wait(2)
    window.save("samples-side")
    page.measuring.switch.setChecked(True)
    window.wait(0.5)
    window.click()
    window.wait_until(lambda: page.measuring.plot.reading is not None)
    window.wait(1)
    window.save("samples-pixel")
    page.measuring.switch.setChecked(False)
    page.show_button.click()
    window.viewer.reset_view()


def trust(window: Window) -> None:
    """Judge the split by what it leaves unexplained, and show where structure stands out."""
    page = window.open("Trust")
    window.run(page.residual.panel)
    window.save("trust")
    page.mask.show_button.click()
    window.wait(1)
    window.save("trust-mask")
    for layer in window.viewer.layers:
        layer.visible = layer.name in ("cells", "unfamiliar · cells")
    window.wait(1)
    window.save("trust-unfamiliar")


def train(window: Window) -> None:
    """Train on other cells, until the curves are worth a picture."""
    page = window.open("Train")
    window.dock.beginning.button.click()
    window.wait(1)
    page.choices.how["preset"].set_value("tiny")
    with tempfile.TemporaryDirectory() as folder:
        page.target.save.set_path(Path(folder) / "cells.denoisplit")
        page.panel.button.click()
        window.wait_until(lambda: len(page.plot.curves.epoch) >= SHOWN_EPOCHS)
        window.wait(1)
        window.save("train")
        page.panel.button.click()
        window.wait_until(lambda: not page.panel.is_busy)


def lens(window: Window) -> None:
    """Split what is on screen."""
    viewer = window.viewer
    viewer.open_sample(PLUGIN, "cells")
    page = window.open("Split")
    page.open_model(MODEL)
    page.settings["n_samples"].set_value(SAMPLES)
    camera = getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on
    camera.zoom *= 1.6
    # The image stays visible around what is split.
    page.lens.switch.setChecked(True)
    window.wait_until(lambda: f"{SAMPLES} of {SAMPLES}" in page.lens.status.text())
    window.save("lens")


def batch(window: Window) -> None:
    """Split a folder of four crops of the cells."""
    pixels = cells_to_split()[0].data
    with tempfile.TemporaryDirectory() as folder:
        for number, (y, x) in enumerate(np.ndindex(2, 2), start=1):
            crop = pixels[y * 256 : y * 256 + 256, x * 256 : x * 256 + 256]
            tifffile.imwrite(f"{folder}/cells{number}.tif", crop)
        page = window.open("Batch")
        page.open_files([MODEL, Path(folder)])
        window.wait_until(lambda: not page.source.is_searching)
        page.settings["n_samples"].set_value(SAMPLES)
        window.run(page.panel)
        window.save("batch")


def calibrate(window: Window) -> None:
    """Calibrate the model on cells that it was trained on in part."""
    window.viewer.open_sample(PLUGIN, "cells_alone")
    page = window.open("Calibration")
    page.open_model(MODEL)
    page.settings["n_samples"].set_value(SAMPLES)
    window.run(page.panel)
    window.save("calibration")


def noise(window: Window) -> None:
    """Fit a noise model to repeats that are made up."""
    rng = np.random.default_rng(0)
    clean = gaussian_filter(cells_to_split()[1].data[0], 2)
    photons = rng.poisson(60 * (clean - clean.min()) / np.ptp(clean), (12, *clean.shape))
    repeats = 100 + 8 * photons + rng.normal(0, 4, photons.shape)
    window.viewer.add_image(
        repeats.astype(np.uint16), name="repeats", axis_labels=("time", "y", "x")
    )
    page = window.open("Noise model")
    window.wait(1)
    window.run(page.panel)
    window.save("noise")


SCENES = {scene.__name__: scene for scene in (split, train, lens, batch, calibrate, noise)}


def texts(page: QWidget) -> list[str]:
    """What stands on a page: words of labels and buttons, names of what is chosen and typed."""
    found = []
    for one in page.findChildren(QWidget):
        if not one.isVisibleTo(page):
            continue
        if isinstance(one, (QLabel, QAbstractButton)):
            found.append(one.text())
        elif isinstance(one, (QComboBox, QLineEdit, QAbstractSpinBox, QAbstractSlider)):
            found.append(one.accessibleName())
    return [text for text in found if text]


def main() -> None:
    """Take the pictures of some scenes in one theme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("scenes", nargs="*", choices=[[], *SCENES], default=[])
    arguments = parser.parse_args()
    folder = HERE / ("images" if arguments.theme == "dark" else "_build/light")
    folder.mkdir(parents=True, exist_ok=True)
    for name in arguments.scenes or SCENES:
        window = Window(folder, arguments.theme)
        SCENES[name](window)
        window.viewer.close()
    if arguments.theme == "dark":
        window = Window(folder, arguments.theme)
        shown = {name: texts(window.open(name)) for name in (*STEPS, *TOOLS)}
        PAGES.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        window.viewer.close()


if __name__ == "__main__":
    main()
