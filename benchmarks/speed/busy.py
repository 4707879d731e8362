"""A training on a machine that other programs use: threads that are fixed, and that follow.

    python -m benchmarks.speed.busy [--preset fast] [--seconds 12]

As many other processes as the table says keep a core busy each. A step is timed with all threads,
as torch has them, and with those that `Threads` takes. Writes its table between its marks in docs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import TYPE_CHECKING

import torch

from benchmarks.document import put_into_document
from benchmarks.speed.training import trainer_of_preset
from napari_denoisplit.jobs.learning.threads import Threads

if TYPE_CHECKING:
    from collections.abc import Iterator

SPIN = "while True: sum(range(1000))"


@contextmanager
def others(n: int) -> Iterator[None]:
    """Keep so many other processes busy."""
    made = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(n)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in made:
            process.kill()
            process.wait()


def seconds_of_a_step(preset: str, seconds: float, *, follow: bool) -> tuple[float, int]:
    """Median of the steps of so many seconds, and the threads at the end."""
    trainer, taken = trainer_of_preset(preset, "float32"), []
    with ExitStack() as stack:
        threads = stack.enter_context(Threads(torch.device("cpu"))) if follow else None
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or len(taken) < 3:
            start = time.perf_counter()
            trainer.step()
            taken.append(time.perf_counter() - start)
            if threads is not None:
                threads.adapt()
        return median(taken[1:]), torch.get_num_threads()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--seconds", type=float, default=12.0)
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    lines = [
        f"| other processes, {cores} cores | step, all threads (s) | step, threads that follow (s) "
        "| threads at the end | ratio |",
        "|---|---|---|---|---|",
    ]
    for n in sorted({0, cores // 2, cores, 2 * cores}):
        with others(n):
            fixed, _ = seconds_of_a_step(asked.preset, asked.seconds, follow=False)
            followed, used = seconds_of_a_step(asked.preset, asked.seconds, follow=True)
        lines.append(f"| {n} | {fixed:.2f} | {followed:.2f} | {used} | {fixed / followed:.1f} |")
        print(lines[-1], flush=True)
    put_into_document("busy", "\n".join(lines))


if __name__ == "__main__":
    main()
