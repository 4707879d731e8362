"""Where a predicted structure stands out from its own uncertainty, and what its objects are worth.

sigma is the spread of the learned posterior, scaled by the calibration where the model has one. It
tells what the image leaves open, not what the model has never learned.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.files import replacing
from napari_denoisplit.measures.sample_spread import SampleSpread, half_width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Booleans = NDArray[np.bool_]

__all__ = [
    "ObjectSummary",
    "background_of",
    "connected_objects",
    "relative_uncertainty",
    "summarize_objects",
    "write_objects",
]

_DARK = 10  # percent of the pixels that show no structure in most images
_PIXELS = 1_000_000  # tell a percentile
_FEWEST = 3  # samples that tell a spread
_FEWEST_MIRRORED = 4  # in two pairs


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One object of a structure; grey levels of the image."""

    label: int
    n_pixels: int
    y: float
    x: float
    """Centre, pixels."""
    mean: float
    """Mean of the MMSE over the object, background not taken away."""
    sigma: float | None
    """Uncertainty of that mean: spread of the samples' means, calibrated as the pixels are. None
    with fewer than three samples, or two mirrored pairs; the sigmas of single pixels cannot tell
    it, since neighbouring pixels err together."""
    low: float | None
    high: float | None
    """95 % interval of the mean."""
    trusted: float
    """Share of its pixels in the trust mask."""


def background_of(mmse: Floats) -> float:
    """Level without structure: the 10th percentile of the pixels, grey levels."""
    known = mmse.ravel()[:: max(1, mmse.size // _PIXELS)]
    known = known[np.isfinite(known)]
    return float(np.percentile(known, _DARK)) if known.size else 0.0


def relative_uncertainty(mmse: Floats, sigma: Floats, background: float) -> NDArray[np.float32]:
    """Sigma over signal, sigma / |MMSE - background|, of every pixel.

    Below 1/3, a structure is more than three sigma away from the background. Infinite, or large,
    where there is no structure: the mask says where structure can be believed, not where its
    absence can.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(sigma / np.abs(mmse - background), dtype=np.float32)
    ratio[~np.isfinite(ratio)] = np.inf
    return ratio


def connected_objects(mask: Booleans, least_pixels: int = 1) -> NDArray[np.int32]:
    """Label connected pixels of a mask (..., Y, X), plane by plane, from 1.

    Small objects are left out. Pixels are connected along edges and corners. Labels are unique over
    all planes.
    """
    from scipy import ndimage  # takes 0.2 s

    labels = np.zeros(mask.shape, np.int32)
    last = 0
    for index in np.ndindex(mask.shape[:-2]):
        found, n = ndimage.label(mask[index], structure=np.ones((3, 3), bool))
        sizes = np.bincount(found.ravel(), minlength=n + 1)
        keep = sizes >= least_pixels
        keep[0] = False
        number = np.where(keep, np.cumsum(keep) + last, 0)
        labels[index] = number[found]
        last += int(keep.sum())
    return labels


def summarize_objects(
    labels: NDArray[np.integer],
    mmse: Floats,
    sigma: Floats | None,
    mask: Booleans,
    samples: Floats | None = None,
    *,
    mirrored: bool = False,
) -> tuple[ObjectSummary, ...]:
    """Mean, interval and trusted share of every object.

    The spread of an object's mean over samples holds the covariance of its pixels. It is multiplied
    by the calibration of its pixels, the root of the ratio of their mean sigma^2 to the mean
    variance of their samples, which is 1 where the model is not calibrated.

    Parameters
    ----------
    labels
        (..., Y, X), 0 outside of objects.
    mmse, mask
        Same shape.
    sigma
        Same shape; None takes the spread of the samples as it is.
    samples
        (K, ..., Y, X), read one after the other.
    mirrored
        Whether the samples were drawn in pairs with mirrored noise.
    """
    inside = labels > 0
    if not inside.any():
        return ()
    numbers, member = np.unique(labels[inside], return_inverse=True)
    count = np.bincount(member).astype(np.float64)

    def mean(values: Floats) -> NDArray[np.float64]:
        return np.bincount(member, values[inside].astype(np.float64)) / count

    y, x = (mean(np.broadcast_to(grid, labels.shape)) for grid in _grids(labels.shape))
    level, share = mean(mmse), mean(mask.astype(np.float32))
    spread = half_widths = None
    if samples is not None and len(samples) >= (_FEWEST_MIRRORED if mirrored else _FEWEST):
        means, pixels = SampleSpread(mirrored=mirrored), SampleSpread(mirrored=mirrored)
        for sample in samples:
            values = np.asarray(sample)  # one after the other: they may lie on disk
            means.add(mean(values))
            pixels.add(values[inside])
        spread = np.sqrt(means.variance)
        if sigma is not None:
            variance = np.bincount(member, pixels.variance) / count
            spread *= np.sqrt(mean(np.square(sigma)) / np.maximum(variance, 1e-30))
        half_widths = half_width(spread, len(samples), within=means.within)
    summaries = []
    for i, number in enumerate(numbers.tolist()):
        s = None if spread is None else float(spread[i])
        half = None if half_widths is None else float(half_widths[i])
        summaries.append(
            ObjectSummary(
                label=number,
                n_pixels=int(count[i]),
                y=float(y[i]),
                x=float(x[i]),
                mean=float(level[i]),
                sigma=s,
                low=None if half is None else float(level[i]) - half,
                high=None if half is None else float(level[i]) + half,
                trusted=float(share[i]),
            )
        )
    return tuple(summaries)


def write_objects(path: Path, objects: Sequence[ObjectSummary]) -> None:
    """Write a table of objects as CSV, one in a line, whole or not at all."""
    names = [field.name for field in fields(ObjectSummary)]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for one in objects:
            values = [getattr(one, name) for name in names]
            writer.writerow(["" if value is None else _text(value) for value in values])


def _text(value: int | float) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _grids(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    return y.astype(np.float32), x.astype(np.float32)
