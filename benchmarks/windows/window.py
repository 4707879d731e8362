"""A napari window at work: how soon Stop ends a job, how long it is blocked, what splits leave.

    xvfb-run -a -s "-screen 0 1280x720x24" \
        python -m benchmarks.windows.window [stop] [blocked] [stalls] [memory]

Each part by its name, all without one. The widgets are driven as a user does, on phantoms,
and with a model that is trained for half a minute. Writes its tables between their marks in docs.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
import numpy as np
import psutil
from napari.layers import Layer
from qtpy.QtCore import QEventLoop, QTimer

from benchmarks.document import keep, put_into_document
from napari_denoisplit.events import run
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import TrainSettings
from napari_denoisplit.widgets import (
    BatchWidget,
    CalibrationWidget,
    DenoiseWidget,
    NoiseWidget,
    SplitWidget,
    TrainWidget,
    TrustWidget,
)

if TYPE_CHECKING:
    from collections.abc import Callable

EDGE = 512
INPUTS = ("a", "b", "cells")
N_SAMPLES = 20
N_SPLITS = 60
LONG = 10
"""Minutes of a training whose every block is looked at."""
BEAT_MS = 5
TIMEOUT = 300


class Window:
    """A viewer with two noisy structures and their superposition."""

    def __init__(self, folder: Path) -> None:
        noisy = add_noise(phantom((EDGE, EDGE), seed=1), gaussian=0.5, seed=1)
        self.folder, self.model = folder, folder / "phantom.denoisplit"
        if not self.model.exists():
            fields = TrainingFields.from_images([Image(noisy, "CYX", channel_names=("a", "b"))])
            run(train_job(fields, TrainSettings(preset="fast", minutes=0.5), path=self.model))
        self.viewer = napari.Viewer()
        for name, data in zip(("a", "b"), noisy, strict=True):
            self.viewer.add_image(data, name=name)
        self.viewer.add_image(superpose(noisy, (0.5, 0.5)), name="cells")
        self.beats: list[float] = []
        self._timer = QTimer()
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(lambda: self.beats.append(time.perf_counter()))
        self._timer.start()
        self.wait(1)

    def open(self, kind: type) -> Any:
        """Open a widget as the only one."""
        self.viewer.window.remove_dock_widget("all")
        widget = kind(self.viewer)
        self.viewer.window.add_dock_widget(widget, name=kind.__name__)
        return widget

    def wait(self, seconds: float) -> None:
        """Let the window live."""
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    def until(self, met: Callable[[], bool]) -> float:
        """Let the window live until something is so; return how many seconds it took."""
        start = time.perf_counter()
        while not met():
            if time.perf_counter() - start > TIMEOUT:
                raise TimeoutError
            self.wait(0.02)
        return time.perf_counter() - start

    def gaps(self, since: float) -> np.ndarray:
        """Return the times without a beat, ms."""
        return 1000 * np.diff([beat for beat in self.beats if beat > since])

    def longest_gap(self, since: float) -> float:
        """Return the longest time without a beat, ms."""
        return float(self.gaps(since).max())

    def remove_results(self) -> None:
        """Remove all layers but the three images."""
        for layer in [x for x in self.viewer.layers if x.name not in INPUTS]:
            self.viewer.layers.remove(layer)
            self.wait(0.05)


def splitting(window: Window, n_samples: int, place: str = "memory") -> Any:
    """Return the Split widget, ready for the click."""
    widget = window.open(SplitWidget)
    widget.open_model(window.model)
    widget.source.layer.layer = window.viewer.layers["cells"]
    widget.settings["n_samples"].set_value(n_samples)
    widget.where.choice.choose(place)
    return widget


def training(window: Window) -> Any:
    """Return the Train widget, ready for the click."""
    widget = window.open(TrainWidget)
    widget.choices.how["preset"].set_value("fast")
    widget.target.save.set_path(window.folder / f"{len(list(window.folder.iterdir()))}.denoisplit")
    return widget


def noise_fitting(window: Window) -> Any:
    """Return the Noise model widget, ready for the click: noisy images alone, and a denoiser."""
    widget = window.open(NoiseWidget)
    widget.source.source.setCurrentIndex(widget.source.source.findData("bootstrap"))
    widget.settings["kind"].set_value("gaussian_mixture")
    return widget


def denoising(window: Window) -> Any:
    """Return the Denoise widget, ready for the click."""
    return window.open(DenoiseWidget)


def calibrating(window: Window) -> Any:
    """Return the Calibrate widget, ready for the click."""
    widget = window.open(CalibrationWidget)
    widget.open_model(window.model)
    widget.settings["n_samples"].set_value(1000)
    return widget


def splitting_files(window: Window) -> Any:
    """Return the Batch widget, ready for the click."""
    folder = window.folder / "images"
    for name in "12":
        if not (folder / f"{name}.tif").exists():
            write_image(folder / f"{name}.tif", Image(window.viewer.layers["cells"].data, "YX"))
    widget = window.open(BatchWidget)
    widget.open_model(window.model)
    widget.settings["n_samples"].set_value(1000)
    widget.source.choose([folder])
    window.until(lambda: not widget.is_busy)
    return widget


def checking(window: Window) -> Any:
    """Return the part of Trust that checks the residual, ready for the click."""
    split = splitting(window, 4)
    split.panel.button.click()
    window.until(lambda: not split.is_busy)
    return window.open(TrustWidget).residual


def stop_latencies(window: Window) -> dict[str, tuple[float, float]]:
    """Seconds from the click on Stop to the end, and until what came of it is shown.

    Each job is stopped twice: early and at work.
    """
    jobs: dict[str, Callable[[Window], Any]] = {
        "a split": lambda window: splitting(window, 1000),
        "a split to disk": lambda window: splitting(window, 1000, "temporary"),
        "a training": training,
        "the fit of a noise model": noise_fitting,
        "denoising": denoising,
        "a calibration": calibrating,
        "a folder of images": splitting_files,
        "a check of the residual": checking,
    }
    found = {}
    for name, make in jobs.items():
        for moment, seconds in (("after 3 s", 3), ("after 12 s", 12)):
            widget = make(window)
            widget.panel.button.click()
            window.wait(seconds)
            stage = widget.panel.stage.text()
            if not widget.panel.is_running:
                print(name, moment, "ended before:", widget.panel.status.text(), flush=True)
                continue
            widget.panel.button.click()
            ended = window.until(lambda widget=widget: not widget.panel.is_running)
            shown = ended + window.until(lambda widget=widget: not widget.panel.is_busy)
            found[f"{name}, {moment}"] = ended, shown
            print(name, moment, ended, shown, stage, widget.panel.status.text(), flush=True)
            window.remove_results()
    return found


def adding_alone(window: Window) -> float:
    """Longest block, ms, while napari adds the layers of a split once more, without our pages."""
    made = [x.as_layer_data_tuple() for x in window.viewer.layers if x.name not in INPUTS]
    window.viewer.window.remove_dock_widget("all")
    window.remove_results()
    window.wait(1)
    start = time.perf_counter()
    for data, keywords, kind in made:
        window.viewer.add_layer(Layer.create(data, keywords, kind))
        window.wait(0.05)
    window.wait(1)
    return window.longest_gap(start)


def collecting() -> float:
    """How long Python takes to look for garbage once, ms."""
    start = time.perf_counter()
    gc.collect()
    return 1000 * (time.perf_counter() - start)


def blocked(window: Window) -> dict[str, float]:
    """Longest time in which the window handles no event, ms, beside what is not ours of it."""
    found = {}
    start = time.perf_counter()
    for step in range(10):
        window.viewer.camera.center = (0, EDGE / 2 + step, EDGE / 2)
        window.wait(1)
    found["nothing runs, the view moves"] = window.longest_gap(start)
    for name, make, seconds in (
        ("a training of 30 s", training, 30),
        (f"a split of {N_SAMPLES} samples", partial(splitting, n_samples=N_SAMPLES), TIMEOUT),
    ):
        window.remove_results()
        widget = make(window)
        window.wait(2)
        start = time.perf_counter()
        widget.panel.button.click()
        deadline = start + seconds
        window.until(
            lambda widget=widget, deadline=deadline: (
                not widget.panel.is_busy or time.perf_counter() > deadline
            )
        )
        window.wait(2)
        found[name] = window.longest_gap(start)
        widget.panel.stop()
        window.until(lambda widget=widget: not widget.panel.is_busy)
    found["napari alone adds the layers of that split"] = adding_alone(window)
    found["Python alone looks for garbage"] = collecting()
    window.remove_results()
    return found


def stalls(window: Window) -> dict[str, tuple[float, float, float]]:
    """Gaps between beats, ms: the time of which they fill 99 %, 99.9 %, and the longest."""

    def told(start: float) -> tuple[float, float, float]:
        gaps = np.sort(window.gaps(start))
        # By time, not by number: short gaps are many, and a user waits in long ones.
        filled = np.cumsum(gaps) / gaps.sum()
        at = (float(gaps[np.searchsorted(filled, share)]) for share in (0.99, 0.999))
        return (*at, float(gaps[-1]))

    start = time.perf_counter()
    window.wait(30)
    found = {"nothing runs, 30 s": told(start)}
    widget = training(window)
    widget.choices.how["minutes"].set_value(LONG)
    window.wait(2)
    start = time.perf_counter()
    widget.panel.button.click()
    while widget.panel.is_busy:
        window.wait(1)
    found[f"a training of {LONG} minutes"] = told(start)
    window.remove_results()
    return found


def memory(window: Window) -> dict[int, float]:
    """MiB that the process takes after so many splits, their layers removed each time."""
    widget, found = splitting(window, 4), {}
    widget.more["grey_levels"].set_value("kept")  # to look for them takes longer than the split
    for number in range(1, N_SPLITS + 1):
        widget.panel.button.click()
        window.until(lambda: not widget.is_busy)
        window.remove_results()
        gc.collect()
        if number in (1, 5) or number % 20 == 0:
            found[number] = psutil.Process().memory_info().rss / 2**20
            print(number, found[number], flush=True)
    return found


PARTS: dict[str, tuple[Callable[[Window], dict[Any, Any]], str, str]] = {
    "stop": (stop_latencies, "stopped", "seconds to the end | seconds until all is shown"),
    "blocked": (blocked, "while", "longest block (ms)"),
    "stalls": (
        stalls,
        "while",
        "99 % of the time in blocks below (ms) | 99.9 % | longest block (ms)",
    ),
    "memory": (memory, "splits", "MiB"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        window = Window(Path(folder))
        for part in sys.argv[1:] or PARTS:
            measure, what, unit = PARTS[part]
            found = measure(window)
            rows = {name: np.atleast_1d(value) for name, value in found.items()}
            cells = [
                f"| {name} | {' | '.join(f'{v:.4g}' for v in row)} |" for name, row in rows.items()
            ]
            head = f"| {what} | {unit} |"
            text = "\n".join([head, "|---" * (head.count("|") - 1) + "|", *cells])
            print(text, flush=True)
            keep(f"window_{part}", found)
            put_into_document(f"window {part}", text)
        window.viewer.close()


if __name__ == "__main__":
    main()
