from __future__ import annotations

import pytest

from napari_denoisplit.verdict import Verdict

GOOD = Verdict(grade="good", reasons=("fine",), figures={"a": 1.0})
USABLE = Verdict(grade="usable", reasons=("doubtful",), figures={"b": 2.0})
BAD = Verdict(grade="do not use", reasons=("wrong",))


@pytest.mark.parametrize(
    ("one", "other", "grade", "reasons"),
    [
        (GOOD, USABLE, "usable", ("doubtful",)),
        (USABLE, BAD, "do not use", ("wrong", "doubtful")),
        (GOOD, GOOD, "good", ("fine",)),
    ],
)
def test_the_graver_of_two_verdicts_holds(one, other, grade, reasons):
    for joined in (one.joined(other), other.joined(one)):
        assert (joined.grade, joined.reasons) == (grade, reasons)


def test_joined_verdicts_keep_the_figures_of_both():
    assert GOOD.joined(USABLE).figures == {"a": 1.0, "b": 2.0}
