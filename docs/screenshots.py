"""Take the pictures of the documentation: real windows, a real training, a real split.

Run it where there is a display, or a virtual one:

    xvfb-run -a -s "-screen 0 1280x720x24" python docs/screenshots.py --minutes 3
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import napari
import numpy as np
import tifffile
from qtpy.QtWidgets import QApplication, QMainWindow, QWidget
from scipy.ndimage import gaussian_filter

from napari_denoisplit.widgets.parts.docked import open_page

PLUGIN = "napari-denoisplit"
SIZE = (1280, 720)
SHOWN_EPOCHS = 3  # before a training is worth a picture
PATIENCE = 1800  # seconds; a busy machine takes its time
HERE = Path(__file__).resolve().parent


class Window:
    """A napari window of the size of a small laptop's screen."""

    def __init__(self, folder: Path, theme: str) -> None:
        self.viewer = napari.Viewer(show=False)
        self.viewer.theme = theme
        self.viewer.show()
        self.frame = next(
            widget
            for widget in QApplication.topLevelWidgets()
            if isinstance(widget, QMainWindow) and widget.isVisible()
        )
        self.frame.resize(*SIZE)
        self._folder, self._theme = folder, theme
        self.wait(1)

    def open(self, name: str) -> QWidget:
        """Open a page as the menu does."""
        page = open_page(self.viewer, name)
        self.wait(0.5)
        return page

    def wait(self, seconds: float) -> None:
        """Let the window live for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.01)

    def wait_until(self, ready, at_most: float) -> None:
        """Let the window live until something has happened."""
        end = time.monotonic() + at_most
        while not ready():
            if time.monotonic() > end:
                sys.exit("gave up waiting")
            self.wait(0.1)

    def save(self, name: str) -> None:
        """Write a picture of the whole window."""
        self.wait(0.3)
        suffix = "" if self._theme == "dark" else f"-{self._theme}"
        self.frame.grab().save(str(self._folder / f"{name}{suffix}.png"))


def train(window: Window, model: Path, minutes: float) -> None:
    """Train on the sample channels, with a picture before, during and after."""
    window.viewer.open_sample(PLUGIN, "channels")
    widget = window.open("Train")
    widget.source.names.setText("filaments, pits")
    widget.choices.how["minutes"].set_value(minutes)
    widget.choices.how["preset"].set_value("tiny")
    widget.target.save.set_path(model)
    window.save("train-begin")
    widget.panel.button.click()
    window.wait_until(lambda: len(widget.plot.curves.epoch) >= SHOWN_EPOCHS, PATIENCE)
    window.wait(1)
    window.save("train")
    window.wait_until(lambda: not widget.panel.is_running, minutes * 60 + PATIENCE)
    window.save("train-end")


def split(window: Window, model: Path) -> None:
    """Split the sample mixture, with a picture before, during and after."""
    viewer = window.viewer
    viewer.open_sample(PLUGIN, "mixture")
    widget = window.open("Split")
    widget.open_model(model)
    widget.source.layer.layer = viewer.layers["superposition"]
    widget.settings["n_samples"].set_value(50)
    window.save("split-begin")
    widget.panel.button.click()
    window.wait_until(lambda: "pits · superposition" in viewer.layers, PATIENCE)
    window.wait(1)
    window.save("split-during")
    window.wait_until(lambda: not (widget.panel.is_running or widget.is_busy), PATIENCE)
    window.save("split-end")
    side_by_side(window)


def lens(window: Window, model: Path) -> None:
    """Split what is on screen of the sample mixture."""
    viewer = window.viewer
    viewer.open_sample(PLUGIN, "mixture")
    for layer in list(viewer.layers):
        if layer.name != "superposition":
            viewer.layers.remove(layer)
            window.wait(0.3)
    widget = window.open("Split")
    widget.open_model(model)
    widget.settings["n_samples"].set_value(20)
    window.wait(2)
    # The image stays visible around what is split.
    widget.lens.switch.setChecked(True)
    window.wait_until(lambda: "20 of 20" in widget.lens.status.text(), PATIENCE)
    camera = getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on
    camera.zoom *= 2
    window.wait(0.5)
    window.wait_until(lambda: "20 of 20" in widget.lens.status.text(), PATIENCE)
    window.save("lens")


def batch(window: Window, model: Path) -> None:
    """Split a folder of crops of the sample mixture, with a picture while it runs and after."""
    window.viewer.open_sample(PLUGIN, "mixture")
    pixels = np.asarray(window.viewer.layers["superposition"].data)
    with tempfile.TemporaryDirectory() as folder:
        for number, (y, x) in enumerate(np.ndindex(2, 2), start=1):
            crop = pixels[y * 256 : y * 256 + 256, x * 256 : x * 256 + 256]
            tifffile.imwrite(f"{folder}/cell{number}.tif", crop)
        widget = window.open("Batch")
        widget.open_files([model, Path(folder)])
        window.wait_until(lambda: not widget.source.is_searching, PATIENCE)
        widget.settings["n_samples"].set_value(10)
        window.wait(2)
        widget.panel.button.click()
        window.wait(3)
        window.save("batch")
        window.wait_until(lambda: not widget.panel.is_running, PATIENCE)
        window.wait(1)
        window.save("batch-end")


def calibrate(window: Window, model: Path) -> None:
    """Calibrate the model on the part of the sample channels that it was not trained on."""
    window.viewer.open_sample(PLUGIN, "channels")
    widget = window.open("Calibration")
    widget.open_model(model)
    widget.settings["n_samples"].set_value(50)
    window.save("calibration-begin")
    widget.panel.button.click()
    window.wait_until(lambda: not widget.panel.is_running, PATIENCE)
    window.wait(1)
    window.save("calibration")
    for page in ("coverage", "fewer samples"):
        widget.plot.turn_to(page)
        window.wait(0.5)
        window.save(f"calibration-{page.split()[0]}")


def fit_noise(window: Window) -> None:
    """Fit a noise model to repeats of the sample mixture, with a picture of each plot."""
    viewer = window.viewer
    rng = np.random.default_rng(0)
    viewer.open_sample(PLUGIN, "mixture")
    clean = np.asarray(viewer.layers[0].data, dtype=np.float32)
    clean = gaussian_filter(clean, 2)
    photons = rng.poisson(60 * (clean - clean.min()) / np.ptp(clean), (12, *clean.shape))
    repeats = 100 + 8 * photons + rng.normal(0, 4, photons.shape)
    viewer.layers.clear()
    viewer.add_image(repeats.astype(np.uint16), name="repeats", axis_labels=("time", "y", "x"))
    widget = window.open("Noise model")
    window.wait(1)
    window.save("noise-begin")
    widget.panel.button.click()
    window.wait_until(lambda: not widget.panel.is_running, PATIENCE)
    window.wait(1)
    window.save("noise")
    for page in ("pixels of one signal", "variance and mean", "PIT, QQ, neighbours"):
        widget.plot.turn_to(page)
        window.wait(0.5)
        window.save(f"noise-{page.split()[0].strip(',').lower()}")


def side_by_side(window: Window) -> None:
    """Show the superposition and its two structures next to each other."""
    viewer = window.viewer
    shown = ("superposition", "pits · superposition", "filaments · superposition")
    for layer in list(viewer.layers):
        if layer.name not in shown:
            viewer.layers.remove(layer)
    for layer in viewer.layers:
        layer.visible = True
    grid = getattr(viewer, "canvas", viewer).grid  # of the canvas from napari 0.9 on
    grid.shape = (1, 3)
    grid.enabled = True
    viewer.reset_view()
    window.wait(0.5)
    window.save("split")


def main() -> None:
    """Take every picture in one theme."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--minutes", type=float, default=3, help="of training")
    parser.add_argument(
        "--of",
        choices=("noise", "split", "lens", "batch"),
        nargs="+",
        default=("noise", "split", "lens", "batch"),
    )
    parser.add_argument("--model", type=Path, help="of the phantom, where 'split' trains none")
    parser.add_argument("--output", type=Path, default=HERE / "images")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model = arguments.model or Path(folder) / "phantom.denoisplit"
        scenes = {
            "noise": [fit_noise],
            "split": [
                lambda window: train(window, model, arguments.minutes),
                lambda window: split(window, model),
                lambda window: calibrate(window, model),
            ],
            "lens": [lambda window: lens(window, model)],
            "batch": [lambda window: batch(window, model)],
        }
        for name in arguments.of:
            for scene in scenes[name]:
                window = Window(arguments.output, arguments.theme)
                scene(window)
                window.viewer.close()


if __name__ == "__main__":
    main()
