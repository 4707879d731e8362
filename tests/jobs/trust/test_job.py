"""What a check says beside its residual and its round trip."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from tests.stand_in import stand_in

from napari_denoisplit.events import run
from napari_denoisplit.jobs.trust import job
from napari_denoisplit.measures.separation import KEY, judge_separation
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.verdict import Verdict

STOPPED = threading.Event()
STOPPED.set()


@dataclass(frozen=True)
class Check:
    verdict: Verdict


@pytest.mark.parametrize(("own", "grade"), [(0.9, "good"), (0.5, "usable"), (0.2, "do not use")])
def test_no_check_is_better_than_the_model_keeps_structures_apart(monkeypatch, own, grade):
    def residual_job(header, image, split, *, stop=None):
        return Check(Verdict(grade="good", reasons=("Nothing was found.",)))
        yield

    stand_in(monkeypatch, "jobs.trust.job", residual_job)
    separation = judge_separation(("a", "b"), np.array([[own, 0.0], [0.0, 0.9]]))
    training = {KEY: separation.model_dump(mode="json")}
    model = SimpleNamespace(header=SimpleNamespace(training=training))
    check = run(job.check_job(model, None, None, SplitSettings(), stop=STOPPED))
    assert check.verdict.grade == grade
