"""What posterior samples say about a pixel, an area or a line.

The mean over an area is formed sample by sample; the spread of these means is the uncertainty of
the area's mean. Neighbouring pixels of a sample go up and down together, so that the sigmas of
single pixels, put together as if they were independent, would claim far too much certainty.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.results.arrays import pixels_of
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.measures.samples.spread import SampleSpread, half_width

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.trust.footprint import Footprint

    Floats = NDArray[np.float64]

_FEWEST = 3  # samples that tell a correlation


class ReadingStopped(Exception):
    """Nobody waits for these samples any more."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval, in image units."""

    mean: float
    sigma: float
    low: float
    high: float
    n_samples: int
    """Samples behind `sigma`."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """Values along a line, of C structures at P points."""

    distance: Floats
    """(P,), pixels from the beginning of the line."""
    mean: Floats
    """(C, P)"""
    low: Floats
    """(C, P)"""
    high: Floats
    """(C, P)"""


@dataclass(frozen=True, slots=True, eq=False)
class SampleReading:
    """Samples of C structures at one place: the numbers of the plots."""

    kind: str
    """'pixel', 'area' or 'line'"""
    structures: tuple[str, ...]
    values: Floats
    """(C, K): value of the pixel, or mean over the area or line, in each kept sample."""
    estimates: tuple[Estimate, ...]
    """One for each structure."""
    calibrated: bool
    """Whether sigma was fitted to measured errors, or is the plain spread of the samples."""
    correlation: Floats
    """(C, C), Pearson's r over the samples; NaN where a structure does not vary."""
    n_points: int
    independent: tuple[float, ...] | None
    """Of an area: sigma that its mean would have if pixels were independent, for comparison."""
    profile: Profile | None
    """Of a line."""
    observed: float | None
    """The input there: value of the pixel, or mean."""
    where: tuple[int, int] | None
    """Y, X of the pixel."""


def read_samples_at(
    split: Split,
    plane: tuple[int, ...],
    footprint: Footprint,
    observed: Any = None,
    *,
    stop: threading.Event | None = None,
) -> SampleReading:
    """Read all kept samples at a place, one after the other.

    Parameters
    ----------
    split
        The samples.
    plane
        Index along each axis before Y and X.
    footprint
        Where in the plane.
    observed
        The input image (Y, X), in the same pixels; None where it is not known.
    stop
        Ends the reading of a large place.

    Raises
    ------
    ImageError
        The place lies outside the image.
    ReadingStopped
        `stop` was set.
    """
    box = footprint.box
    if any(b.start < 0 or b.stop > n for b, n in zip(box, split.plane_shape, strict=True)):
        height, width = split.plane_shape
        raise ImageError(
            f"Y, X {(box[0].start, box[1].start)} lies outside the image of {height} x {width} "
            "pixels: choose a place inside."
        )
    values, points = _gather(split, plane, footprint, stop or threading.Event())
    whole = SampleSpread(mirrored=split.mirrored)
    for column in values.T:
        whole.add(column)
    spread = np.sqrt(whole.variance) * points.calibration
    centre, n_samples = whole.mean, split.n_kept
    if split.mmse_arrays is not None:
        centre = _mean_at(split.mmse_arrays, plane, footprint)
    if footprint.kind == "pixel" and split.sigma_arrays is not None:
        spread = _mean_at(split.sigma_arrays, plane, footprint)
        n_samples = max(split.n_samples, split.n_kept)
    half = half_width(spread, n_samples, within=whole.within)
    return SampleReading(
        kind=footprint.kind,
        structures=split.structures,
        values=values,
        estimates=tuple(
            Estimate(m, s, m - h, m + h, n_samples)
            for m, s, h in zip(centre.tolist(), spread.tolist(), half.tolist(), strict=True)
        ),
        calibrated=split.calibrated,
        correlation=_correlation(values),
        n_points=len(footprint),
        independent=None if footprint.kind != "area" else tuple(points.independent.tolist()),
        profile=_profile(split, plane, footprint, points),
        observed=None if observed is None else float(_mean_at((observed,), (), footprint)[0]),
        where=(int(footprint.y[0]), int(footprint.x[0])) if footprint.kind == "pixel" else None,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """What the samples say of each point, of C structures at P points."""

    calibration: Floats
    """(C,): sigma relative to the spread, both as root mean squares over all points."""
    independent: Floats
    """(C,): sigma of the mean over all points, were they independent."""
    mean: Floats
    """(C, P) of a line; else (C, 0): of an area there may be millions."""
    sigma: Floats
    within: Floats | None


def _gather(
    split: Split, plane: tuple[int, ...], footprint: Footprint, stop: threading.Event
) -> tuple[Floats, _Points]:
    """Mean of each sample (C, K), and the points; read piece by piece."""
    n = len(footprint)
    means, totals = np.zeros((split.n_structures, split.n_kept)), np.zeros((2, split.n_structures))
    kept = np.zeros((3, split.n_structures, 0 if footprint.distance is None else n))
    for at, piece in footprint.pieces():
        spread = SampleSpread(mirrored=split.mirrored)
        for k in range(split.n_kept):
            if stop.is_set():
                raise ReadingStopped
            crop = np.stack(split.read_sample(k, plane, piece.box))
            values = piece.values(crop).astype(np.float64)  # (C, P)
            means[:, k] += values.sum(axis=1)
            spread.add(values)
        sigma = sigma_of(np.sqrt(spread.variance), split.calibration)
        totals += spread.variance.sum(axis=1), np.square(sigma).sum(axis=1)
        if footprint.distance is not None:
            within = np.nan if spread.within is None else spread.within
            for place, numbers in enumerate((spread.mean, sigma, within)):
                kept[place][:, at] = numbers
    mean, sigma, within = kept
    variance, squares = totals
    # The mean of an area is as much more uncertain than its samples say as its pixels are.
    calibration = np.sqrt(squares / np.where(variance > 0, variance, 1.0))
    return means / n, _Points(
        calibration, np.sqrt(squares) / n, mean, sigma, within if split.mirrored else None
    )


def _values_at(array: Any, plane: tuple[int, ...], footprint: Footprint) -> Floats:
    """Values of an image (..., Y, X) at the points, (P,); read piece by piece."""
    found = np.empty(len(footprint))
    for at, piece in footprint.pieces():
        found[at] = piece.values(pixels_of(array[(*plane, *piece.box)]))
    return found


def _mean_at(arrays: Any, plane: tuple[int, ...], footprint: Footprint) -> Floats:
    return np.array([_values_at(array, plane, footprint).mean() for array in arrays])


def _correlation(values: Floats) -> Floats:
    if values.shape[1] < _FEWEST:
        return np.full((len(values),) * 2, np.nan)
    deviation = values - values.mean(axis=1, keepdims=True)
    norm = np.sqrt((deviation**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        r: Floats = deviation @ deviation.T / np.outer(norm, norm)
    return r


def _profile(
    split: Split, plane: tuple[int, ...], footprint: Footprint, points: _Points
) -> Profile | None:
    if footprint.distance is None:
        return None
    mean = points.mean
    if split.mmse_arrays is not None:
        mean = np.stack([_values_at(array, plane, footprint) for array in split.mmse_arrays])
    half = half_width(points.sigma, split.n_kept, within=points.within)
    # Too few samples have no interval: NaN leaves a gap in the plot.
    half = np.where(np.isfinite(half), half, np.nan)
    return Profile(footprint.distance, mean, mean - half, mean + half)
