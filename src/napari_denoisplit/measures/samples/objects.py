"""Objects of a structure: their mean, how uncertain it is, and how much of them can be believed."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.files import replacing
from napari_denoisplit.measures.samples.spread import SampleSpread, half_width

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Booleans = NDArray[np.bool_]

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
    trusted: float | None
    """Share of its pixels in the trust mask; None where there is none, without sigma."""
    plane: tuple[int, ...] = ()
    """Where it begins along each axis before Y and X, from 0."""


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


class ObjectSums:
    """Mean, interval and trusted share of every object, from samples one after the other.

    The spread of an object's mean over samples holds the covariance of its pixels. It is multiplied
    by the calibration of its pixels, the root of the ratio of their mean sigma^2 to the mean
    variance of their samples, which is 1 where the model is not calibrated.

    Parameters
    ----------
    labels
        (..., Y, X), 0 outside of objects.
    mmse, mask
        Same shape. Pixels whose MMSE is not known, NaN, belong to no object. No mask: what is
        trusted is not known.
    sigma
        Same shape; None takes the spread of the samples as it is.
    mirrored
        Whether the samples were drawn in pairs with mirrored noise.
    """

    def __init__(
        self,
        labels: NDArray[np.integer],
        mmse: Floats,
        sigma: Floats | None,
        mask: Booleans | None,
        *,
        mirrored: bool = False,
    ) -> None:
        inside = (labels > 0) & np.isfinite(mmse)
        numbers, first, member = np.unique(labels[inside], return_index=True, return_inverse=True)
        self._members = members = _Members(inside, member)
        self._numbers = numbers.tolist()
        self._planes = [at[first].tolist() for at in np.nonzero(inside)[:-2]]
        self._y, self._x = (
            members.mean(np.broadcast_to(grid, labels.shape)) for grid in _grids(labels.shape)
        )
        self._level = members.mean(mmse)
        self._share = None if mask is None else members.mean(mask)
        self._square = None if sigma is None else members.mean(np.square(sigma[inside]))
        self._fewest = _FEWEST_MIRRORED if mirrored else _FEWEST
        self._means, self._pixels = (SampleSpread(mirrored=mirrored) for _ in range(2))

    @property
    def n_objects(self) -> int:
        """Objects that hold a pixel."""
        return len(self._numbers)

    @property
    def n_samples(self) -> int:
        """Samples so far."""
        return self._means.n

    def add(self, sample: Floats) -> None:
        """Take in one more sample, (..., Y, X); one that was not drawn everywhere is left out."""
        values = np.asarray(sample)[self._members.inside]
        if np.isfinite(values).all():
            self._means.add(self._members.mean(values))
            self._pixels.add(values)

    def summaries(self) -> tuple[ObjectSummary, ...]:
        """Return what is known so far, one for each object by rising label."""
        known = self._uncertainty() if self.n_samples >= self._fewest else None
        found = []
        for i, number in enumerate(self._numbers):
            middle = float(self._level[i])
            s, half = (None, None) if known is None else (float(known[0][i]), float(known[1][i]))
            found.append(
                ObjectSummary(
                    label=number,
                    n_pixels=int(self._members.count[i]),
                    y=float(self._y[i]),
                    x=float(self._x[i]),
                    mean=middle,
                    sigma=s,
                    low=None if half is None else middle - half,
                    high=None if half is None else middle + half,
                    trusted=None if self._share is None else float(self._share[i]),
                    plane=tuple(at[i] for at in self._planes),
                )
            )
        return tuple(found)

    def _uncertainty(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sigma of the mean of each object, and half of its interval; (N,) each."""
        spread = np.sqrt(self._means.variance)
        if self._square is not None:
            plain = self._members.mean(self._pixels.variance)
            spread *= np.sqrt(self._square / np.maximum(plain, 1e-30))
        return spread, half_width(spread, self.n_samples, within=self._means.within)


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

    Parameters
    ----------
    labels, mmse, sigma, mask, mirrored
        As of `ObjectSums`.
    samples
        (K, ..., Y, X), read one after the other.
    """
    sums = ObjectSums(labels, mmse, sigma, mask, mirrored=mirrored)
    for sample in () if samples is None else samples:
        sums.add(sample)
    return sums.summaries()


class _Members:
    """Which pixel belongs to which of N objects."""

    def __init__(self, inside: Booleans, member: NDArray[np.intp]) -> None:
        self.inside, self._member = inside, member
        self.count = np.bincount(member).astype(np.float64)

    def mean(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Mean of each object, (N,), of an image or of its pixels inside."""
        within = values if values.ndim == 1 else values[self.inside]
        return np.bincount(self._member, within.astype(np.float64)) / self.count


def write_objects(path: Path, objects: Sequence[ObjectSummary]) -> None:
    """Write a table of objects as CSV, one in a line, whole or not at all."""
    names = [field.name for field in fields(ObjectSummary)]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        for one in objects:
            values = [getattr(one, name) for name in names]
            writer.writerow(["" if value is None else _text(value) for value in values])


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _grids(shape: tuple[int, ...]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    return y.astype(np.float32), x.astype(np.float32)
