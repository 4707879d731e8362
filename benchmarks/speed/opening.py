"""Time to import the package and to open each widget in a real viewer, beside another source tree.

    git worktree add --detach ../before COMMIT
    xvfb-run -a -s "-screen 0 1280x720x24" \
        python -m benchmarks.speed.opening --against ../before/src

Each figure is the median of ROUNDS processes; the trees take turns, so that a load on the machine
meets both. Processor time is told beside the clock's, because it hardly depends on that load.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
WIDGETS = "Split Batch Samples Trust Train Noise Calibration Denoise".split()

PROBE = """
import json, os, time
def now(): return time.perf_counter(), time.process_time()
took = {}
def lap(name, since): took[name] = [b - a for a, b in zip(since, now())]
start = now(); import napari_denoisplit; lap("import", start)
start = now(); import napari; viewer = napari.Viewer(show=True); lap("(napari itself)", start)
from napari.qt import get_qapp
from napari_denoisplit import widgets
for name in WIDGETS:
    start = now()
    widget = getattr(widgets, name + "Widget")(viewer)
    viewer.window.add_dock_widget(widget, name=name)
    get_qapp().processEvents(); lap(name, start)
print(json.dumps(took)); os._exit(0)
"""


def probe(source: Path) -> dict[str, list[float]]:
    """Seconds, clock and processor, of one process on a source tree."""
    code = PROBE.replace("WIDGETS", repr(WIDGETS))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--against", type=Path, required=True, help="src folder of another tree")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    trees = {"before": options.against.resolve(), "now": ROOT / "src"}
    runs = {name: [] for name in trees}
    for _ in range(options.rounds):
        for name, source in trees.items():
            runs[name].append(probe(source))
    print("| | ms before | ms now | clock, now / before | processor, now / before |")
    print("|---|---|---|---|---|")
    for what in runs["now"][0]:
        (clock0, cpu0), (clock, cpu) = (
            [median(run[what][k] for run in runs[name]) for k in (0, 1)] for name in trees
        )
        ratio = f"{cpu / cpu0:.2f}" if cpu0 else "-"
        print(
            f"| {what} | {clock0 * 1e3:.0f} | {clock * 1e3:.0f} | {clock / clock0:.2f} | {ratio} |"
        )


if __name__ == "__main__":
    main()
