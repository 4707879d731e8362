"""How many samples a plane needs for its mean to be as precise as was asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from napari_denoisplit.sampling.moments import Moments
    from napari_denoisplit.settings import SplitSettings

LEAST = 4
"""Samples before which their spread is too uncertain to judge by: of n samples, the standard
deviation of a pixel is known to 1 / sqrt(2 (n - 1))."""


def relative_error(moments: Moments) -> float:
    """Tell the sampling error of the MMSE, percent of the contrast, of the worst structure.

    The error is the root mean square of the mean's standard error over Y and X, the contrast the
    standard deviation of the mean over Y and X.
    """
    contrast = moments.mean.std(dim=(-2, -1), correction=0).cpu().double()
    worst = (moments.error / contrast).nan_to_num(nan=0.0, posinf=torch.inf).max()  # 0 / 0 is exact
    return 100 * float(worst)


def samples_needed(moments: Moments, settings: SplitSettings) -> int:
    """Tell after how many samples to stop, as far as those so far can tell.

    At least 4 and those to be kept, at most `settings.n_samples`, and complete pairs of mirrored
    ones. Until it is reached the number is an estimate, as the error falls with the root of the
    number of samples.

    Parameters
    ----------
    moments
        Of the samples so far.
    settings
        Their largest number, and the target error; None is all of them.
    """
    most = settings.n_samples
    if settings.target_error is None or moments.n < 2:
        return most
    error = relative_error(moments)
    if not math.isfinite(error):
        return most
    if error <= settings.target_error:
        needed = moments.n
    else:
        ratio = min((error / settings.target_error) ** 2, most)
        needed = max(math.ceil(moments.n * ratio), moments.n + 1)
    needed = max(needed, LEAST, settings.keep_samples)
    return min(most, needed + needed % 2 if settings.antithetic else needed)


class Precision:
    """Whether the planes of an image have become as precise as was asked for.

    Parameters
    ----------
    settings
        Their largest number of samples, and the target error.
    """

    def __init__(self, settings: SplitSettings) -> None:
        self._settings = settings
        self._counts: list[int] = []
        self._errors: list[float] = []

    def take(self, moments: Moments) -> None:
        """Take note of a plane that is complete."""
        if self._settings.target_error is not None:
            self._counts.append(moments.n)
            self._errors.append(relative_error(moments))

    def notes(self) -> list[str]:
        """Say it in sentences; nothing where nothing was asked for."""
        target = self._settings.target_error
        if target is None or not self._counts:
            return []
        enough = [n for n, e in zip(self._counts, self._errors, strict=True) if e <= target]
        notes = []
        if enough:
            least, most = min(enough), max(enough)
            number = f"{most}" if least == most else f"{least} to {most}"
            notes.append(f"Sampling error of the MMSE below {target:g}% after {number} samples")
        if len(enough) < len(self._counts):
            missed = len(self._counts) - len(enough)
            of = f" in {missed} of {len(self._counts)} planes" if len(self._counts) > 1 else ""
            notes.append(
                f"Sampling error of the MMSE {max(self._errors):.2g}%{of} after all "
                f"{self._settings.n_samples} samples, {target:g}% was asked for"
            )
        return notes
