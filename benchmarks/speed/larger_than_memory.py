"""Memory and time of a training whose images are read as they are needed, beside one in memory.

    python -m benchmarks.speed.larger_than_memory

Images are made in a temporary folder: 12 fields of 2 x 2048 x 2048 pixels, as TIFF and OME-Zarr,
and 10,000 TIFFs of 2 x 128 x 128. Where they are to be read as they are needed, the process is told
that little memory is free. Every case is a process of its own, with one thread; a small network
takes its steps, since reading has the least time then. Processor time counts, that of the thread
that reads included, since others load the machine, and the clock for how long reading was waited
for. Writes its table between its marks in docs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.document import put_into_document

MIB = 2**20
CASES = {
    "12 TIFFs, in memory": ("large", "*.tif", None, 200),
    "12 TIFFs, as needed": ("large", "*.tif", 128 * MIB, 200),
    "12 OME-Zarrs, as needed": ("large", "*.zarr", 128 * MIB, 200),
    "10,000 TIFFs, in memory": ("small", "*.tif", None, 5),
    "10,000 TIFFs, as needed": ("small", "*.tif", 1024 * MIB, 5),
}
"""Folder, files in it, bytes that are said to be free, steps."""


def make_images(folder: Path, n: int, edge: int, *, zarr: bool) -> None:
    """Write noisy fields of two structures."""
    from scipy.ndimage import gaussian_filter

    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.image import Image

    folder.mkdir()
    rng = np.random.default_rng(0)
    signal = [1000 + 200 * s * gaussian_filter(rng.normal(size=(edge, edge)), s) for s in (2, 4)]
    for i in range(n):
        field = np.roll(signal, 37 * i, axis=-1) + 60 * rng.normal(size=(2, edge, edge))
        image = Image(field.clip(0, 65535).astype(np.uint16), "CYX", channel_names=("a", "b"))
        for ending in ("tif", "ome.zarr") if zarr else ("tif",):
            write_image(folder / f"field{i:05}.{ending}", image)


def worker(folder: Path, pattern: str, free: int | None, steps: int) -> dict[str, float]:
    """Train, and say what it took."""
    import psutil
    import torch

    import napari_denoisplit as nd
    from napari_denoisplit.jobs.learning import shelved, trainer
    from napari_denoisplit.jobs.train.job import train_job
    from napari_denoisplit.settings import LadderSettings, TrainSettings

    torch.set_num_threads(1)
    if free is not None:
        told = psutil.virtual_memory()._replace(available=free)
        psutil.virtual_memory = lambda: told
    stepped, waited = [], []
    step, result = trainer.Trainer.step, shelved.Reading.result

    def timed_step(self) -> None:
        step(self)
        stepped.append(time.process_time())

    def timed_result(self):
        begin = time.perf_counter()
        found = result(self)
        waited.append(time.perf_counter() - begin)
        return found

    trainer.Trainer.step, shelved.Reading.result = timed_step, timed_result
    settings = TrainSettings(
        network=LadderSettings(n_levels=2, n_filters=8, n_latents=4),
        minutes=None,
        steps=steps,
        steps_per_epoch=steps,
        device="cpu",
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    fields = nd.TrainingFields.from_images(nd.read_images(sorted(folder.glob(pattern))))
    nd.run(train_job(fields, settings))
    return {
        "held": "all" if free is None else f"2 x {free // 4 // MIB} MiB",
        "peak": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10,
        "first": stepped[0] - start,
        "step": (stepped[-1] - stepped[0]) / (steps - 1),
        "exchanges": max(len(waited) - 1, 0),
        "waited": sum(waited[1:]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, root = arguments.worker
        folder, *how = CASES[name]
        print(json.dumps(worker(Path(root, folder), *how)))
        return
    lines = [
        "| images | held at a time | peak memory above the imports (MiB) | until the first step, "
        "processor (s) | step, processor (s) | parts exchanged | waited for them (s) |",
        "|---" * 7 + "|",
    ]
    with tempfile.TemporaryDirectory() as root:
        make_images(Path(root, "large"), 12, 2048, zarr=True)
        make_images(Path(root, "small"), 10_000, 128, zarr=False)
        for name in CASES:
            command = [sys.executable, "-m", __spec__.name, "--worker", name, root]
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            text = subprocess.check_output(command, text=True, env=environment)
            r = json.loads(text.splitlines()[-1])
            of_steps = f"{r['step']:.3f} | {r['exchanges']} | {r['waited']:.2f}"
            lines.append(
                f"| {name} | {r['held']} | {r['peak']:.0f} | {r['first']:.0f} | {of_steps} |"
            )
            print(lines[-1], flush=True)
    put_into_document("larger than memory", "\n".join(lines))


if __name__ == "__main__":
    main()
