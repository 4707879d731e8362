"""A recording is judged by what the model was trained for."""

from __future__ import annotations

import pytest

from napari_denoisplit.measures.trust.recording import RecordingFigures, judge_recording


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
