"""Table of a histogram noise model, (3, bins, bins), as PN2V lays it out.

[0][i, j] is the probability of observation bin j at signal bin i, [1][i, :] the lower and
[2][i, :] the upper edge of signal bin i; observations have the same bins. A row without any
probability stands for a signal that was never seen.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MOST_BINS = 1024
LEAST_ROW = 1e-20
"""Rows that sum to less hold nothing; PN2V adds 1e-30 to every entry of an empty row."""
_LARGEST_EDGE = 1e18
"""Grey levels: float32, in which variances are computed, ends at the square of 1.8e19."""
_UNEVEN = 1e-3  # of a bin's width, that edges may differ from evenly spaced ones


def table_values(table: NDArray[Any], what: str = "The table") -> dict[str, Any]:
    """Return a table as `HistogramNoise.from_dict` takes it.

    Raises
    ------
    NoiseModelError
        It is no such table; `what` names it.
    """
    checked = check_table(table, what)
    rows = np.flatnonzero(filled_rows(checked))
    return {
        "kind": "histogram",
        "n_bins": checked.shape[1],
        "min_signal": float(checked[1, rows[0], 0]),
        "max_signal": float(checked[2, rows[-1], 0]),
        "table": packed_table(checked),
    }


def filled_rows(table: Floats) -> NDArray[np.bool_]:
    """Tell which signals were seen, (bins,)."""
    filled: NDArray[np.bool_] = table[0].sum(axis=1) > LEAST_ROW
    return filled


def check_table(table: NDArray[Any], what: str = "The table") -> Floats:
    """Return the table as float64.

    Raises
    ------
    NoiseModelError
        It has another shape, holds something that is no probability, or no evenly spaced bins.
    """
    problem = _problem_with(table)
    if problem:
        raise NoiseModelError(f"{what} is not a histogram noise model: {problem}.")
    return np.array(table, dtype=np.float64, order="C")


def _problem_with(table: NDArray[Any]) -> str:
    """Say why an array is not the table of a noise model; nothing if it is."""
    shape = table.shape
    if len(shape) != 3 or shape[0] != 3 or shape[1] != shape[2] or not 2 <= shape[1] <= MOST_BINS:
        return f"its shape is {shape}, not (3, bins, bins) with 2 to {MOST_BINS} bins"
    if table.dtype.kind not in "fiu" or not np.isfinite(table).all():
        return f"it holds {table.dtype} values that are not all finite numbers"
    table = table.astype(np.float64)
    filled = filled_rows(table)
    if table[0].min() < 0 or not filled.any():
        return "its rows hold negative probabilities or none at all"
    sums = table[0].sum(axis=1)[filled]
    if np.abs(sums - 1).max() > 1e-3:
        return f"a row sums to {sums[np.abs(sums - 1).argmax()]:g} instead of 1"
    edges = np.append(table[1, :, 0], table[2, -1, 0])
    if (largest := np.abs(table[1:]).max()) > _LARGEST_EDGE:
        return f"a bin begins or ends at {largest:g}, and more than {_LARGEST_EDGE:g} has no square"
    width = (edges[-1] - edges[0]) / shape[1]
    uneven = np.abs(edges - np.linspace(edges[0], edges[-1], len(edges))).max()
    if not width > 0 or uneven > _UNEVEN * width:
        return "the edges of its bins are not evenly spaced"
    return ""


def packed_table(table: Floats) -> str:
    """Table as text: little-endian float64, deflated, base64."""
    return base64.b64encode(zlib.compress(table.astype("<f8").tobytes(), 6)).decode("ascii")


def unpacked_table(text: Any, n_bins: Any) -> Floats:
    """Table from what `packed_table` made of it.

    Raises
    ------
    NoiseModelError
        The text is damaged, or the table is of another size.
    """
    try:
        if not 2 <= int(n_bins) <= MOST_BINS:
            raise ValueError(f"{n_bins} bins")
        expected = 3 * int(n_bins) ** 2 * 8
        inflate = zlib.decompressobj()
        data = inflate.decompress(base64.b64decode(text, validate=True), expected + 1)
        if len(data) != expected:
            raise ValueError(f"{len(data)} bytes for {n_bins} bins")
    except (TypeError, ValueError, binascii.Error, zlib.error) as error:
        raise NoiseModelError(
            f"The table of this histogram noise model cannot be read ({error}): the file is "
            "damaged. Take a copy or fit the model anew."
        ) from error
    values = np.frombuffer(data, dtype="<f8").reshape(3, int(n_bins), int(n_bins))
    return values.astype(np.float64)
