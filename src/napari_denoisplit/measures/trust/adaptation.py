"""Whether an adapted model splits recordings better, judged without truth.

Both models, as it was and adapted, split the same superpositions: parts that the model as it was
has predicted of the recordings, turned apart and put together anew with fresh noise. Of those the
truth is known. The likelihood of the recording cannot judge: it is as high where structures have
changed places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from napari_denoisplit.measures.separation import doubt_about
from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LEAST_NOISE = 1.25
"""Noise of recordings, in units of that of the training images, from which on adapting is worth a
try. With less it took up to 1.3 dB from a structure, which the round trip did not always see."""
KEY = "adapted"
"""Of the verdict, in what a model file says of its training."""
EDGE = 64
"""Of a tile, pixels: errors of two tiles are about independent."""
LEAST_TILES = 4
_LEAST = 1e-12


class PairedTrips:
    """Sums over tiles of what two models make of the same parts; see `RoundTripSums`."""

    def __init__(self) -> None:
        self._tiles: tuple[list[NDArray[np.float64]], ...] = ([], [])

    def add(self, turned: Floats, before: Floats, after: Floats) -> None:
        """Take parts (C, Y, X), and what came back of them by the model as it was, and adapted."""
        for tiles, again in zip(self._tiles, (before, after), strict=True):
            tiles.append(_tile_sums(turned, again))

    @property
    def n_tiles(self) -> int:
        """Tiles so far."""
        return sum(map(len, self._tiles[0]))

    def verdict(self, names: Sequence[str], noise: float) -> Verdict:
        """Judge: 'good' if the adapted model is to be kept, else 'do not use'.

        Parameters
        ----------
        names
            Of the structures.
        noise
            Of the recordings, in units of that of the training images.
        """
        before, after = (np.concatenate(tiles) for tiles in self._tiles)
        was, now = before.sum(0), after.sum(0)
        change = np.log(_errors(now) / _errors(was))  # (C,)
        # The standard error of their mean, by leaving each tile out.
        rest = [
            float(np.log(_errors(now - a) / _errors(was - b)).mean())
            for b, a in zip(before, after, strict=True)
        ]
        error = float(np.std(rest)) * (len(rest) - 1) ** 0.5
        figures = {"change": float(change.mean()), "its standard error": error, "noise": noise}
        told = []
        for name, b, a in zip(names, _errors(was), _errors(now), strict=True):
            figures |= {f"{name} before": float(b), f"{name} adapted": float(a)}
            told.append(f"{name} {b:.1%} before, {a:.1%} adapted")
        found = f"error of parts of the recordings, put together anew and split: {', '.join(told)}"
        if noise >= LEAST_NOISE and change.max() <= 0 and change.mean() < -error:
            reasons = (f"Adapting helps ({found}).",)
            return Verdict(grade="good", reasons=reasons, figures=figures)
        worse = [name for name, c in zip(names, change, strict=True) if c > 0]
        if noise < LEAST_NOISE:
            text = (
                f"Adapting does not help: the recordings have {noise:.2g} times the noise of the "
                f"training images; it is worth a try from {LEAST_NOISE} times on ({found}). Split "
                "with the model as it is, or train on images like these."
            )
            return Verdict(grade="do not use", reasons=(text,), figures=figures)
        why = f"{' and '.join(worse)} would be found worse" if worse else "no more than by chance"
        text = (
            f"Adapting does not help: {why} ({found}). Split with the model as it is, or train on "
            "images like these."
        )
        return Verdict(grade="do not use", reasons=(text,), figures=figures)


def standing_doubt(training: Mapping[str, Any]) -> Verdict | None:
    """Return what holds of every split of a model; None where there is no such doubt.

    Its structures are not apart, or it was adapted without truth.
    """
    doubt = doubt_about(training)
    try:
        adapted = Verdict.model_validate(training.get(KEY))
    except ValidationError:
        return doubt
    return adapted if doubt is None else doubt.joined(adapted)


def _errors(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Error of each structure as of `RoundTrip.errors`, (C,), from sums (3, C)."""
    one, other, both = sums
    found: NDArray[np.float64] = np.sqrt(
        np.clip(1 - both**2 / np.maximum(one * other, _LEAST), _LEAST, 1)
    )
    return found


def _tile_sums(turned: Floats, again: Floats) -> NDArray[np.float64]:
    """Sum parts squared, what came back squared, and their product over tiles: (T, 3, C)."""
    rows, columns = (n // EDGE for n in turned.shape[1:])
    found = []
    one, other = (
        (x - x.mean(axis=(1, 2), keepdims=True))[:, : rows * EDGE, : columns * EDGE]
        .astype(np.float64)
        .reshape(len(x), rows, EDGE, columns, EDGE)
        for x in (turned, again)
    )
    for a, b in ((one, one), (other, other), (one, other)):
        found.append((a * b).sum(axis=(2, 4)).reshape(len(turned), -1).T)  # (T, C)
    return np.stack(found, axis=1)
