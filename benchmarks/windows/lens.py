"""The lens in a real napari window: how soon a view is split, and whether the window stays free.

    xvfb-run -a -s "-screen 0 1280x720x24" python -m benchmarks.windows.lens [MODEL ...]

Each model is one trained with the preset 'fast' on a data set of the quality benchmark; its name
begins with that of the data set. Where none is named, they are those that the quality benchmark has
left behind. The widget is driven as a user does: the view moves, and the clock runs until the
window has painted a sample of everything in view. Writes its table between its marks in docs.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QEventLoop, QTimer

from benchmarks.data_sets import DATA_SETS
from benchmarks.document import keep, put_into_document
from benchmarks.quality.training import OUTPUT
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.sampling.focus import LARGEST_VIEW, Focus
from napari_denoisplit.sampling.patchwork import Patchwork
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets import SplitWidget
from napari_denoisplit.widgets.layers.view import view_of

VIEW = 512
SIZE = 2048
N_STEPS = 8
N_MOVES = 20
REST = 0.4  # seconds between two moves, during which the lens refines
TIMEOUT = 20
BEAT_MS = 10


class Window:
    """A viewer of a stack with the lens switched on."""

    def __init__(self, model: Path, plane: np.ndarray) -> None:
        rng = np.random.default_rng(0)
        large = np.tile(plane, [-(-SIZE // n) for n in plane.shape])[:SIZE, :SIZE]
        shifts = rng.integers(SIZE, size=(N_STEPS, 2))
        stack = np.stack([np.roll(large, shift, (0, 1)) for shift in shifts])
        self.viewer = napari.Viewer()
        self.image = self.viewer.add_image(stack, name="cells", axis_labels=("time", "y", "x"))
        self.widget = SplitWidget(self.viewer)
        self.viewer.window.add_dock_widget(self.widget, name="Split")
        self.widget.open_model(model)
        self.beats: list[float] = []
        self.painted: float | None = 0.0
        self.target: Focus | None = None
        self._timer = QTimer()
        self._timer.setInterval(BEAT_MS)
        self._timer.timeout.connect(lambda: self.beats.append(time.perf_counter()))
        self._timer.start()
        window = self.viewer.window._qt_viewer  # noqa: SLF001 - there is no public way to it
        window.canvas._scene_canvas.events.draw.connect(self._on_paint, position="last")  # noqa: SLF001
        self.wait(1)

    def wait(self, seconds: float) -> None:
        """Let the window live."""
        self._loop = QEventLoop()
        timer = QTimer()
        timer.setSingleShot(True)
        timer.timeout.connect(self._loop.quit)
        timer.start(round(1000 * seconds))
        self._loop.exec()

    def fit_canvas(self) -> None:
        """Make the canvas square, so that a view has as many columns as rows."""
        window = self.viewer.window._qt_window  # noqa: SLF001
        window.resize(1280, 720)
        self.wait(0.5)
        height, width = self.viewer.canvas.size
        window.resize(1280 - (width - height), 720)
        self.wait(0.5)

    def seconds_to_sample(self, step: int, y: float, x: float, size: int = VIEW) -> float:
        """Go there and wait until the window has painted a sample of everything in view."""
        camera = self.viewer.scene.camera
        self.painted = None
        start = time.perf_counter()
        camera.zoom = min(self.viewer.canvas.size) / size
        camera.center = (0.0, y, x)
        self.viewer.dims.set_point(0, step)
        self.target = view_of(self.viewer, self.image, "TYX")
        self.wait(TIMEOUT)
        if self.painted is None:
            raise TimeoutError(self.widget.lens.status.text())
        return self.painted - start

    def blocked(self, since: float) -> float:
        """Longest time between two beats of the window, seconds."""
        return float(np.diff([beat for beat in self.beats if beat > since]).max())

    def _on_paint(self, event: object) -> None:
        if self.painted is None and self._shows_target():
            self.painted = time.perf_counter()
            self._loop.quit()

    def _shows_target(self) -> bool:
        layers = [x for x in self.viewer.layers if " lens · " in x.name]
        if self.target is None or not layers:
            return False
        target = self.target.within(SIZE, SIZE, LARGEST_VIEW)
        for layer in layers:
            note = layer.metadata["denoisplit"]
            (y0, y1), (x0, x1) = note["rows"], note["columns"]
            if (
                tuple(note["plane"]) != target.plane
                or note["samples_drawn"] < 1
                or not (y0 <= target.y[0] <= target.y[1] <= y1)
                or not (x0 <= target.x[0] <= target.x[1] <= x1)
            ):
                return False
        return True


def moves(rng: np.random.Generator) -> dict[str, list[tuple[int, float, float]]]:
    """Step, row and column of the middle of each view, by the kind of move that leads there."""
    walk = [(0, SIZE / 2, SIZE / 2)]
    for _ in range(N_MOVES):
        angle, (_, y, x) = rng.uniform(0, 2 * np.pi), walk[-1]
        y, x = y + VIEW / 4 * np.sin(angle), x + VIEW / 4 * np.cos(angle)
        walk.append((0, *(float(np.clip(at, VIEW, SIZE - VIEW)) for at in (y, x))))
    jumps = [(1, *map(float, rng.uniform(VIEW, SIZE - VIEW, 2))) for _ in range(N_MOVES)]
    y, x = SIZE / 2 + 7, SIZE / 2 + 21
    steps = [(t % N_STEPS, y + 300 * (t // N_STEPS), x) for t in range(N_MOVES)]
    return {
        "pan by a quarter of the view": walk,
        "jump elsewhere": jumps,
        "step through T": steps,
        "back to an earlier view": walk[-1:] + walk[-2:0:-1],
    }


def measure(model: Path, plane: np.ndarray) -> dict[str, dict[str, float]]:
    """Seconds of every kind of move, after one to warm up."""
    window = Window(model, plane)
    window.fit_canvas()
    start = time.perf_counter()
    window.widget.lens.switch.setChecked(True)
    seconds = window.seconds_to_sample(0, 700, 700)
    window.wait(1)  # sigma comes with the second sample
    blocked = window.blocked(start)
    found = {"switch on, torch already imported": {"median": seconds, "blocked": blocked}}
    for name, places in moves(np.random.default_rng(1)).items():
        window.seconds_to_sample(*places[0])
        window.wait(1)
        seconds, start = [], time.perf_counter()
        for place in places[1:]:
            seconds.append(window.seconds_to_sample(*place))
            window.wait(REST)
        found[name] = {
            "median": float(np.median(seconds)),
            "worst": max(seconds),
            "blocked": window.blocked(start),
        }
    window.wait(1)
    start = time.perf_counter()
    window.wait(5)
    found["at rest, refining"] = {"blocked": window.blocked(start)}
    window.widget.lens.close_session()
    window.wait(1)
    found[f"a split of {SIZE} x {SIZE} to disk, from click to end"] = split_to_disk(window)
    window.viewer.close()
    return found


def split_to_disk(window: Window) -> dict[str, float]:
    """Longest block of the window while a plane is split to disk, its end included."""
    widget = window.widget
    widget.source.layer.layer = window.viewer.add_image(window.image.data[0], name="plane")
    widget.settings["n_samples"].set_value(2)
    widget.where.choice.choose("temporary")
    window.wait(1)
    start = time.perf_counter()
    widget.panel.button.click()
    while widget.is_busy:
        window.wait(0.2)
    window.wait(1)
    return {"blocked": window.blocked(start)}


def difference(model: Path, plane: np.ndarray) -> dict[str, float]:
    """Lens against a split of the whole image, in parts of sigma; both in float32."""
    loaded = load_model(model)
    image = Image(np.ascontiguousarray(plane[:VIEW, :VIEW]), "YX")
    settings = SplitSettings(n_samples=6, keep_samples=0, precision="float32", device="cpu")
    whole = run(split_job(loaded, image, settings))
    network = sampler_of(loaded.network, Compute.choose("cpu", "float32"))
    work = Patchwork(network, loaded.header.normalization, image, settings, memory=2**30)
    middle = (VIEW // 2 - 64, VIEW // 2 + 64)
    view = Focus((), middle, middle)
    while (step := work.next_step(view)) is not None:
        work.draw(step)
    picture = work.picture(view)
    place = (slice(None), slice(*picture.y), slice(*picture.x))
    sigma = np.median(whole.sigma.data, axis=(1, 2))[:, None, None]
    off = np.abs(picture.mmse - whole.mmse.data[place]) / sigma
    return {
        "root mean square": float(np.sqrt((off**2).mean())),
        "99.9th percentile": float(np.percentile(off, 99.9)),
        "largest": float(off.max()),
    }


def table(found: dict[str, dict[str, float]], differences: dict[str, dict[str, float]]) -> str:
    """Both tables as text."""

    def cell(row: dict[str, float], key: str) -> str:
        return f"{row[key]:.2f}" if key in row else ""

    lines = [
        "| | median (s) | worst (s) | window blocked at most (s) |",
        "|---|---|---|---|",
        *(
            f"| {name} | {cell(row, 'median')} | {cell(row, 'worst')} | {cell(row, 'blocked')} |"
            for name, row in found.items()
        ),
        "",
        "| lens against the whole split, MMSE of 6 samples | " + " | ".join(differences) + " |",
        "|---" * (len(differences) + 1) + "|",
    ]
    for what in next(iter(differences.values())):
        row = " | ".join(f"{values[what]:.4f}" for values in differences.values())
        lines.append(f"| {what} | {row} |")
    return "\n".join(lines)


def main() -> None:
    paths = [Path(word) for word in sys.argv[1:]] or sorted(
        OUTPUT.glob("?_denoisplit_0.denoisplit")
    )
    models = {path.name.split("_")[0]: path for path in paths}
    if not models:
        sys.exit(f"No model of the quality benchmark in {OUTPUT}: run it first, or name a model.")
    planes = {name: np.asarray(DATA_SETS[name]().superposition.data, np.float32) for name in models}
    first = next(iter(models))
    found = measure(models[first], planes[first])
    differences = {name: difference(models[name], planes[name]) for name in models}
    text = table(found, differences)
    print(text)
    keep("lens", {"moves": found, "differences": differences})
    put_into_document("lens", text)


if __name__ == "__main__":
    main()
