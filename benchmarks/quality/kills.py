"""A training that is killed again and again, beside the same one that nothing disturbs.

    python -m benchmarks.quality.kills [--kills 50]

Each life of the training is a process of its own, killed without warning (SIGKILL) after a random
time, be it at a step, in a validation or while it writes a file; the next one resumes. Compared are
the losses of every epoch and the weights, bit by bit. Writes its line between its marks in docs.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.document import put_into_document
from napari_denoisplit.checkpoint import last_path, load_model
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.events import EpochDone, run
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import TrainSettings

STEPS, STEPS_PER_EPOCH = 800, 5
LONGEST_LIFE = 2.0
"""Seconds of training before a kill, at most."""
BEGUN = "begun"


def train(path: Path) -> None:
    """Begin, or go on from what is there, to the end."""
    import torch

    torch.set_num_threads(1)  # sums of several threads have no fixed order
    noisy = add_noise(phantom((160, 160), ("filaments", "pits"), 0), gaussian=1.0, seed=0)
    settings = TrainSettings(
        preset="tiny",
        minutes=None,
        steps=STEPS,
        steps_per_epoch=STEPS_PER_EPOCH,
        preview_every=1000,
    )
    fields = TrainingFields((noisy,), ("filaments", "pits"), ("phantom",))
    last = last_path(path)
    job = train_job(fields, settings, path=path, resume=last if last.exists() else None)
    run(job, lambda event: isinstance(event, EpochDone) and print(BEGUN, flush=True))


def life(path: Path, seconds: float | None) -> bool:
    """Let a process train; kill it so long after its first epoch. Whether it reached the end."""
    command = [sys.executable, "-m", "benchmarks.quality.kills", "--train", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if seconds is not None and line.startswith(BEGUN):
                time.sleep(seconds)
                process.kill()
                break
        return process.wait() == 0


def left(path: Path) -> tuple[list, dict[str, np.ndarray]]:
    """Losses of every epoch, and the weights that training ended with."""
    model = load_model(last_path(path))
    epochs = [
        (e["epoch"], e["train"], e["validation"], e["learning_rate"])
        for e in model.header.training["history"]
    ]
    return epochs, {k: v.numpy() for k, v in model.network.state_dict().items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train is not None:
        train(arguments.train)
        return
    rng, unreadable, n_kills = random.Random(0), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        plain, killed = Path(folder) / "plain.denoisplit", Path(folder) / "killed.denoisplit"
        life(plain, None)
        while n_kills < arguments.kills and not life(killed, rng.uniform(0, LONGEST_LIFE)):
            n_kills += 1
            try:
                load_model(killed)
                epoch = len(left(killed)[0])
            except ModelFileError as error:
                unreadable, epoch = unreadable + 1, error
            print("kill", n_kills, "after epoch", epoch, flush=True)
        life(killed, None)
        (epochs, weights), (expected, its_weights) = left(killed), left(plain)
    same = [a == b for a, b in zip(epochs, expected, strict=True)]
    differ = [name for name, w in weights.items() if not np.array_equal(w, its_weights[name])]
    text = (
        f"| kills | unreadable files | epochs with the same losses | weights that differ |"
        f"\n|---|---|---|---|\n| {n_kills} | {unreadable} | {sum(same)} of {len(expected)} | "
        f"{len(differ)} of {len(weights)} |"
    )
    print(text)
    put_into_document("kills", text)


if __name__ == "__main__":
    main()
