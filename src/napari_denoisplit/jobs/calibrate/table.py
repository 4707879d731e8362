"""The reliability diagram of a calibration as a table for other programs."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from napari_denoisplit.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.jobs.calibrate.job import Calibrated

__all__ = ["HEADINGS", "rows", "write_table"]

HEADINGS = ("channel", "sigma", "samples", "bin", "rmv", "rmse", "rmse_low", "rmse_high", "pixels")


def rows(result: Calibrated) -> list[tuple[str | int | float, ...]]:
    """Return a row for each bin of each curve, grey levels; see `HEADINGS`.

    'sigma' says of what: 'before', or one of the ways to calibrate. RMSE comes with one standard
    error below and above.
    """
    n_samples = result.record.n_samples or 0
    table: list[tuple[str | int | float, ...]] = []
    for channel in result.channels:
        curves = channel.curves
        named = [("before", n_samples, curves.before)]
        named += [(way, n_samples, curve) for way, curve in curves.after.items()]
        named += [(curves.chosen, step.n_samples, step.curve) for step in curves.by_samples[:-1]]
        for name, samples, curve in named:
            columns = (curve.rmv, curve.rmse, *curve.rmse_range, curve.counts)
            table += [
                (curves.channel, name, samples, i + 1, *(value.item() for value in values))
                for i, values in enumerate(zip(*columns, strict=True))
            ]
    return table


def write_table(path: Path, result: Calibrated) -> None:
    """Write the table as CSV, whole or not at all.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows(rows(result))
