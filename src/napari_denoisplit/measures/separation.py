"""How well predicted structures are apart: what each holds of itself, and of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from napari_denoisplit.measures.outlook import outlook_of
from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

KEY = "separation"
"""Of the verdict, in what a model file says of its training."""
LAG = 2
"""Pixels between what is compared: the noise of a pixel tells nothing of one that far away."""
OWN = (0.6, 0.35)
"""Share of its own contrast from which a structure is good, and usable."""
OTHER = (0.3, 0.6)
"""Contrast of another structure, in units of what a structure holds of itself, up to which it is
good, and usable."""


class Separation:
    """Sums over images from which shares are found.

    A predicted structure is regressed on all recorded ones. Covariances are taken between pixels
    `LAG` apart, along both axes: structure reaches that far and noise does not, so that noisy
    recordings serve, and the noise that prediction and recording share does not count.
    """

    def __init__(self, n_channels: int) -> None:
        self._recorded = np.zeros((n_channels, n_channels))
        self._predicted = np.zeros((n_channels, n_channels))

    def add(self, recorded: NDArray[np.float32], predicted: NDArray[np.float32]) -> None:
        """Take one image: recorded channels (C, Y, X), noisy or not, and what was predicted."""
        self._recorded += _lagged(recorded, recorded)
        self._predicted += _lagged(predicted, recorded)

    def shares(self) -> NDArray[np.float64]:
        """Return what each predicted structure holds of each recorded one.

        Returns
        -------
        (C, C), row: predicted, column: recorded. On the diagonal the share of its own contrast
        that came back; beside it the contrast of another structure in it, in units of its own. NaN
        where a structure has no contrast.
        """
        own = np.sqrt(np.where(self._recorded.diagonal() > 0, self._recorded.diagonal(), np.nan))
        if not np.isfinite(own).all():
            return np.full_like(self._recorded, np.nan)
        scale = own[None] / own[:, None]
        return np.asarray(np.linalg.lstsq(self._recorded, self._predicted.T)[0].T * scale)


def judge_separation(names: Sequence[str], shares: NDArray[np.float64]) -> Verdict | None:
    """Judge how far structures are apart; of a single one, whether its contrast comes back.

    Parameters
    ----------
    names
        Of the structures.
    shares
        As of `Separation.shares`.

    Returns
    -------
    None where a structure has no contrast.
    """
    if not np.isfinite(shares).all():
        return None
    found = []
    for c, name in enumerate(names):
        own = float(shares[c, c])
        found.append(
            (
                _gravity(own >= OWN[0], own >= OWN[1]),
                f"{max(own, 0):.0%} of the contrast of {name} comes back: what is faint is lost.",
            )
        )
        others = np.abs(shares[c]) / max(own, 1e-3)
        others[c] = 0
        worst = int(np.argmax(others))
        found.append(
            (
                _gravity(others[worst] <= OTHER[0], others[worst] <= OTHER[1]),
                f"The image of {name} holds {names[worst]}, with {min(others[worst], 1):.0%} of "
                f"the strength of {name}.",
            )
        )
    gravity = max(g for g, _ in found)
    reasons = [text for g, text in sorted(found, key=lambda one: -one[0]) if g]
    grade = ("good", "usable", "do not use")[gravity]
    figures = {
        f"{b} in {a}": float(shares[i, j]) for i, a in enumerate(names) for j, b in enumerate(names)
    }
    well = "each structure is in its own image" if len(names) > 1 else f"{name} keeps its contrast"
    told = reasons or [f"On validation {well}."]
    return Verdict(grade=grade, reasons=tuple(told), figures=figures)


def separation_of(training: Mapping[str, Any]) -> Verdict | None:
    """Return how far the structures of a model are apart, if its file says."""
    try:
        return Verdict.model_validate(training.get(KEY))
    except ValidationError:
        return None


def separation_title(verdict: Verdict) -> str:
    """Name what was judged: of a single structure only whether its contrast comes back."""
    return "Separation" if len(verdict.figures) > 1 else "Contrast"


def doubt_about(training: Mapping[str, Any]) -> Verdict | None:
    """Return what holds of every split of a model whose structures are not apart; None if not."""
    verdict = separation_of(training)
    if verdict is None or verdict.grade == "good":
        return None
    first, *others = verdict.reasons
    failed = "keep the structures apart" if len(verdict.figures) > 1 else "keep the contrast"
    told = f"The model does not {failed}. On its validation images: {first}"
    outlook = (text,) if (text := outlook_of(training)) else ()
    return verdict.model_copy(update={"reasons": (told, *others, *outlook)})


def _gravity(is_good: bool, is_usable: bool) -> int:
    return 0 if is_good else 1 if is_usable else 2


def _lagged(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float64]:
    """Add up products (C, C) of all pixels of `a` with those of `b` that lie `LAG` away."""
    one, other = (x.astype(np.float64) - x.mean((1, 2), np.float64, keepdims=True) for x in (a, b))
    total = np.zeros((len(a), len(b)))
    for axis in (1, 2):
        ends = [slice(None)] * 3, [slice(None)] * 3
        ends[0][axis], ends[1][axis] = slice(LAG, None), slice(None, -LAG)
        first, last = (tuple(end) for end in ends)
        total += np.einsum("ayx,byx->ab", one[first], other[last])
        total += np.einsum("ayx,byx->ab", one[last], other[first])
    return total
