"""Memory that the fit of a noise model takes on a lazy stack of 20 GiB, made as it is read.

    python -m benchmarks.noise.memory

Each source is fitted in a process of its own; the base is the process after its imports. Writes its
table between its marks in docs.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import dask.array as da
import numpy as np
import torch

from benchmarks.document import put_into_document
from napari_denoisplit.events import run
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job

SOURCES = ("repeats", "single")
EDGE = 2048
GIB = 2**30
N_PLANES = 20 * GIB // (EDGE * EDGE * 2)
PLANES_OF_FIELD = 64  # of the repeats: planes of a Z stack that is exposed again and again
OFFSET, GAIN, READ_NOISE = 100.0, 4.0, 10.0


def plane(block_info: dict) -> np.ndarray:
    """One exposure of a field that depends on z alone, uint16."""
    *_, z, _, _ = block_info[None]["chunk-location"]
    rng = np.random.default_rng(block_info[None]["chunk-location"])
    y, x = np.ogrid[:EDGE, :EDGE]
    light = 300 * (1 + np.sin(x / (9 + z % 7), dtype=np.float32) * np.cos(y / 13, dtype=np.float32))
    noisy = OFFSET + GAIN * rng.poisson(light) + rng.normal(0, READ_NOISE, light.shape)
    shape = block_info[None]["chunk-shape"]
    return noisy.clip(0, 65535).astype(np.uint16).reshape(shape)


def stack(source: str) -> da.Array:
    """20 GiB that are never in memory at once."""
    n_times = N_PLANES // PLANES_OF_FIELD
    planes = (n_times, PLANES_OF_FIELD) if source == "repeats" else (N_PLANES,)
    chunks = (*((1,) * n for n in planes), (EDGE,), (EDGE,))
    return da.map_blocks(plane, chunks=chunks, dtype=np.uint16, meta=np.empty((0,), np.uint16))


def measure(source: str) -> dict[str, float]:
    """Peak memory above the base, time, and error of the model's variance."""
    images = stack(source)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    fit = run(fit_noise_job(NoiseData(source, images)))
    seconds = time.perf_counter() - start
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    signal = np.linspace(200, 2000, 10)
    variance = fit.model.variance(torch.from_numpy(signal)).numpy()
    error = np.abs(variance / (GAIN * (signal - OFFSET) + READ_NOISE**2) - 1).max()
    return {
        "size": images.nbytes / GIB,
        "pairs": len(fit.pairs.signal),
        "peak": peak,
        "seconds": seconds,
        "error": float(error),
    }


def main() -> None:
    if len(sys.argv) == 2:  # one source in a process of its own, so that its peak is its own
        print(json.dumps(measure(sys.argv[1])))
        return
    lines = [
        "| source | stack (GiB) | pairs | peak memory above the base (GiB) | time (s) "
        "| largest error of the variance |",
        "|---" * 6 + "|",
    ]
    for source in SOURCES:
        command = [sys.executable, "-m", __spec__.name, source]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        row = json.loads(text.splitlines()[-1])
        lines.append(
            f"| {source} | {row['size']:.0f} | {row['pairs']:,} | {row['peak']:.2f} "
            f"| {row['seconds']:.1f} | {row['error']:.1%} |"
        )
        print(lines[-1], flush=True)
    put_into_document("noise memory", "\n".join(lines))


if __name__ == "__main__":
    main()
