"""Processor time of a training step, beside its convolutions alone and another commit.

    git worktree add /tmp/before COMMIT
    python -m benchmarks.speed.training --against /tmp/before

Every contestant is a process of its own with one thread; they take steps turn by turn, so that
whatever else the machine does meets all alike. The processor time of a step counts, not the clock,
and the median over the rounds of the ratio within a round. Writes its table between its marks in
docs.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import process_time
from typing import TYPE_CHECKING

from benchmarks.document import put_into_document

if TYPE_CHECKING:
    from collections.abc import Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "benchmarks.speed.training", "--worker")
CASES = {"tiny": (8, 64), "fast": (8, 64), "large": (32, 64)}
"""Patches of a step, and their edge."""
ROUND = 0.5
"""Processor seconds of steps in a round, at least one step."""


def trainer_of(network, loss, precision: str, batch: int, patch: int):
    """Make what `denoisplit train` makes, on channels of noise with structure."""
    import numpy as np
    from scipy.ndimage import gaussian_filter

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.jobs.train.preparation import Run  # the same place in other commits
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.settings import MixSettings, TrainSettings

    rng, n = np.random.default_rng(0), network.n_channels
    signal = [1000 + 300 * s * gaussian_filter(rng.normal(size=(512, 512)), s) for s in (2, 4)]
    field = np.stack(signal[:n] + 60 * rng.normal(size=(n, 512, 512))).astype(np.float32)
    mask = np.ones(field[0].shape, bool)
    mixture = {
        "kind": "gaussian_mixture",
        "weight": [[0.0, 0.0], [5.0, 0.0], [-5.0, 9.0]] + [[8.0, 1.0]] * 3 + [[0.5, -0.5]] * 3,
        "min_signal": 0.0,
        "max_signal": 2000.0,
        "min_sigma": 100.0,
    }
    names = ("a", "b")[:n]
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization=Normalization.of([field], [mask], (1 / n,) * n, names),
        channel_names=names,
        noise_models=(mixture,) * n,
    )
    settings = TrainSettings(network=network, batch_size=batch, patch_size=patch)
    if loss is not None:
        settings = settings.model_copy(update={"loss": loss})
    compute = Compute.choose("cpu", precision)
    return Run.begin([field], [mask], header, settings, compute).trainer


def trainer_of_preset(preset: str, precision: str):
    """Make the trainer of a preset."""
    from napari_denoisplit.settings import METHODS, PRESETS

    network, loss = PRESETS[preset].network, METHODS["denoisplit"]
    return trainer_of(network, loss, precision, *CASES[preset])


def convolutions_of(trainer):
    """Return a function that does the convolutions of a step alone, forward and backward.

    Each as fast as it can be had: in the order of memory, channels last or not, that takes less
    time for it.
    """
    import torch
    from torch import nn

    called = []

    def note(module, inputs):
        called.append((module, inputs[0].shape, inputs[0].requires_grad))

    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    modules = [m for m in trainer.network.modules() if isinstance(m, kinds)]
    hooks = [m.register_forward_pre_hook(note) for m in modules]
    with trainer.compute.autocast():
        trainer.network(trainer.batches.draw().superposition)
    for hook in hooks:
        hook.remove()

    def prepared(module, shape, needs, order):
        dtype = trainer.compute.dtype
        x = torch.randn(shape).to(dtype).to(memory_format=order).requires_grad_(needs)
        w = module.weight.detach().to(dtype).to(memory_format=order).requires_grad_()
        b = module.bias.detach().to(dtype).requires_grad_()
        extra = (module.output_padding,) if isinstance(module, nn.ConvTranspose2d) else ()
        function = nn.functional.conv_transpose2d if extra else nn.functional.conv2d

        def work():
            y = function(x, w, b, module.stride, module.padding, *extra)
            torch.autograd.grad(y, [x, w, b] if needs else [w, b], torch.empty_like(y).fill_(0.1))

        return work

    best = {}
    works = []
    for module, shape, needs in called:
        key = (type(module), shape, module.weight.shape, module.stride, needs)
        if key not in best:
            tried = []
            for order in (torch.contiguous_format, torch.channels_last):
                work = prepared(module, shape, needs, order)
                tried.append((min(_seconds(work) for _ in range(3)), len(tried), work))
            best[key] = min(tried)[2]
        works.append(best[key])

    def all_of_them():
        for work in works:
            work()

    return all_of_them


def _seconds(work) -> float:
    start = process_time()
    work()
    return process_time() - start


def worker(preset: str, precision: str, what: str) -> None:
    """Answer each line of the input by the processor seconds of a step."""
    import torch

    from napari_denoisplit.nn.compute import keep_freed_memory

    torch.set_num_threads(1)
    with keep_freed_memory():
        trainer = trainer_of_preset(preset, precision)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        step = trainer.step if what == "step" else convolutions_of(trainer)
        step()
        print("ready", flush=True)
        for line in sys.stdin:
            n = int(line)
            taken = _seconds(lambda n=n: [step() for _ in range(n)]) / n
            peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20
            print(json.dumps([taken, peak]), flush=True)


class Contestant:
    """A process that does work when it is told to, with one thread.

    Parameters
    ----------
    command
        Answers each line of its input, a number of pieces of work, by their processor seconds.
    path
        Where it finds modules, as PYTHONPATH.
    """

    def __init__(self, command: Sequence[str], path: str) -> None:
        environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        if not self._process.stdout.readline():
            raise SystemExit(f"{' '.join(command)} failed")
        seconds, _ = self.take(1)
        self._n = max(1, round(ROUND / seconds))

    def take(self, n: int | None = None) -> tuple[float, float]:
        """Processor seconds of a step, and peak memory of all so far in GiB."""
        print(n or self._n, file=self._process.stdin, flush=True)
        seconds, peak = json.loads(self._process.stdout.readline())
        return seconds, peak

    def end(self) -> None:
        """Let the process end."""
        self._process.stdin.close()
        self._process.wait()


KINDS = {
    "convolutions": ("conv", "mkldnn"),
    "batch norm": ("batch_norm",),
    "ELU and gates": ("elu", "sigmoid"),
    "optimizer and average": ("Optimizer", "lerp", "linalg_vector_norm"),
    "copies": ("copy_", "cat", "clone", "flip", "empty", "pad"),
}
"""Names of operations, or parts of them, by what they are for."""


def shares_of(preset: str, precision: str) -> dict[str, float]:
    """Share of each kind of operations in a step, by torch's profiler."""
    import torch

    from napari_denoisplit.nn.compute import keep_freed_memory

    torch.set_num_threads(1)
    with keep_freed_memory():
        trainer = trainer_of_preset(preset, precision)
        trainer.step()
        with torch.profiler.profile() as profile:
            for _ in range(max(1, 32 // trainer.batches.batch_size)):
                trainer.step()
    shares = dict.fromkeys([*KINDS, "all else"], 0.0)
    events = profile.key_averages()
    total = sum(e.self_cpu_time_total for e in events)
    for event in events:
        kind = next((k for k, ns in KINDS.items() if any(n in event.key for n in ns)), "all else")
        shares[kind] += event.self_cpu_time_total / total
    return shares


def compare(preset: str, precision: str, against: Path | None, rounds: int) -> dict[str, float]:
    """Median times, ratios and peak of a preset."""

    def contestant(folder: Path, what: str = "step") -> Contestant:
        return Contestant((*COMMAND, preset, precision, what), str(folder / "src"))

    contestants = {
        "now": contestant(REPOSITORY),
        "convolutions": contestant(REPOSITORY, "convolutions"),
    }
    if against is not None:
        contestants["before"] = contestant(against)
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    peaks = {}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            seconds, peaks[name] = contestant.take()
            taken[name].append(seconds)
    for contestant in contestants.values():
        contestant.end()

    def ratio(a: str, b: str) -> float:
        return median(x / y for x, y in zip(taken[a], taken[b], strict=True))

    result = {
        "seconds": median(taken["now"]),
        "of_convolutions": ratio("now", "convolutions"),
        "peak": peaks["now"],
    }
    return result | ({"gain": ratio("before", "now")} if against else {})


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="worktree of another commit to race with")
    parser.add_argument("--presets", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--precisions", nargs="+", default=["float32"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        preset, precision, what = arguments.worker
        if what == "shares":
            print(json.dumps(shares_of(preset, precision)))
        else:
            worker(preset, precision, what)
        return
    races = [
        row("preset", "precision", "step (s)", "of its convolutions", "faster", "peak (GiB)"),
        "|---" * 6 + "|",
    ]
    shares = [row("preset", "precision", *KINDS, "all else"), "|---" * (3 + len(KINDS)) + "|"]
    for precision in arguments.precisions:
        for preset in arguments.presets:
            r = compare(preset, precision, arguments.against, arguments.rounds)
            gain = f"{r['gain']:.2f}" if "gain" in r else ""
            seconds, of_convolutions = f"{r['seconds']:.2f}", f"{r['of_convolutions']:.2f}"
            races.append(row(preset, precision, seconds, of_convolutions, gain, f"{r['peak']:.2f}"))
            command = [*COMMAND, preset, precision, "shares"]
            found = json.loads(subprocess.check_output(command, cwd=REPOSITORY, text=True))
            shares.append(row(preset, precision, *(f"{100 * s:.0f} %" for s in found.values())))
            print(races[-1], shares[-1], sep="\n", flush=True)
    put_into_document("training speed", "\n".join([*races, "", *shares]))


if __name__ == "__main__":
    main()
