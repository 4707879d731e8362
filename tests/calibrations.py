"""Calibrations by known factors."""

from __future__ import annotations

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration


def calibrated_by(*factors: float) -> CalibrationRecord:
    return CalibrationRecord(channels=tuple(ChannelCalibration(factor=f) for f in factors))
