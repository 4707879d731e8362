"""Speed and memory of posterior sampling of 512 x 512 pixels, beside the network as it is trained.

    python benchmarks/sampling.py [ROUNDS]

Both forms alternate in one process, medians are shown. Writes its table between the marks of
docs/benchmarks.md.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from document import put_into_document
from napari_denoisplit.images.normalization import Normalization
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.inference import FoldedVSE
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import PRESETS

SIZE = 512
ROUNDS = 5
N_SAMPLES = 50
NORMALIZATION = Normalization(
    input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def first_sample(network: VSE, plane: np.ndarray, compute: Compute) -> torch.Tensor:
    """Do what passes between the click, with the model loaded, and the first picture."""
    return many_samples(network, plane, compute, 1)


def many_samples(network: VSE, plane: np.ndarray, compute: Compute, n_samples: int) -> torch.Tensor:
    posterior = Posterior(FoldedVSE(network, compute), NORMALIZATION, plane)
    (tile,) = posterior.tiles
    posterior.encode(tile)
    sample = posterior.empty_sample()
    moments = Moments(tuple(sample.shape), compute.device)
    for k in range(n_samples):
        posterior.draw(k, tile, sample)
        moments.add(sample)
    return moments.std


def peak_gib(network: VSE, plane: np.ndarray, compute: Compute) -> float:
    """Growth of the process's largest size by three samples, with freed memory kept."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    many_samples(network, plane, compute, 3)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20


def alternating(works: dict[str, object], rounds: int) -> dict[str, float]:
    """Median seconds of each, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds + 1):
        for name, work in works.items():
            times[name].append(seconds(work))
    return {name: float(np.median(values[1:])) for name, values in times.items()}


def measure(name: str, precision: str, rounds: int) -> dict[str, float]:
    """All figures of one preset, in this process."""
    compute = Compute.choose("auto", precision)
    torch.manual_seed(0)
    network = VSE(PRESETS[name].network).to(compute.device).eval()
    plane = np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)
    x = torch.from_numpy(plane)[None, None].to(compute.device)
    with keep_freed_memory(), torch.no_grad():
        peak = peak_gib(network, plane, compute)
        first = min(seconds(lambda: first_sample(network, plane, compute)) for _ in range(2))
        posterior = Posterior(FoldedVSE(network, compute), NORMALIZATION, plane)
        (tile,) = posterior.tiles
        posterior.encode(tile)
        sample = posterior.empty_sample()
        with compute.autocast():
            features = network.encode(x)

        def plain_encode() -> None:
            with compute.autocast():
                network.encode(x)

        def plain_draw() -> None:
            with compute.autocast():
                network.decode(features, lambda _, shape: torch.randn(shape, device=x.device))

        figures = alternating(
            {
                "plain_encode": plain_encode,
                "encode": lambda: posterior.encode(tile),
                "plain_draw": plain_draw,
                "draw": lambda: posterior.draw(0, tile, sample),
            },
            rounds,
        )
        many = seconds(lambda: many_samples(network, plane, compute, N_SAMPLES))
    return {**figures, "first": first, "many": many, "peak": peak}


def main() -> None:
    if len(sys.argv) == 4:  # one preset in a process of its own, so that its peak is its own
        print(json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
        return
    rounds = sys.argv[1] if len(sys.argv) > 1 else str(ROUNDS)
    lines = [
        "| preset | precision | encode, as trained (s) | encode (s) | sample, as trained (s) "
        f"| sample (s) | first sample (s) | {N_SAMPLES} samples with moments (s) "
        "| peak memory (GiB) |",
        "|---" * 9 + "|",
    ]
    for name in ("fast", "paper"):
        for precision in ("bfloat16", "float32"):
            command = [sys.executable, __file__, name, precision, rounds]
            text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            row = json.loads(text)
            lines.append(
                f"| {name} | {precision} | {row['plain_encode']:.2f} | {row['encode']:.2f} "
                f"| {row['plain_draw']:.2f} | {row['draw']:.2f} | {row['first']:.2f} "
                f"| {row['many']:.1f} | {row['peak']:.2f} |"
            )
            print(lines[-1], flush=True)
    put_into_document("sampling", "\n".join(lines))


if __name__ == "__main__":
    main()
