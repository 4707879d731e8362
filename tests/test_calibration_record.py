from __future__ import annotations

import math

from napari_denoisplit.calibration_record import CalibrationScore


def test_a_score_that_could_not_be_measured_comes_back():
    known = dict.fromkeys(
        ("ece_before", "ece_after", "relative_ece_before", "relative_ece_after", "slope"), 1.5
    )
    score = CalibrationScore(
        channel="mito", **known, correlation=math.nan, coverage={"68": math.nan}, n_pixels=7
    )
    text = score.model_dump_json()
    assert "NaN" not in text
    found = CalibrationScore.model_validate_json(text)
    assert found.slope == 1.5
    assert math.isnan(found.correlation)
    assert math.isnan(found.coverage["68"])
