"""Pictures of posterior samples: which one comes next, and in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.images.results.layers import contrast_limits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.settings import FilmLayout, FilmLoop

    Table = NDArray[np.uint8]
    Picture = NDArray[np.uint8]
    Limits = tuple[float, float]

DIVERGING = (
    (0.62, 0.86, 1.0),
    (0.09, 0.42, 0.78),
    (0.06, 0.06, 0.06),
    (0.78, 0.32, 0.05),
    (1.0, 0.80, 0.55),
)
"""Colours (red, green, blue; 0 to 1) of a difference, from far below to far above.

Blue and orange are told apart with any colour vision; the middle is dark, as all other pictures
here are where there is nothing."""
_STRUCTURES = (
    (0.973, 0.678, 0.125),
    (0.125, 0.678, 0.973),
    (0.580, 0.125, 0.580),
    (0.0, 1.0, 0.0),
    (1.0, 0.0, 1.0),
    (1.0, 1.0, 0.0),
    (0.0, 1.0, 1.0),
)  # those of the layers in the viewer
_COLOURS = 256
_DIFFERENCE_PERCENTILE = 99.8
_MOST_PIXELS = 500_000  # that limits are found by
_GAP = 8  # pixels between two pictures


@dataclass(frozen=True, slots=True, eq=False)
class PictureColours:
    """Colours of a picture, structure by structure."""

    limits: tuple[Limits, ...]
    """Values that get the first and the last colour."""
    tables: tuple[Table, ...]
    """Each (256, 3): colours, from the first to the last."""


def following(index: int, step: int, n: int, loop: FilmLoop) -> tuple[int, int] | None:
    """Which sample comes after this one.

    Parameters
    ----------
    index
        The sample that is shown, from 0.
    step
        Direction of play, 1 or -1.
    n
        Number of samples.
    loop
        What happens at the ends.

    Returns
    -------
    The next sample and the direction from there on; None at the end.
    """
    if 0 <= index + step < n:
        return index + step, step
    if loop == "once" or n < 2:
        return None
    return (index - step, -step) if loop == "to and fro" else ((index + step) % n, step)


def course(n: int, loop: FilmLoop) -> tuple[int, ...]:
    """Return the samples of one round, in the order in which they are shown.

    'To and fro' shows neither end twice: repeated, it begins with the first sample again.
    """
    there = tuple(range(n))
    return there + there[-2:0:-1] if loop == "to and fro" else there


def symmetric(difference: NDArray[np.float32]) -> Limits:
    """Limits about zero that leave out the few largest differences."""
    seen = np.abs(_thinned(difference))
    most = float(np.percentile(seen, _DIFFERENCE_PERCENTILE)) if seen.size else 0.0
    return (-most, most) if most > 0 else (-1.0, 1.0)


def default_colours(frame: NDArray[np.float32], *, is_difference: bool) -> PictureColours:
    """Colours of the structures, or of differences, with limits by one frame (C, Y, X)."""
    if is_difference:
        limit = symmetric(frame)  # one for all, so that structures can be compared
        return PictureColours((limit,) * len(frame), (ramp(*DIVERGING),) * len(frame))
    tables = (ramp((0, 0, 0), _STRUCTURES[c % len(_STRUCTURES)]) for c in range(len(frame)))
    return PictureColours(tuple(contrast_limits(part) for part in frame), tuple(tables))


def ramp(*colours: tuple[float, float, float]) -> Table:
    """Table (256, 3) that goes evenly from colour to colour."""
    at = np.linspace(0, 1, len(colours))
    steps = np.linspace(0, 1, _COLOURS)
    parts = [np.interp(steps, at, band) for band in np.transpose(colours)]
    table: Table = np.rint(255 * np.stack(parts, axis=1)).astype(np.uint8)
    return table


def render(frame: NDArray[np.float32], colours: PictureColours, layout: FilmLayout) -> Picture:
    """Paint a frame.

    Parameters
    ----------
    frame
        (C, Y, X)
    colours
        Colours.
    layout
        'overlay' adds the structures up, as light does.

    Returns
    -------
    (Y, X', 3), red, green and blue.
    """
    painted = [
        table[_positions(part, limits)]
        for part, limits, table in zip(frame, colours.limits, colours.tables, strict=True)
    ]
    if layout == "overlay":
        total = np.sum(painted, axis=0, dtype=np.uint16)
        added: Picture = np.minimum(total, 255).astype(np.uint8)
        return added
    gap = np.zeros((frame.shape[1], _GAP, 3), np.uint8)
    row = [piece for part in painted for piece in (part, gap)]
    return np.concatenate(row[:-1], axis=1)


def _positions(pixels: NDArray[np.float32], limits: Limits) -> NDArray[np.intp]:
    low, high = limits
    scaled = np.nan_to_num((pixels - low) * ((_COLOURS - 1) / (high - low)))
    positions: NDArray[np.intp] = np.clip(np.rint(scaled), 0, _COLOURS - 1).astype(np.intp)
    return positions


def _thinned(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    step = max(1, int(np.ceil(np.sqrt(pixels.size / _MOST_PIXELS))))
    seen = pixels[..., ::step, ::step]
    return seen[np.isfinite(seen)]
