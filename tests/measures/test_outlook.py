"""What is said of real trainings is what became of them."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from napari_denoisplit.measures.outlook import Point, foresee, outlook_of

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SAID = {
    "short": "short training",
    "by heart": "by heart",
    "on its way": "before its learning rate came down",
    "gains": "would still help",
    "flat": "would gain little",
}


def real_trainings() -> dict[str, list[Point]]:
    """Every training of the quality benchmark, whose learning rate fell to zero."""
    found = {}
    for path in sorted(RESULTS.glob("[ABC]*.json")):
        log = json.loads(path.read_text())["log"]
        epochs = [re.search(r"step (\d+) .* validation (\S+)", line).groups() for line in log]
        end = int(epochs[-1][0])
        found[path.stem] = [
            Point(int(step), float(loss), 1 + math.cos(math.pi * int(step) / end))
            for step, loss in epochs
        ]
    return found


REAL = real_trainings()


def said(points: list[Point], begun: int = 0, *, is_apart: bool = True) -> str:
    text = foresee(points, begun, 300.0, is_apart=is_apart)
    return next((kind for kind, words in SAID.items() if words in text), text)


def became() -> list[tuple[str, str, float]]:
    """Of every real training at every epoch: name, what is said, and the share still learned."""
    found = []
    for name, points in REAL.items():
        for n in range(1, len(points)):
            now, later = (min(p.loss for p in part) for part in (points[:n], points))
            learned = (now - later) / (points[0].loss - later)
            found.append((name, said(points[:n]), learned))
    return found


def test_every_short_training_learns_much_more():
    assert min(learned for _, kind, learned in became() if kind == "short") > 0.05


def test_no_training_that_learns_by_heart_gets_better():
    assert max(learned for _, kind, learned in became() if kind == "by heart") < 0.01


def test_a_training_on_its_way_gains_unless_it_is_on_a_single_cell():
    gains = [(n, learned) for n, kind, learned in became() if kind == "on its way"]
    assert min(learned for name, learned in gains if name[0] != "B") > 0.05


@pytest.mark.parametrize("name", REAL)
def test_a_whole_training_on_a_single_cell_is_too_long_and_others_still_gain(name):
    assert said(REAL[name]) == ("by heart" if name[0] == "B" else "gains")


FLAT = [Point(100 * n, 1 + math.exp(-n), 1 - n / 10) for n in range(1, 11)]


def test_what_has_long_been_learned_gains_little():
    assert said(FLAT) == "flat"


def test_a_training_gone_on_with_is_judged_by_its_own_half():
    on = [Point(1000 + 100 * n, 1 - 0.02 * n, 1 - n / 10) for n in range(1, 11)]
    assert said([*FLAT, *on], begun=1000) == "gains"
    assert said([*FLAT, *(p._replace(loss=1.01) for p in on)], begun=1000) == "flat"


def test_mixed_structures_are_laid_to_the_images_only_where_the_training_is_over():
    assert "look alike" in foresee(FLAT, 0, 60, is_apart=False)
    assert "look alike" not in foresee(FLAT, 0, 60, is_apart=True)
    assert "look alike" not in foresee(FLAT[:2], 0, 60, is_apart=False)


def test_too_few_epochs_tell_nothing():
    assert foresee([Point(400, 1.0, 0.1), Point(800, 0.9, 0.0)], 0, 60, is_apart=True) == ""


@pytest.mark.parametrize("training", [{}, {"outlook": 3}])
def test_a_file_that_says_nothing_of_it_is_read(training):
    assert outlook_of(training) == ""
