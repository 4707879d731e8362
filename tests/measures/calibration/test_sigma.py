from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError
from tests.calibrations import calibrated_by

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.measures.calibration.sigma import sigma_of

MAP = ChannelCalibration(factor=1.5, method="map", spread=(1.0, 2.0, 4.0), sigma=(2.0, 2.0, 8.0))


def test_without_a_calibration_sigma_is_the_spread(rng):
    spread = rng.random((2, 5, 6), np.float32)
    np.testing.assert_array_equal(sigma_of(spread, None), spread)


def test_each_channel_has_its_own_calibration(rng):
    spread = rng.random((2, 5, 6), np.float32)
    both = CalibrationRecord(channels=(ChannelCalibration(factor=0.5), MAP))
    sigma = sigma_of(spread, both)
    assert sigma.dtype == np.float32
    np.testing.assert_allclose(sigma[0], 0.5 * spread[0])
    np.testing.assert_allclose(sigma[1], 2 * spread[1], rtol=1e-6)  # below the first knot


def test_a_map_goes_through_its_knots_rises_and_has_no_ceiling():
    spread = np.array([[0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 40.0]], np.float32)
    sigma = sigma_of(spread, CalibrationRecord(channels=(MAP,)))
    np.testing.assert_allclose(sigma, [[0, 2, 2, 2, 5, 8, 80]], rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        {"factor": 0.0},
        {"factor": float("nan")},
        {"factor": 1.0, "spread": (1.0,)},
        {"factor": 1.0, "spread": (2.0, 1.0), "sigma": (1.0, 2.0)},
        {"factor": 1.0, "spread": (1.0, 2.0), "sigma": (2.0, 1.0)},
    ],
)
def test_a_calibration_that_cannot_be_one_is_refused(values):
    with pytest.raises(ValidationError):
        ChannelCalibration(**values)


def test_some_channels_of_a_calibration_are_one_of_their_own():
    record = calibrated_by(1.0, 2.0, 3.0)
    assert record.of_channels([2, 0]).factors == (3.0, 1.0)
    with pytest.raises(ValueError, match="no calibration"):
        record.of_channels([3])
