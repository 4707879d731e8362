"""Error to expect of a split, without truth: its parts put together anew, and split once more.

The predicted structures are taken for true ones. Each is turned in a way of its own, so that
nothing of the image is met again; with fresh noise they make a superposition whose truth is known,
and what the model gets wrong of it, it will have got wrong of the image, about. Where the model
painted one structure into the other, its parts are alike, and that is seen, too.

Source: equivariant bootstrap (Tachella & Pereyra 2023, arXiv:2310.11838).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from napari_denoisplit.verdict import Finding, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.verdict import Grade

    Floats = NDArray[np.float32]

_EXPECTED = "expected error of "
WORSE, MUCH_WORSE = 1.4, 2.0
"""Error in units of that of the model's own kind that is worth a warning, and that is too much.
Wells of one plate differ by up to 1.33 times."""
ALIKE = 0.25
"""Correlation of two predicted structures beyond that of the model's own kind, likewise worth a
warning: biology may do so, too."""
_NOT_KNOWN = (
    "The model does not know which error to expect in images of its own kind, so that the one "
    "found here is not judged: give it a reference (denoisplit trust --reference)."
)


class RoundTrip(BaseModel):
    """What a round trip found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    errors: tuple[float, ...]
    """(C,), root of the share of a structure's variance that did not come back, up to its scale;
    0: all of it did, 1: nothing."""
    alike: tuple[float, ...]
    """Correlation of each two structures of the split: 0 with 1, 0 with 2, ..., 1 with 2, ..."""


class RoundTripSums:
    """Sums over windows behind a `RoundTrip`."""

    def __init__(self, n_structures: int) -> None:
        self._trips = np.zeros((3, n_structures))  # of parts, of what came back, of both
        self._parts = np.zeros((n_structures, n_structures))

    def add(self, parts: Floats, turned: Floats, again: Floats) -> None:
        """Take a window: predicted structures (C, Y, X), these as `turned`, and what came back."""
        n = len(parts)
        flat = parts.reshape(n, -1).astype(np.float64)
        flat -= flat.mean(axis=1, keepdims=True)
        self._parts += flat @ flat.T
        one, other = (x.reshape(n, -1).astype(np.float64) for x in (turned, again))
        one -= one.mean(axis=1, keepdims=True)
        other -= other.mean(axis=1, keepdims=True)
        self._trips += [(one**2).sum(1), (other**2).sum(1), (one * other).sum(1)]

    def figures(self) -> RoundTrip | None:
        """Return what was found; None where nothing was taken, or a structure is flat."""
        one, other, both = self._trips
        if not (one * other > 0).all():
            return None
        spread = np.sqrt(self._parts.diagonal())
        pairs = np.triu_indices(len(spread), 1)
        return RoundTrip(
            errors=tuple(np.sqrt(np.clip(1 - both**2 / (one * other), 0, 1)).tolist()),
            alike=tuple((self._parts / np.outer(spread, spread))[pairs].tolist()),
        )


def turned_apart(parts: Floats) -> Floats:
    """Flip each structure of (C, Y, X) otherwise: not at all, along x, along y, along both.

    Each four more are moved by a quarter of the width as well, around its end.
    """
    axes: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (0, 1))
    quarter = parts.shape[-1] // 4
    return np.stack(
        [
            np.roll(np.flip(part, axes[c % 4]), c // 4 * quarter, axis=1)
            for c, part in enumerate(parts)
        ]
    )


def expected_errors(verdict: Verdict) -> dict[str, float]:
    """Return the error to expect of each structure, by name; empty where none was found."""
    return {
        name.removeprefix(_EXPECTED): figure
        for name, figure in verdict.figures.items()
        if name.startswith(_EXPECTED)
    }


def judge_round_trip(names: Sequence[str], found: RoundTrip, own: RoundTrip | None) -> Verdict:
    """Judge an expected error by that of images of the model's own kind.

    Parameters
    ----------
    names
        Of the structures.
    found
        Of the image.
    own
        Of the model's own kind; None: not known, so that nothing is good.
    """
    figures = {f"{_EXPECTED}{n}": e for n, e in zip(names, found.errors, strict=True)}
    if own is None:
        return Verdict(grade="usable", reasons=(_NOT_KNOWN,), figures=figures)
    findings = [
        Finding(
            2 if error > MUCH_WORSE * usual else 1,
            f"Put together anew, with fresh noise, and split once more, {name} comes back with an "
            f"error of {error:.0%} of its contrast; in images of the model's own kind, of "
            f"{usual:.0%}. Expect an error like this in {name}: it is too dim beside the rest, or "
            "of another kind than the model knows. Train on images like this one.",
        )
        for name, error, usual in zip(names, found.errors, own.errors, strict=True)
        if error > WORSE * usual
    ]
    findings += [
        Finding(
            1,
            f"{one} and {other} look alike (correlation {alike:.2f}; {usual:.2f} in images "
            "of the model's own kind): one may show through in the other. Compare both with the "
            "image.",
        )
        for (one, other), alike, usual in zip(
            combinations(names, 2), found.alike, own.alike, strict=True
        )
        if alike > usual + ALIKE
    ]
    findings.sort(key=lambda one: -one.gravity)
    grade: Grade = ("good", "usable", "do not use")[max((f.gravity for f in findings), default=0)]
    return Verdict(grade=grade, reasons=tuple(f.text for f in findings), figures=figures)
