"""Split a slide that is never in memory: rate, peak memory, and going on after a kill.

    python -m benchmarks.speed.slide [--edge 3000] [--samples 4] [--presets tiny fast]
    python -m benchmarks.speed.slide --edge 20000 --presets tiny --samples 2

The slide is drawn as it is read. Each run is a process of its own; the base is that process after
its imports, with the model loaded. The killed run gets SIGKILL in the middle and is started again;
its files must equal those of a run that nobody killed, byte for byte. Writes its table between its
marks in docs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask.array as da
import numpy as np
import torch

from benchmarks.data_sets import REPOSITORY
from benchmarks.document import keep, put_into_document
from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.events import Progress, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.slide.store import SlideStore
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import PRESETS, MixSettings, SplitSettings

CHUNK = 512
GIB = 2**30


def texture(block_info: dict) -> np.ndarray:
    """One chunk of the slide: crossing waves under shot noise, float32."""
    (y0, y1), (x0, x1) = block_info[None]["array-location"]
    rng = np.random.default_rng([y0, x0])
    y, x = np.ogrid[y0:y1, x0:x1]
    light = 40 * (1 + np.sin(x / 9, dtype=np.float32) * np.cos(y / 13 + x / 200, dtype=np.float32))
    return (100 + 5 * rng.poisson(light)).astype(np.float32)


def slide(edge: int) -> Image:
    """`edge` x `edge` pixels that are made where they are read."""
    sizes = tuple(min(CHUNK, edge - start) for start in range(0, edge, CHUNK))
    data = da.map_blocks(
        texture, chunks=(sizes, sizes), dtype=np.float32, meta=np.empty((0, 0), np.float32)
    )
    return Image(data, "YX", name=f"slide of {edge} x {edge}")


def make_model(preset: str, path: Path) -> None:
    """Write an untrained model: time and memory do not depend on what it has learned."""
    torch.manual_seed(0)
    network = PRESETS[preset].network
    normalization = Normalization(
        input_mean=300, input_std=110, channel_means=(300.0, 300.0), channel_stds=(110.0, 110.0)
    )
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=normalization,
        channel_names=("a", "b"),
    )
    save_model(path, Model(VSE(network).eval(), header))


def peak() -> int:
    """Bytes that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def split(order: dict) -> None:
    """Split in this process; print what it took, and tell how far it is."""
    model, image = load_model(Path(order["model"])), slide(order["edge"])
    settings = SplitSettings(keep_samples=0, **order["settings"])
    before, start, told = peak(), time.perf_counter(), 0

    def tell(event: object) -> None:
        nonlocal told
        if isinstance(event, Stage):
            print(event.text, file=sys.stderr, flush=True)
        if isinstance(event, Progress) and int(20 * event.done) > told:
            told = int(20 * event.done)
            print(json.dumps({"done": event.done}), flush=True)

    result = run(split_to_zarr_job(model, image, Path(order["out"]), settings), tell)
    n_blocks = len(SlideStore(Path(order["out"])).regions)
    seconds = time.perf_counter() - start
    facts = {"seconds": seconds, "peak": (peak() - before) / GIB, "blocks": n_blocks}
    print(json.dumps({**facts, "complete": not result.stopped_early}), flush=True)


def start(order: dict) -> subprocess.Popen[str]:
    """Begin a split in a process of its own."""
    command = [sys.executable, "-m", __spec__.name, "--order", json.dumps(order)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def finished(order: dict) -> dict:
    """Split in a process of its own, to the end."""
    with start(order) as process:
        last = [line for line in process.stdout if line.startswith("{")][-1]
    return json.loads(last)


def killed(order: dict) -> None:
    """Split in a process of its own, and kill it when half is done."""
    with start(order) as process:
        for line in process.stdout:
            if line.startswith("{") and json.loads(line).get("done", 0) >= 0.5:
                process.send_signal(signal.SIGKILL)
                break


def contents(path: Path) -> dict[str, str]:
    """Hash of every file with pixels."""
    files = [p for p in sorted(path.rglob("c/**/*")) if p.is_file()]
    return {str(p.relative_to(path)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def measure(preset: str, edge: int, settings: dict, with_kill: bool) -> dict:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(preset, folder / "m.denoisplit")
        order = {"model": str(folder / "m.denoisplit"), "edge": edge, "settings": settings}
        row = finished({**order, "out": str(folder / "whole.zarr")})
        row |= {"preset": preset, "edge": edge, **settings}
        if with_kill:
            killed({**order, "out": str(folder / "killed.zarr")})
            left = len(contents(folder / "killed.zarr"))
            finished({**order, "out": str(folder / "killed.zarr")})
            whole = contents(folder / "whole.zarr")
            row["files_at_kill"], row["files"] = left, len(whole)
            row["same"] = contents(folder / "killed.zarr") == whole
        shutil.rmtree(folder / "whole.zarr")
    return row


def line(row: dict) -> str:
    """Row of the table."""
    rate = row["edge"] ** 2 * row["n_samples"] / row["seconds"] / 1e6
    again = "not tried"
    if "same" in row:
        again = "same bytes" if row["same"] else "DIFFERENT BYTES"
        again += f" ({row['files_at_kill']} of {row['files']} files were there)"
    return (
        f"| {row['preset']} | {row['edge']} x {row['edge']} | {row['n_samples']} "
        f"| {row['seconds']:.0f} | {rate:.2f} | {row['peak']:.2f} | {again} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--edge", type=int, default=3000)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--presets", nargs="+", default=["tiny"])
    parser.add_argument("--no-kill", action="store_true")
    parser.add_argument("--order", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.order:
        split(json.loads(arguments.order))
        return
    settings = {"n_samples": arguments.samples}
    rows = []
    for preset in arguments.presets:
        rows.append(measure(preset, arguments.edge, settings, not arguments.no_kill))
        print(line(rows[-1]), flush=True)
    keep(f"slide_{arguments.edge}", rows)
    head = (
        "| preset | slide | samples | time (s) | megapixels and samples a second "
        "| peak memory above the base (GiB) | killed in the middle and run again |"
    )
    results = REPOSITORY / "benchmarks" / "results"
    known = [json.loads(p.read_text()) for p in sorted(results.glob("slide_*.json"))]
    table = [head, "|---" * 7 + "|", *(line(row) for rows in known for row in rows)]
    put_into_document("slide", "\n".join(table))


if __name__ == "__main__":
    main()
