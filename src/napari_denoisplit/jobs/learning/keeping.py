"""What a training keeps on disk, and in memory where the disk takes it not."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from napari_denoisplit.checkpoint import Model, last_path, save_model
from napari_denoisplit.errors import message_of
from napari_denoisplit.events import Stage
from napari_denoisplit.measures.outlook import KEY as OUTLOOK
from napari_denoisplit.measures.outlook import Point, foresee, outlook_of
from napari_denoisplit.measures.separation import KEY, judge_separation, separation_of
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from torch import nn

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import EpochDone, Job
    from napari_denoisplit.jobs.learning.run import Run

_COPIES_KEPT = 9
"""Times the weights: the best model, and twice, while it is replaced, the state to resume from,
which holds averaged and trained weights and two moments of each."""


def short_of_room(path: Path, network: nn.Module) -> str:
    """Say if a disk has no room for what a training keeps; empty where it has, or cannot tell."""
    weights = sum(value.numel() * value.element_size() for value in network.state_dict().values())
    needed = _COPIES_KEPT * weights
    folder = next((place for place in path.absolute().parents if place.exists()), None)
    try:
        free = math.inf if folder is None else shutil.disk_usage(folder).free
    except OSError:
        return ""  # told when it is written
    if free >= needed:
        return ""
    return (
        f"Only {gib(free)} are free in {folder}, and what the training keeps takes {gib(needed)}: "
        "make room, or stop and choose another place."
    )


def keep(run: Run, path: Path | None, done: EpochDone | None = None) -> Job[Stage, None]:
    """Keep the averaged network if it is the best so far, and the state to resume from."""
    trainer = run.trainer
    kept = {**run.header.training, "steps": trainer.step_count, "seconds": run.seconds}
    if done is not None:
        record = json.loads(json.dumps(asdict(done)))  # lists for tuples, as read from the file
        kept["history"] = [*run.header.training.get("history", []), record]  # type: ignore[misc]
        verdict = judge_separation(run.header.channel_names, np.array(done.shares))
        if done.is_best and verdict is not None and not _noise_goes_on(run.header):
            kept[KEY] = verdict.model_dump(mode="json")
    run.header = run.header.model_copy(update={"training": kept})
    network = trainer.average.network
    if done is None or done.is_best:
        # Not a deep copy, which draws no random numbers: a seed would give another model than it
        # has given so far.
        best = network_of(network.settings)
        best.load_state_dict(network.state_dict())
        run.best = Model(best.to(trainer.compute.device).eval(), run.header)
        if run.completed is not None:
            run.best = run.completed(run.best)
        _add_outlook(run)
    yield from write(run, path)


def _noise_goes_on(header: ModelHeader) -> bool:
    """Whether the noise of a single structure goes on from pixel to pixel, and looks like it."""
    kinds = [values.get("kind") for values in header.noise_models or ()]
    return kinds == ["correlated"]


def write(run: Run, path: Path | None) -> Job[Stage, None]:
    """Write the best model, unless it is there, and what a training needs to be resumed.

    Where that fails (a full disk, a network drive that is gone) the training goes on with its model
    in memory, and the next call tries again.
    """
    if path is None:
        return
    trainer, run.kept_at = run.trainer, run.seconds
    state = trainer.state() | run.state()
    try:
        if run.best is not None and run.best.path != path:
            run.best = save_model(path, run.best)
        if run.completed is None:
            save_model(last_path(path), Model(trainer.average.network, run.header, state))
    except OSError as error:
        if not run.is_unsaved:
            yield Stage(
                f"{message_of(error)} The training goes on, its model is kept in memory, and each "
                "epoch tries again."
            )
        run.is_unsaved = True
    else:
        if run.is_unsaved:
            yield Stage(f"{path} is written again")
        run.is_unsaved = False


def settle(
    run: Run, path: Path | None, *, is_ahead: bool
) -> Job[Stage, tuple[Path | None, tuple[str, ...]]]:
    """See that the best model of a training is on disk, in another place if need be.

    Parameters
    ----------
    run, path
        As of `write`.
    is_ahead
        Whether it has learned since its state was written.

    Returns
    -------
    Where it is; None if it is in memory alone. What a user should know of that.
    """
    _add_outlook(run)
    if is_ahead or run.is_unsaved or (run.best is not None and run.best.path != path):
        yield from write(run, path)
    if path is None or run.best is None or run.best.path == path:
        return path, ()
    for folder in (Path.home(), Path(tempfile.gettempdir())):
        place = folder / path.name
        if place.exists():
            place = folder / f"{uuid4().hex[:8]}_{path.name}"
        try:
            run.best = save_model(place, run.best)
        except OSError:
            continue
        note = f"{path} could not be written: the model is kept as {place}. Move it from there."
        yield Stage(note)
        return place, (note,)
    note = f"{path} could not be written: the model is in memory alone. Make room and save it."
    yield Stage(note)
    return None, (note,)


def _add_outlook(run: Run) -> None:
    """Let the best model say what more training would bring."""
    if run.best is None:
        return
    history: Any = run.header.training.get("history", [])
    points = [Point(e["step"], e["validation"]["loss"], e["learning_rate"]) for e in history]
    header = run.best.header
    verdict = separation_of(header.training)
    # A single structure has nothing to be mixed with.
    is_apart = verdict is None or verdict.grade == "good" or len(header.channel_names) == 1
    text = foresee(points, run.budget.first_step, run.budget.seconds, is_apart=is_apart)
    if text != outlook_of(header.training):
        training = {**header.training, OUTLOOK: text}
        header = header.model_copy(update={"training": training})
        run.best = replace(run.best, header=header, path=None, sha256=None)
