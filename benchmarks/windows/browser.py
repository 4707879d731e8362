"""The browser of samples in a real window: frames a second, longest block of the window, memory.

    xvfb-run -a -s "-screen 0 1280x720x24" python -m benchmarks.windows.browser [--edge 1024]

Each case is a process of its own: 50 samples of 2 x EDGE x EDGE in memory, the same as differences
to the MMSE, napari's own slider over the same layers for comparison, and 2 x EDGE x EDGE samples in
a compressed Zarr stack larger than the memory of the machine, whose chunks repeat a few pictures so
that it fits on a disk (and into the system's cache: what is measured is reading and unpacking, not
the disk). A block is the time in which the window handles no event. Writes its table between its
marks in docs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from benchmarks.document import keep, put_into_document

SECONDS = 10
FASTEST = 60  # samples a second that are asked for
N_SAMPLES = 50
PICTURES = 6  # different chunks of the stack on disk
CASES = {
    "memory": "in memory",
    "difference": "in memory, difference to the MMSE, side by side",
    "slider": "in memory, napari's own slider, for comparison",
    "disk": "on disk, larger than memory",
}
GIB = 2**30


def picture(seed: int, edge: int) -> np.ndarray:
    """Blobs that differ a little from seed to seed."""
    from scipy.ndimage import gaussian_filter

    same, own = np.random.default_rng(0), np.random.default_rng(seed)
    image = gaussian_filter(same.normal(size=(edge, edge)).astype("f4"), 3) * 2000
    return image + gaussian_filter(own.normal(size=(edge, edge)).astype("f4"), 2) * 200


def stack_on_disk(folder: Path, edge: int):
    """Zarr array (K, Y, X) larger than memory: its chunks are links to a few files."""
    import zarr

    frame = edge * edge * 4
    n_samples = int(1.2 * psutil.virtual_memory().total / frame / 2)
    array = zarr.create_array(
        folder, shape=(n_samples, edge, edge), chunks=(1, edge, edge), dtype="f4", overwrite=True
    )
    for number in range(PICTURES):
        array[number] = picture(number, edge)
    chunks = folder / "c"
    for number in range(PICTURES, n_samples):
        target = chunks / str(number) / "0"
        target.mkdir(parents=True)
        os.link(chunks / str(number % PICTURES) / "0" / "0", target / "0")
    return array


def open_case(case: str, edge: int, folder: Path):
    """Open a viewer with the samples of two structures."""
    import dask.array
    import napari

    viewer = napari.Viewer(show=False)
    viewer.show()
    viewer.window._qt_window.resize(1280, 720)  # noqa: SLF001
    for channel in (1, 0):
        if case == "disk":
            data = dask.array.from_zarr(stack_on_disk(folder / str(channel), edge))
        else:
            data = np.stack([picture(k + 100 * channel, edge) for k in range(N_SAMPLES)])
        own = {"input": "bench", "structure": "ab"[channel], "channel": channel}
        for kind in ("samples", *(["MMSE"] if case != "disk" else [])):
            viewer.add_image(
                data if kind == "samples" else data.mean(axis=0),
                name=f"{channel} {kind}",
                axis_labels=("sample", "y", "x")[kind == "MMSE" :],
                contrast_limits=(-300, 600),
                colormap=("bop orange", "bop blue")[channel],
                blending="additive",
                visible=case == "slider",
                metadata={"denoisplit": {**own, "kind": kind}},
            )
    return viewer


class Peak(threading.Thread):
    """Highest memory of this process while it runs."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes, self.ended = 0, False

    def run(self) -> None:
        """Look now and then."""
        process = psutil.Process()
        while not self.ended:
            self.bytes = max(self.bytes, process.memory_info().rss)
            time.sleep(0.02)


def run_case(case: str, edge: int, folder: Path) -> dict:
    """Play for a while and look at the clock after each event."""
    from qtpy.QtCore import QTimer
    from qtpy.QtWidgets import QApplication

    viewer = open_case(case, edge, folder)
    app = QApplication.instance()
    from napari_denoisplit.widgets.samples.widget import SamplesWidget

    widget = SamplesWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Samples")
    shown, beats, drawn = [], [], []
    canvas = viewer.window._qt_viewer.canvas._scene_canvas  # noqa: SLF001
    canvas.events.draw.connect(lambda event: drawn.append(time.perf_counter()))
    beat = QTimer()
    beat.setInterval(1)
    beat.timeout.connect(lambda: beats.append(time.perf_counter()))

    def wait(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            app.processEvents()

    wait(1)
    before = psutil.Process().memory_info().rss
    peak = Peak()
    peak.start()
    if case == "slider":
        step = QTimer()
        step.setInterval(round(1000 / FASTEST))
        step.timeout.connect(lambda: viewer.dims.set_current_step(0, len(shown) % N_SAMPLES))
        step.timeout.connect(lambda: shown.append(time.perf_counter()))
    else:
        widget.transport.settings["speed"].set_value(FASTEST)
        widget.show_button.click()
        if case == "difference":
            widget.view.what = "difference"
        widget.player.moved.connect(lambda _: shown.append(time.perf_counter()))
    wait(2)
    (step.start if case == "slider" else widget.player.play)()
    wait(1)
    shown.clear(), drawn.clear(), beats.clear()
    beat.start()
    wait(SECONDS)
    (step.stop if case == "slider" else widget.player.pause)()
    result = {
        "case": case,
        "edge": edge,
        "samples": int(viewer.dims.range[0].stop) + 1,
        "frames": min(len(shown), len(drawn)) / SECONDS,
        "longest_block_ms": 1000 * float(np.diff(beats).max()),
        "block_p99_ms": 1000 * float(np.percentile(np.diff(beats), 99)),
        "memory_gib": (peak.bytes - before) / GIB,
        "stack_gib": 2 * 4 * edge * edge * (int(viewer.dims.range[0].stop) + 1) / GIB,
    }
    peak.ended = True
    return result


def table(results: list[dict]) -> str:
    """Markdown."""
    lines = [
        "| samples | K | GiB | frames per second | longest block (ms) | 99 % of blocks below (ms) "
        "| memory used for it (GiB) |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {CASES[r['case']]} | {r['samples']} | {r['stack_gib']:.2g} | {r['frames']:.0f} "
        f"| {r['longest_block_ms']:.0f} | {r['block_p99_ms']:.0f} | {r['memory_gib']:.2f} |"
        for r in results
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=int, default=1024)
    parser.add_argument("--case", choices=CASES, help="only this one, its numbers on stdout")
    parser.add_argument("--report", type=Path, nargs="+", help="JSON of cases: write the table")
    arguments = parser.parse_args()
    if arguments.report:
        results = [json.loads(path.read_text()) for path in arguments.report]
    elif arguments.case:
        with tempfile.TemporaryDirectory() as folder:
            result = run_case(arguments.case, arguments.edge, Path(folder))
        print(json.dumps(result), flush=True)
        os._exit(0)  # without the second that napari takes to close
    else:
        results = []
        for case in CASES:
            command = [
                sys.executable,
                "-m",
                __spec__.name,
                "--case",
                case,
                "--edge",
                str(arguments.edge),
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            results.append(json.loads(done.stdout.splitlines()[-1]))
            print(results[-1], flush=True)
    keep("browser", results)
    put_into_document("browser", table(results))


if __name__ == "__main__":
    main()
