from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.measures.separation import judge_separation
from napari_denoisplit.measures.trust.adaptation import KEY, PairedTrips, standing_doubt
from napari_denoisplit.measures.trust.round_trip import RoundTripSums
from napari_denoisplit.verdict import Verdict

NAMES = ("nuclei", "actin")


@pytest.fixture
def turned(rng):
    return rng.normal(size=(2, 256, 256)).astype(np.float32)


def with_errors(turned, rng, *errors: float) -> np.ndarray:
    """What comes back with so much that is wrong, beside each structure's own."""
    scale = np.array(errors, np.float32)[:, None, None]
    return turned + scale * rng.normal(size=turned.shape).astype(np.float32)


def verdict_on(turned, before, after, noise=2.0) -> Verdict:
    trips = PairedTrips()
    trips.add(turned, before, after)
    return trips.verdict(NAMES, noise)


def test_errors_are_those_of_a_round_trip(turned, rng):
    before, after = with_errors(turned, rng, 0.5, 0.9), with_errors(turned, rng, 0.4, 0.6)
    verdict = verdict_on(turned, before, after)
    for when, again in (("before", before), ("adapted", after)):
        sums = RoundTripSums(2)
        sums.add(turned, turned, again)
        told = [verdict.figures[f"{name} {when}"] for name in NAMES]
        assert told == pytest.approx(sums.figures().errors, rel=1e-4)


def test_what_makes_every_structure_better_is_kept(turned, rng):
    before, after = with_errors(turned, rng, 0.5, 0.9), with_errors(turned, rng, 0.4, 0.6)
    assert verdict_on(turned, before, after).grade == "good"


def test_what_makes_one_structure_worse_is_not_however_much_the_other_gains(turned, rng):
    before, after = with_errors(turned, rng, 0.5, 0.9), with_errors(turned, rng, 0.1, 1.0)
    verdict = verdict_on(turned, before, after)
    assert verdict.grade == "do not use"
    assert "actin would be found worse" in verdict.reasons[0]


def test_a_model_that_stays_as_it_was_does_not_help(turned, rng):
    before = with_errors(turned, rng, 0.5, 0.9)
    verdict = verdict_on(turned, before, before.copy())
    assert verdict.grade == "do not use"
    assert "by chance" in verdict.reasons[0]


def test_a_gain_in_one_tile_alone_is_chance(turned, rng):
    before = with_errors(turned, rng, 0.5, 0.9)
    after = before.copy()
    after[:, :64, :64] = turned[:, :64, :64]
    verdict = verdict_on(turned, before, after)
    assert verdict.figures["change"] < 0
    assert verdict.grade == "do not use"


def test_recordings_as_quiet_as_the_training_images_are_left_alone(turned, rng):
    before, after = with_errors(turned, rng, 0.5, 0.9), with_errors(turned, rng, 0.4, 0.6)
    verdict = verdict_on(turned, before, after, noise=1.1)
    assert verdict.grade == "do not use"
    assert "1.1 times the noise" in verdict.reasons[0]


def test_every_split_of_an_adapted_model_is_doubtful():
    told = Verdict(grade="usable", reasons=("adapted",))
    apart = judge_separation(NAMES, np.eye(2)).model_dump(mode="json")
    mingled = judge_separation(NAMES, np.full((2, 2), 0.5)).model_dump(mode="json")
    adapted = {KEY: told.model_dump(mode="json")}
    assert standing_doubt({"separation": apart}) is None
    assert standing_doubt({"separation": apart} | adapted) == told
    assert standing_doubt({"separation": mingled} | adapted).grade == "do not use"
