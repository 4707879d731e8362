"""A recording is judged by what the model was trained for."""

from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.trust.recording import (
    HIDING,
    RecordingFigures,
    judge_recording,
    judge_untold,
    with_unfamiliar,
)
from napari_denoisplit.verdict import Verdict


@pytest.mark.parametrize(
    ("noise", "high", "grade"),
    [
        (1.4, 1, "good"),
        (2.0, 1, "usable"),
        (3.0, 1, "do not use"),
        (2.0, 2, "good"),
        (4.0, 2, "usable"),
        (6.0, 2, "do not use"),
    ],
)
def test_noise_is_judged_by_the_most_that_was_trained_on(noise, high, grade):
    verdict = judge_recording(RecordingFigures(noise, shift=1.0), high)
    assert verdict.grade == grade
    assert ("2 times at most in training" in verdict.reasons[0]) == (high == 2 and grade != "good")


def test_noise_within_the_range_excuses_no_other_kind_of_image():
    assert judge_recording(RecordingFigures(2.0, shift=6.0)).grade == "usable"  # taken for noise
    assert judge_recording(RecordingFigures(2.0, shift=12.0), 2).grade == "do not use"


@pytest.mark.parametrize(
    ("share", "told", "grade"), [(0.0, 0, "good"), (0.08, 1, "good"), (0.09, 1, "usable")]
)
def test_only_much_that_is_unfamiliar_makes_a_verdict_graver(share, told, grade):
    strangeness = np.where(np.arange(100) < 100 * share, 3.0, 1.0)
    found = with_unfamiliar(Verdict(grade="good", reasons=("All is explained.",)), strangeness)
    assert found.grade == grade
    assert found.figures["unfamiliar"] == share
    assert sum(f"{share:.0%} of the image looks unlike" in r for r in found.reasons) == told


def test_what_is_not_known_is_not_unfamiliar():
    strangeness = np.array([np.nan, np.nan, 3.0, 1.0])
    good = Verdict(grade="good", reasons=("All is explained.",))
    assert with_unfamiliar(good, strangeness).figures["unfamiliar"] == 0.5
    assert with_unfamiliar(good, strangeness[:2]).figures["unfamiliar"] == 0


@pytest.mark.parametrize("noise", [1.2, 1.6])
def test_weights_are_told_only_where_noise_hides_nothing(noise):
    verdict = judge_untold({"nuclei": 0.7, "actin": 1.3}, (0.5, 0.5), "", noise)
    (reason,) = verdict.reasons
    assert verdict.grade == "usable"
    assert ("train with the weights 0.35, 0.65" in reason) == (noise < HIDING)
    assert ("due to the noise, 1.6 times" in reason) == (noise > HIDING)
