"""Take the film of the README: one click splits real cells; their samples; their sigma.

Run it where there is a display, or a virtual one (two minutes on two cores):

    xvfb-run -a -s "-screen 0 1280x720x24" python docs/film.py

It goes to docs/images/film.webp. What happens in the window is real; the waits are shortened, and
the pointer is drawn, for a picture of a window has none.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from PIL import Image as Picture
from PIL import ImageDraw
from qtpy.QtCore import QPoint
from qtpy.QtWidgets import QAbstractButton, QPushButton, QWidget
from screenshots import HERE, SAMPLES, Window

SHOWN = (960, 540)
QUALITY = 50  # of 100; the noise of the image costs most
ZOOM = 2.5  # the flicker of the samples is fine
ARROW = ((0, 0), (0, 20), (5, 16), (8, 23), (12, 21), (9, 15), (15, 14))


class Film:
    """Frames of a window, each with the time for which it is shown."""

    def __init__(self, window: Window, folder: Path) -> None:
        self.frames: list[Picture.Image] = []
        self.times: list[int] = []
        self._window = window
        self._file = folder / "frame.png"
        self._pointer = QPoint(window.frame.width() // 3, window.frame.height() // 2)

    def take(self, milliseconds: int) -> None:
        """Take one frame, with the pointer where it is."""
        self._window.frame.grab().save(str(self._file))
        with Picture.open(self._file) as taken:
            frame = taken.convert("RGB")
        x, y = self._pointer.x(), self._pointer.y()
        arrow = [(x + dx, y + dy) for dx, dy in ARROW]
        ImageDraw.Draw(frame).polygon(arrow, fill="white", outline="black")
        self.frames.append(frame.resize(SHOWN, Picture.Resampling.LANCZOS))
        self.times.append(milliseconds)

    def click(self, button: QAbstractButton) -> None:
        """Move the pointer to a button, and press it."""
        start, end = self._pointer, button.mapTo(self._window.frame, button.rect().center())
        for step in range(1, 6):
            self._pointer = start + (end - start) * step / 5
            self.take(50)
        self.take(200)
        button.click()

    def write(self, path: Path) -> None:
        """Write the frames as an animated WebP that begins anew at its end."""
        first, *more = self.frames
        first.save(
            path,
            save_all=True,
            append_images=more,
            duration=self.times,
            loop=0,
            quality=QUALITY,
            method=6,
        )


def play(film: Film, window: Window) -> None:
    """From a new window to sigma."""
    page = window.open("Split")
    page.settings["n_samples"].set_value(SAMPLES)
    window.wait(1)
    film.take(900)
    film.click(window.dock.beginning.button)
    window.wait_until(lambda: page.panel.is_running)
    while page.is_busy or page.panel.is_running:
        film.take(100)
        window.wait(2)
    window.wait(1)
    film.take(600)
    film.click(page.row.grid_button)
    window.wait(1)
    film.take(900)
    camera = getattr(
        window.viewer, "scene", window.viewer
    ).camera  # in the scene from napari 0.9 on
    camera.zoom *= ZOOM
    window.wait(0.5)
    film.take(400)
    film.click(named("Look at the answers", page.onward))
    window.wait(1)
    look(film, window)


def look(film: Film, window: Window) -> None:
    """Let the samples flicker, then show how far they lie apart."""
    samples = window.open("Samples")
    film.click(samples.show_button)
    for index in range(SAMPLES):
        samples.player.go(index)
        window.wait(0.5)
        film.take(200)
    film.click(samples.show_button)
    for layer in window.viewer.layers:
        layer.visible = " uncertainty" in layer.name
    window.wait(1)
    film.take(1500)


def named(text: str, parent: QWidget) -> QPushButton:
    """Find a button by its words."""
    return next(one for one in parent.findChildren(QPushButton) if one.text() == text)


def main() -> None:
    """Take the film."""
    with tempfile.TemporaryDirectory() as folder:
        window = Window(Path(folder), "dark")
        film = Film(window, Path(folder))
        play(film, window)
        window.viewer.close()
    film.write(HERE / "images" / "film.webp")
    print(f"{len(film.frames)} frames, {sum(film.times) / 1000:.1f} s")


if __name__ == "__main__":
    main()
