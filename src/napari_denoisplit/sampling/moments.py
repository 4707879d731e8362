"""Running mean, spread and error of posterior samples.

Letters: n samples x_i, of which M pairs (x_2j, x_2j+1) have mirrored noise and are correlated, S
the sum of squared deviations from the mean of all, Q that of squared differences within pairs.

All samples have one variance v, and every two of them are independent but for the pairs. Half the
squared difference of two independent samples is v on average. Over all i < j the squared
differences add up to n S, so those of the n (n - 1) / 2 - M independent couples to n S - Q, and

    v = (n S - Q) / (n (n - 1) - 2 M)

without bias, whatever the correlation within pairs. As S / n is on average v less the variance of
the mean, that variance is v - S / n, also without bias. Without pairs these are the usual
S / (n - 1) and v / n. For complete pairs, n = 2 M, the first is mean(Q_j) / 4, the variance within
pairs, plus the unbiased variance of the pairs' means, and the second that variance over M.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping


class Moments:
    """Mean, standard deviation and error of the mean, without keeping the samples.

    S is kept by Welford's recurrence. The sum of squares would be simpler, and negative in float32
    for a small spread on a high background.

    Parameters
    ----------
    shape
        Shape of a sample, (..., Y, X).
    device
        Where the running images are kept: two of that shape, and four with `antithetic`.
    antithetic
        Whether every second sample has the mirrored noise of the one before it.
    """

    def __init__(
        self, shape: tuple[int, ...], device: torch.device, *, antithetic: bool = False
    ) -> None:
        self.n = 0
        self.mean = torch.zeros(shape, device=device)
        self._squares = torch.zeros(shape, device=device)
        self._pair_squares = torch.zeros(shape if antithetic else (), device=device)
        self._first_of_pair = torch.zeros(shape, device=device) if antithetic else None

    def add(self, sample: torch.Tensor) -> None:
        """Take in one more sample."""
        delta = sample - self.mean
        self.mean.add_(delta, alpha=1 / (self.n + 1))
        # The distance to the new mean is n / (n + 1) of that to the old one.
        self._squares.addcmul_(delta, delta, value=self.n / (self.n + 1))
        if self._first_of_pair is not None:
            if self.n % 2 == 0:
                self._first_of_pair.copy_(sample)
            else:
                torch.sub(sample, self._first_of_pair, out=delta)
                self._pair_squares.addcmul_(delta, delta)
        self.n += 1

    @property
    def state(self) -> dict[str, torch.Tensor]:
        """All there is of the samples so far, by name: what `go_on_from` takes."""
        state = {"n": torch.tensor(self.n), "mean": self.mean, "squares": self._squares}
        if self._first_of_pair is not None:
            state |= {"pair_squares": self._pair_squares, "first_of_pair": self._first_of_pair}
        return state

    def go_on_from(self, state: Mapping[str, torch.Tensor]) -> None:
        """Take the place of all samples so far.

        Raises
        ------
        ValueError
            It is the state of other samples: of another shape, or in pairs or not.
        """
        own = self.state
        if {name: t.shape for name, t in own.items()} != {
            name: t.shape for name, t in state.items()
        }:
            raise ValueError("the state of other samples")
        self.n = int(state["n"])
        for name in own.keys() - {"n"}:
            own[name].copy_(state[name])

    def to(self, device: torch.device) -> None:
        """Move the running images to another device."""
        self.mean, self._squares = self.mean.to(device), self._squares.to(device)
        self._pair_squares = self._pair_squares.to(device)
        if self._first_of_pair is not None:
            self._first_of_pair = self._first_of_pair.to(device)

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation of the samples, the root of an unbiased variance.

        Zero before the second sample. Of two mirrored ones it is half their difference: too small
        by what the network makes of noise and mirrored noise alike, which more samples show.
        """
        return self._variance(self._squares, self._pair_squares).clamp_(min=0).sqrt_()

    @property
    def error(self) -> torch.Tensor:
        """Standard error of the mean, the root of its mean square over Y and X; shape (...).

        Infinite where nothing is known of it: before the second sample, of mirrored ones before the
        third.
        """
        if self._n_independent == 0:
            return torch.full(self.mean.shape[:-2], torch.inf, dtype=torch.float64)
        squares = self._squares.mean(dim=(-2, -1)).cpu().double()
        pair_squares = self._pair_squares.cpu().double()
        if self._first_of_pair is not None:
            pair_squares = self._pair_squares.mean(dim=(-2, -1)).cpu().double()
        # Of few pixels and samples the difference may come out below zero.
        return (self._variance(squares, pair_squares) - squares / self.n).clamp_(min=0).sqrt_()

    @property
    def _n_pairs(self) -> int:
        return 0 if self._first_of_pair is None else self.n // 2

    @property
    def _n_independent(self) -> int:
        """Twice the number of couples of independent samples."""
        return self.n * (self.n - 1) - 2 * self._n_pairs

    def _variance(self, squares: torch.Tensor, pair_squares: torch.Tensor) -> torch.Tensor:
        """Of the samples, from S and Q."""
        if self._n_independent == 0:
            return squares / 2  # 0, or of one pair S = Q / 2: a quarter of Q
        return (self.n * squares - pair_squares) / self._n_independent
