"""How well objects agree with the true ones: F1, Jaccard index and average precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Labels = NDArray[np.integer]

THRESHOLDS = tuple(0.5 + 0.05 * k for k in range(10))


@dataclass(frozen=True, slots=True)
class ObjectScore:
    """Agreement of objects, 0 to 1, over all planes.

    An object is found where the overlap with a true one is above a share of their union (IoU).
    """

    n_true: int
    n_found: int
    f1: float
    """2 TP / (2 TP + FP + FN) at an IoU of 0.5."""
    jaccard: float
    """Mean over the true objects of the IoU with the object that matches it; 0 where none does."""
    average_precision: float
    """TP / (TP + FP + FN) at an IoU of 0.5, as in the Data Science Bowl 2018."""
    mean_average_precision: float
    """The same, mean over IoU of 0.5, 0.55 ... 0.95."""


def score_objects(truth: Labels, found: Labels) -> ObjectScore:
    """Compare objects plane by plane.

    Parameters
    ----------
    truth, found
        Labels (..., Y, X) of the same shape, 0 outside of objects.

    Raises
    ------
    ValueError
        The shapes differ, or there is no object in the truth.
    """
    if truth.shape != found.shape:
        raise ValueError(f"the labels have shapes {truth.shape} and {found.shape}")
    matched: list[float] = []
    n_true = n_found = 0
    for plane in np.ndindex(truth.shape[:-2]):
        overlaps, n, m = _overlaps(truth[plane], found[plane])
        # Above one half of the union, an object has one partner at most.
        matched += [float(iou) for iou in overlaps if iou > 0.5]
        n_true, n_found = n_true + n, n_found + m
    if not n_true:
        raise ValueError("there is no object in the truth")

    def precision(threshold: float) -> float:
        hits = sum(iou > threshold for iou in matched)
        return hits / (n_true + n_found - hits)

    return ObjectScore(
        n_true=n_true,
        n_found=n_found,
        f1=2 * len(matched) / (n_true + n_found),
        jaccard=sum(matched) / n_true,
        average_precision=precision(0.5),
        mean_average_precision=float(np.mean([precision(t) for t in THRESHOLDS])),
    )


def _overlaps(truth: Labels, found: Labels) -> tuple[NDArray[np.float64], int, int]:
    """IoU of every pair of objects that overlap, and the numbers of objects."""
    true_names, t = np.unique(np.append(truth.ravel(), 0), return_inverse=True)
    found_names, f = np.unique(np.append(found.ravel(), 0), return_inverse=True)
    t, f = t[:-1], f[:-1]
    shared = np.zeros((len(true_names), len(found_names)))
    np.add.at(shared, (t, f), 1)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    inside = np.outer(true_names != 0, found_names != 0) & (shared > 0)
    return shared[inside] / union[inside], len(true_names) - 1, len(found_names) - 1
