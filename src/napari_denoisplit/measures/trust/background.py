"""Background of an image: the level of its dark places, and how it differs over a plane.

Between and inside cells every window of an image has places that hold hardly any structure. Their
level is that of the camera and of whatever light is everywhere; a smooth surface under nine tenths
of the windows is the background. In images of one kind it is alike and flat, to a tenth of their
contrast: what differs more was added by the microscope.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np
from numpy.polynomial.legendre import legvander
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

POINTS = 3
"""Values along each edge that a background is given by: it is a parabola in each direction."""
SHARE = 5.0
"""Percent of a window that count as its dark places."""
_SMOOTHING = 3.0  # standard deviation of the Gaussian, pixels: of the noise a tenth is left
_GAP = 0.25  # standard deviations of the noise below all else: clipped pixels have neighbours there
_STEPS = 3  # and in units of the next step: grey levels, and photons, come in steps
_MOST_BLANK = 0.5  # share of such pixels in a window that tells something
_UNDER = 0.9  # share of the windows that the surface lies under
_WORTH = 0.01  # what a term of the surface must save for its size, mean over the windows
FEWEST = 6
"""Rows and columns of windows that tell how a background differs over a plane: of fewer, in images
of 256 pixels, structures looked like one in a fifth of the cases."""


class DarkPlaces(NamedTuple):
    """The dark places of windows."""

    level: Floats
    """(N,), mean grey level of those of each window."""
    y: Floats
    x: Floats
    """(N,), the middle of those of each, pixels of the plane."""


class Background(NamedTuple):
    """Background of a plane."""

    level: float
    """Its mean."""
    points: Floats
    """(3, 3), beside the mean, at the ends and in the middle of rows and columns."""
    unevenness: float | None
    """Its standard deviation; None where it was taken for even."""


class UsualBackground(BaseModel):
    """Background of images of a model's own kind, of one size, normalized as its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    edge: int = Field(ge=64)
    """Of the images, pixels."""
    level: float
    """Median over them."""
    spread: float = Field(ge=0)
    """Difference from that which one in twenty exceeds."""
    unevenness: float | None
    """That which one in twenty exceeds; None in small images, which do not tell it."""

    @classmethod
    def of(cls, edge: int, found: Sequence[Background]) -> Self:
        """Summarize the backgrounds of several images."""
        levels = np.array([one.level for one in found])
        level = float(np.median(levels))
        uneven = [one.unevenness for one in found if one.unevenness is not None]
        return cls(
            edge=edge,
            level=level,
            spread=float(np.percentile(abs(levels - level), 95)),
            unevenness=float(np.percentile(uneven, 95)) if uneven else None,
        )


def dark_places(
    windows: NDArray[np.float32], y: NDArray[np.intp], x: NDArray[np.intp], noise: float
) -> DarkPlaces:
    """Find the dark places of windows.

    They are found in every other pixel and measured in the rest, so that noise cannot make a place
    dark. Pixels of one value far below all others, as around a mosaic, are none.

    Parameters
    ----------
    windows
        (N, Y, X).
    y, x
        (N,), row and column where each begins.
    noise
        Standard deviation of their noise.
    """
    board = np.indices(windows.shape[1:]).sum(axis=0) % 2 == 0
    found = []
    for window, top, left in zip(windows.astype(np.float64), y, x, strict=True):
        shown = ~_blank(window, noise)
        if shown.mean() < 1 - _MOST_BLANK:
            continue
        one, other = (_smoothed(window, shown & half) for half in (board, ~board))
        for seen, measured in ((one, other), (other, one)):
            is_dark = shown & (seen <= np.percentile(seen[shown], SHARE))
            rows, columns = np.nonzero(is_dark)
            found.append((measured[is_dark].mean(), top + rows.mean(), left + columns.mean()))
    return DarkPlaces(*np.array(found).reshape(-1, 2, 3).mean(axis=1).T)


def _blank(window: Floats, noise: float) -> NDArray[np.bool_]:
    """Pixels at the least grey level, where nothing is near it."""
    least, *others = np.unique(window)[:3].tolist()
    step = others[1] - others[0] if len(others) > 1 else 0.0
    is_alone = not others or others[0] - least > max(_GAP * noise, _STEPS * step)
    blank: NDArray[np.bool_] = (window == least) & is_alone
    return blank


def _smoothed(window: Floats, counted: NDArray[np.bool_]) -> Floats:
    """Gaussian mean of the pixels that count."""
    from scipy.ndimage import gaussian_filter  # takes 0.2 s; only this needs it

    shares = gaussian_filter(counted.astype(np.float64), _SMOOTHING)
    sums: Floats = gaussian_filter(np.where(counted, window, 0), _SMOOTHING)
    return sums / np.maximum(shares, np.finfo(np.float64).tiny)


def background_of(places: DarkPlaces, shape: tuple[int, int], *, even: bool = False) -> Background:
    """Fit the background of a plane of `shape`.

    Its terms are products of Legendre polynomials. A window that lies below it counts nine times
    as much as one above (quantile regression, Koenker & Bassett 1978), and each term has a price,
    so that those that hardly help are left out (lasso, Tibshirani 1996).

    Parameters
    ----------
    places
        Of one window at least.
    shape
        Rows and columns of the plane.
    even
        Whether the background is the same everywhere.
    """
    from scipy.optimize import linprog  # takes 0.3 s; only this needs it

    n, n_points = len(places.level), 1 if even else POINTS
    rows, columns = (
        legvander(2 * at / max(edge - 1, 1) - 1, n_points - 1)
        for at, edge in zip((places.y, places.x), shape, strict=True)
    )
    terms = np.einsum("ni,nj->nij", rows, columns).reshape(n, -1)
    price = np.full(terms.shape[1], _WORTH * n)
    price[0] = 0
    scale = np.ptp(places.level) or 1.0  # the solver's tolerance is absolute
    above, below = np.full(n, 1 - _UNDER), np.full(n, _UNDER)
    found = linprog(
        np.concatenate([price, price, above, below]),
        A_eq=np.concatenate([terms, -terms, np.eye(n), -np.eye(n)], axis=1),
        b_eq=(places.level - places.level.min()) / scale,
    )
    if found.x is None:
        raise RuntimeError(found.message)
    plus, minus = scale * found.x[: 2 * n_points**2].reshape(2, n_points, n_points)
    surface = plus - minus
    level = float(surface[0, 0] + places.level.min())
    surface[0, 0] = 0
    squares = 1 / (2 * np.arange(n_points) + 1)  # mean square of a Legendre polynomial
    at_points = legvander(np.linspace(-1, 1, POINTS), n_points - 1)
    return Background(
        level,
        at_points @ surface @ at_points.T,
        None if even else float(np.sqrt((surface**2 * np.outer(squares, squares)).sum())),
    )
