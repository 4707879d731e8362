"""What a killed training leaves is enough to go on as if nothing had been."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.quick_training import quick_training

from napari_denoisplit.checkpoint import last_path, load_model
from napari_denoisplit.events import EpochDone, Progress, run
from napari_denoisplit.jobs.learning import loop
from napari_denoisplit.jobs.train.job import train_job

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")


@pytest.fixture(autouse=True)
def one_thread():
    """Sums add up in the same order."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)


def killed(job, steps: int) -> None:
    """Take so many steps, and then none, nor anything that would be done at the end."""
    with pytest.MonkeyPatch.context() as every_step:
        every_step.setattr(loop, "SECONDS_BETWEEN_STATES", -1)
        every_step.setattr(loop, "SECONDS_BETWEEN_PROGRESS", -1)
        for event in job:
            steps -= isinstance(event, Progress) and "step" in event.text
            if not steps:
                break
        job.close()


def of_epochs(history: tuple[EpochDone, ...]) -> list[EpochDone]:
    return [replace(done, seconds=0) for done in history]


@pytest.mark.parametrize(("schedule", "steps"), [("budget", 1), ("budget", 6), ("plateau", 9)])
def test_a_killed_training_goes_on_to_the_same_numbers(fields, settings, tmp_path, schedule, steps):
    # So fast that it gets worse at times, and the plateau counts.
    how = {"schedule": schedule, "plateau_patience": 1, "learning_rate": 0.03, "method": "musplit"}
    settings = settings.model_copy(update=how)
    whole = run(train_job(fields, settings, path=tmp_path / "a.denoisplit"))
    path = tmp_path / "b.denoisplit"
    killed(train_job(fields, settings, path=path), steps)
    rest = run(train_job(fields, settings, path=path, resume=last_path(path)))
    n_left = len(rest.history)
    assert n_left == 3 - (steps - 1) // 4
    assert of_epochs(rest.history) == of_epochs(whole.history[-n_left:])
    a, b = (load_model(last_path(r.path)).training_state for r in (whole, rest))
    for name in a.keys() - {"seconds", "budget"}:
        assert torch.equal(a[name], b[name]), name


def test_a_budget_that_was_used_up_is_whole_again(fields, settings, tmp_path):
    path, settings = tmp_path / "m.denoisplit", settings.model_copy(update={"method": "musplit"})
    run(train_job(fields, settings, path=path))
    again = run(train_job(fields, settings, path=path, resume=last_path(path)))
    assert [done.step for done in again.history] == [16, 20, 24]
