"""Cost of each preset: weights, time of a training step, time and memory of a posterior sample.

    python -m benchmarks.speed.presets

Writes its table between its marks in docs.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from benchmarks.document import put_into_document
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import network_of, sampler_of
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import PRESETS

SIZE = 512
REPEATS = 3


def unchanged(n_channels: int) -> Normalization:
    """Statistics of images that need none."""
    return Normalization(
        input_mean=0.0,
        input_std=1.0,
        channel_means=(0.0,) * n_channels,
        channel_stds=(1.0,) * n_channels,
    )


def median_seconds(work) -> float:
    """Median time of a call, after one to warm up."""
    times = []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def seconds_per_step(name: str, compute: Compute) -> float:
    """Forward, backward and optimizer step with the preset's batch."""
    preset = PRESETS[name]
    network = network_of(preset.network).to(compute.device).train()
    optimizer = torch.optim.Adamax(network.parameters())
    size = preset.patch_size
    edge = size + 2 * preset.network.margin
    x = torch.randn(preset.batch_size, 1, edge, edge, device=compute.device)

    def step() -> None:
        with compute.autocast():
            prediction = network(x)
        kl = sum(k.mean() for k in prediction.kl_per_level) / size**2
        optimizer.zero_grad()
        (prediction.signal.square().mean() + kl).backward()
        optimizer.step()

    return median_seconds(step)


def sampling(name: str, compute: Compute) -> tuple[float, float, float]:
    """Seconds to encode, seconds per sample, and peak GiB above the start, for 512 x 512."""
    settings = PRESETS[name].network
    network = network_of(settings).to(compute.device).eval()
    plane = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    posterior = Posterior(sampler_of(network, compute), unchanged(settings.n_channels), plane)
    (tile,) = posterior.tiles
    encode = median_seconds(lambda: posterior.encode(tile))
    out = posterior.empty_sample()
    draw = median_seconds(lambda: posterior.draw(0, tile, out))
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
    return encode, draw, peak


def measure(name: str, precision: str) -> dict[str, float]:
    """All figures of one preset, in this process."""
    compute = Compute.choose("auto", precision)
    with keep_freed_memory():
        encode, draw, peak = sampling(name, compute)
        step = seconds_per_step(name, compute)
    n_weights = sum(p.numel() for p in network_of(PRESETS[name].network).parameters())
    return {"weights": n_weights, "step": step, "encode": encode, "draw": draw, "peak": peak}


def main() -> None:
    if len(sys.argv) == 3:  # one preset in a process of its own, so that its peak is its own
        print(json.dumps(measure(*sys.argv[1:])))
        return
    lines = [
        "| preset | precision | weights | patches of a step | training step (s) "
        "| encode 512 x 512 (s) | one sample of 512 x 512 (s) | peak memory of sampling (GiB) |",
        "|---" * 8 + "|",
    ]
    for name, preset in PRESETS.items():
        for precision in ("bfloat16", "float32"):
            command = [sys.executable, "-m", __spec__.name, name, precision]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(text)
            patches = f"{preset.batch_size} of {preset.patch_size} x {preset.patch_size}"
            lines.append(
                f"| {name} | {precision} | {row['weights']:,} | {patches} | {row['step']:.2f} "
                f"| {row['encode']:.2f} | {row['draw']:.2f} | {row['peak']:.2f} |"
            )
            print(lines[-1], flush=True)
    put_into_document("presets", "\n".join(lines))


if __name__ == "__main__":
    main()
