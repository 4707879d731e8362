"""The pixels that a noise model is fitted to, and those that it is compared on.

Some ten thousand pairs tell the few numbers of a model nearly as well as all of them, so fits work
on a sample: half of it drawn evenly from the pixels, half evenly from the range of the signal. The
likelihood is conditional on the signal, hence drawing by signal does not bias it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.judging.signal_bins import BinnedPixels
from napari_denoisplit.noise.pairs.line import NoiseLine
from napari_denoisplit.noise.pairs.rounding import rounded_to
from napari_denoisplit.noise.pairs.spread import unsaturated_signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.noise.pairs.pairs import Pairs

    Floats = NDArray[np.float64]

_DRAWN = 400_000  # pairs to look at, whatever the size of the images
_FITTED = 64_000
_THINNED = 16_000
_HELD_OUT = 8_000
_BINS = 50
_LEAST_PAIRS = 200


@dataclass(frozen=True, slots=True, eq=False)
class FitSample:
    """Pairs of signal and observation, grey levels, all finite."""

    signal: Floats
    """(N,), to fit to."""
    observation: Floats
    held_signal: Floats
    """(M,), to compare on; none of them is fitted to."""
    held_observation: Floats
    low: float
    """Least signal of the images."""
    high: float
    """Highest signal of the images, or where saturation begins."""
    binned: BinnedPixels
    """Everything that was drawn to fit to, by its signal: it tells the variance of the noise."""

    @classmethod
    def draw(
        cls, signal: Any, observation: Any, *, max_signal: float = math.inf, seed: int = 0
    ) -> Self:
        """Draw a sample from images.

        Parameters
        ----------
        signal
            Grey levels; broadcasts to the observation, so that one mean image (Y, X) goes with
            a stack of repeats (T, Y, X).
        observation
            Noisy image in the same unit. Pairs with a value that is not finite are left out.
        max_signal
            Leave out pairs above. Signals whose observations are clipped are left out anyway.
        seed
            Seed of the draw.

        Raises
        ------
        NoiseModelError
            There are too few pairs, the signal is of one value, or there is no noise.
        """
        rng = np.random.default_rng(seed)
        s, x, limit = draw_pairs(signal, observation, max_signal, _DRAWN, rng)
        low, high = (float(f.reduce(signal, axis=None)) for f in (np.fmin, np.fmax))
        if not (math.isfinite(low) and math.isfinite(high)):
            low, high = (float(s.min()), float(s.max())) if len(s) else (0.0, 0.0)
        shuffled = rng.permutation(len(s))
        return cls._split(s[shuffled], x[shuffled], low, min(high, limit), rng)

    @classmethod
    def of(cls, pairs: Pairs, *, seed: int = 0) -> Self:
        """Draw a sample from pairs that were gathered, the last third of which is held out.

        Raises
        ------
        NoiseModelError
            There are too few pairs, the signal is of one value, or there is no noise.
        """
        rng = np.random.default_rng(seed)
        most = slice(0, _DRAWN)  # they are in random order
        fitted, held = pairs.fitted(), pairs.held_out()
        s, x = (
            np.concatenate([f[most], h[: _DRAWN // 2]]).astype(np.float64)
            for f, h in zip(fitted, held, strict=True)
        )
        return cls._split(s, x, *pairs.signal_range, rng, n_held=min(len(held[0]), _DRAWN // 2))

    @classmethod
    def _split(
        cls,
        s: Floats,
        x: Floats,
        low: float,
        high: float,
        rng: np.random.Generator,
        n_held: int | None = None,
    ) -> Self:
        """Sample of shuffled pairs of which the last are held out."""
        check_pairs(s, x, low, high)
        # Rounding leaves gaps between the values; narrow Gaussians would settle on the values.
        x = x + rounded_to(s, x) * rng.uniform(-0.5, 0.5, len(x))
        first = len(s) - (len(s) // 3 if n_held is None else n_held)
        everything = np.arange(len(s))
        fitted = _spread(s, everything[:first], _FITTED, rng)
        held = _spread(s, everything[first:], _HELD_OUT, rng)
        binned = BinnedPixels.sort(s[:first], x[:first])
        return cls(s[fitted], x[fitted], s[held], x[held], low, high, binned)

    def thinned(self) -> Self:
        """Keep some of the pairs to fit to: enough to tell which of several models is best."""
        few = slice(0, _THINNED)  # they are in random order
        return replace(self, signal=self.signal[few], observation=self.observation[few])

    def line(self) -> NoiseLine:
        """Draw a straight line through the variance that pixels show."""
        variances = self.variances()
        shown = variances > 0
        return NoiseLine.through(
            self.binned.signal[shown],
            variances[shown],
            self.binned.counts[shown].astype(np.float64),
            (self.low, self.high),
        )

    def variances(self) -> Floats:
        """Mean squared deviation of the observation from the signal in each bin, (B,)."""
        return self.binned.variance + self.binned.offset**2


def draw_pairs(
    signal: Any, observation: Any, max_signal: float, most: int, rng: np.random.Generator
) -> tuple[Floats, Floats, float]:
    """Draw finite, unsaturated pairs, at most `most` of them; tell the signal that ends them.

    Raises
    ------
    NoiseModelError
        Signal and observation do not go together.
    """
    observation = np.asanyarray(observation)
    try:
        s = np.broadcast_to(np.asanyarray(signal), observation.shape)
    except ValueError as error:
        raise NoiseModelError(
            f"A signal of shape {np.shape(signal)} does not fit an observation of shape "
            f"{observation.shape}: give a signal for each observed pixel."
        ) from error
    chosen: Any = ...
    if observation.size > most:
        flat = np.sort(rng.integers(observation.size, size=most))
        chosen = np.unravel_index(flat, observation.shape)
    s, x = (np.asarray(p[chosen], dtype=np.float64).ravel() for p in (s, observation))
    finite = np.isfinite(s) & np.isfinite(x)
    s, x = s[finite], x[finite]
    limit = min(max_signal, unsaturated_signal(s, x)) if len(s) else max_signal
    return s[s <= limit], x[s <= limit], limit


def check_pairs(
    s: Floats,
    x: Floats,
    low: float,
    high: float,
    *,
    least: int = _LEAST_PAIRS,
    wanted: str = "a noise model",
) -> None:
    """Refuse pairs that no noise model can be had from.

    Raises
    ------
    NoiseModelError
        There are fewer than `least`, the signal is of one value, or there is no noise.
    """
    if len(s) < least:
        raise NoiseModelError(
            f"{len(s)} pairs of signal and observation are too few for {wanted}: give at least "
            f"{least} pixels that are numbers."
        )
    if np.array_equal(s, x):
        raise NoiseModelError(
            "Signal and observation are equal: there is no noise to model. Give the raw image as "
            "the observation, and its clean version as the signal."
        )
    if not low < high:
        raise NoiseModelError(
            f"The signal is {low:g} everywhere: a noise model needs a signal that varies. Use an "
            "image with structure, or a defocused field with an edge."
        )


def _spread(s: Floats, pixels: NDArray[np.int64], n: int, rng: np.random.Generator) -> Any:
    """Choose up to n of the pixels, half of them evenly, half evenly over the signal's range."""
    if len(pixels) <= n:
        return pixels
    values = s[pixels]
    edges = np.linspace(values.min(), values.max(), _BINS + 1)[1:-1]
    bin_of = np.digitize(values, edges)
    order = np.argsort(bin_of, kind="stable")  # the pixels are shuffled, and stay so in a bin
    rank = np.empty(len(pixels), dtype=np.int64)
    rank[order] = np.arange(len(pixels)) - np.searchsorted(bin_of[order], bin_of[order])
    by_signal = pixels[rank < n // 2 // _BINS]
    evenly = rng.choice(pixels, n - len(by_signal), replace=False)
    return rng.permutation(np.concatenate([evenly, by_signal]))
