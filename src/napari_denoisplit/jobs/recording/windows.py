"""Windows of a recording, spread over its planes, by which it is judged."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from napari_denoisplit.images.acquisition import without_background
from napari_denoisplit.images.image import Image
from napari_denoisplit.measures.trust.camera import unclipped
from napari_denoisplit.measures.trust.likeness import EDGE, noise_of, tile_starts
from napari_denoisplit.noise.pairs.spread import clipped_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.settings import Acquisition

PLANES = 8
"""Planes that are read whole."""
SKIMMED = 100
"""Planes at most among which those that stand out are looked for; of more, as many evenly."""
_MIDDLE = 2048  # pixels, edge of what a glance reads of larger planes
_SEEN = 128  # pixels along the shorter edge of that
_COUNTED = 512  # pixels along an edge by which saturated ones are counted
_DARK, _BRIGHT = 10.0, 99.0


class Windows(NamedTuple):
    """Parts of an image that hold something."""

    pixels: NDArray[np.float32]
    """(N, Y, X), grey levels; where they were clipped, with the noise that was cut off."""
    y: NDArray[np.intp]
    x: NDArray[np.intp]
    """(N,), row and column of the first pixel of each."""
    plane: NDArray[np.intp]
    """(N,), of which plane each is, counted through all axes."""
    shape: tuple[int, int]
    """Rows and columns of a plane."""

    @property
    def places(self) -> NDArray[np.intp]:
        """Plane, row and column of each, (N, 3)."""
        return np.stack([self.plane, self.y, self.x], axis=1)

    def of_planes(self) -> dict[int, Self]:
        """Return those of each plane."""
        found = {}
        for plane in np.unique(self.plane).tolist():
            here = self.plane == plane
            pixels, y, x = self.pixels[here], self.y[here], self.x[here]
            found[plane] = self._replace(pixels=pixels, y=y, x=x, plane=self.plane[here])
        return found

    def without_background(self, acquisition: Acquisition) -> Self:
        """Return them less the background of their planes."""
        if not acquisition.background:
            return self
        empty = Image(np.broadcast_to(np.float32(0), self.shape), "YX")
        below = without_background(empty, acquisition).data
        places = zip(self.y, self.x, strict=True)
        flat = [below[y : y + EDGE, x : x + EDGE] for y, x in places]
        return self._replace(pixels=self.pixels + np.array(flat).reshape(self.pixels.shape))


def planes_to_look_at(view: Image) -> NDArray[np.intp]:
    """Choose eight planes of (..., Y, X), counted through all axes, always the same ones.

    Four lie evenly through the stack, and four stand out by a glance at every few pixels.
    """
    planes = list(np.ndindex(view.shape[:-2]))
    if min(view.shape[-2:]) < EDGE:
        return _spread(len(planes), PLANES)
    return _chosen(view, planes)


def windows_of(view: Image, chosen: NDArray[np.intp] | None = None) -> Windows:
    """Read windows of an image that may be larger than memory, always the same ones.

    They are spread over each plane. Those with pixels that are not finite, or all alike, as around
    a mosaic, are left out. Planes that are narrower than a window have none.

    Parameters
    ----------
    view
        (..., Y, X)
    chosen
        Planes; None: those of `planes_to_look_at`.
    """
    height, width = view.shape[-2:]
    planes = list(np.ndindex(view.shape[:-2]))
    rows, columns = (tile_starts(n) if min(height, width) >= EDGE else () for n in (height, width))
    chosen = planes_to_look_at(view) if chosen is None else chosen
    kept = [
        (window, plane, y, x)
        for plane, y, x in product(chosen, rows, columns)
        if np.isfinite(window := _read(view, planes[plane], int(y), int(x))).all()
        and np.ptp(window) > 0
    ]
    pixels = np.array([window for window, *_ in kept], np.float32).reshape(-1, EDGE, EDGE)
    plane, y, x = np.array([place for _, *place in kept], np.intp).reshape(-1, 3).T
    for of_one in (plane == n for n in np.unique(plane)):
        pixels[of_one] = unclipped(pixels[of_one])
    return Windows(pixels, y, x, plane, (height, width))


def saturation_of(view: Image, chosen: NDArray[np.intp]) -> tuple[float, float, int]:
    """Find the plane of some with the most saturated pixels.

    Returns
    -------
    Share of its pixels that are saturated, their grey level, and the plane.
    """
    planes = list(np.ndindex(view.shape[:-2]))
    return max((*_saturation(_middle(view, planes[n], _COUNTED)), int(n)) for n in chosen)


def _saturation(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Share of the pixels (Y, X) that are saturated, and from which grey level on.

    Frames, rows and columns that are brightest from end to end, do not count.
    """
    frame = pixels == np.nanmax(pixels, initial=-np.inf)
    pixels = pixels[np.ix_(~frame.all(axis=1), ~frame.all(axis=0))]
    _, level = clipped_levels(pixels)
    return float((pixels >= level).sum() / max(pixels.size, 1)), level


def _chosen(view: Image, planes: Sequence[tuple[int, ...]]) -> NDArray[np.intp]:
    """Return which planes to read whole, in order."""
    if len(planes) <= PLANES:
        return np.arange(len(planes))
    skimmed = np.union1d(_spread(len(planes), SKIMMED), _spread(len(planes), PLANES // 2))
    glances = np.array([_glance(view, planes[n]) for n in skimmed])
    known = np.isfinite(glances).all(axis=1)
    if known.sum() <= PLANES:
        return skimmed[known] if known.any() else _spread(len(planes), PLANES)
    skimmed, glances = skimmed[known], glances[known]
    spread = glances.std(axis=0)
    glances /= np.where(spread > 0, spread, np.inf)
    chosen = _spread(len(skimmed), PLANES // 2).tolist()
    while len(chosen) < PLANES:
        apart = np.linalg.norm(glances[:, None] - glances[chosen], axis=2).min(axis=1)
        apart[chosen] = -1  # that are alike in all may be chosen, but each only once
        chosen.append(int(apart.argmax()))
    return np.sort(skimmed[chosen])


def _spread(n: int, most: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, most).round().astype(np.intp))


def _middle(view: Image, plane: tuple[int, ...], n_seen: int) -> NDArray[np.float32]:
    """Read the middle of a plane, of every few pixels one: `n_seen` or more along each edge."""
    edges = [(n, min(n, _MIDDLE)) for n in view.shape[-2:]]
    step = max(1, min(edge for _, edge in edges) // n_seen)
    middle = (slice((n - edge) // 2, (n + edge) // 2, step) for n, edge in edges)
    return np.asarray(view.data[(*plane, *middle)]).astype(np.float32)


def _glance(view: Image, plane: tuple[int, ...]) -> NDArray[np.float64]:
    """Measure dark and bright levels of the quarters of a plane, and its noise, by some pixels.

    Its middle is read once, as chunks of a file may hold many planes. NaN where it shows nothing.
    """
    seen = _middle(view, plane, _SEEN)
    missing = ~np.isfinite(seen)
    if missing.mean() > 0.5 or np.ptp(seen[~missing]) == 0:
        return np.full(2 * 4 + 1, np.nan)
    seen[missing] = np.median(seen[~missing])
    quarters = [part for half in np.array_split(seen, 2) for part in np.array_split(half, 2, 1)]
    levels = [np.percentile(part, (_DARK, _BRIGHT)) for part in quarters]
    return np.array([*np.ravel(levels), noise_of(seen[None])], np.float64)


def _read(view: Image, plane: tuple[int, ...], y: int, x: int) -> NDArray[np.float32]:
    window = view.data[(*plane, slice(y, y + EDGE), slice(x, x + EDGE))]
    return np.asarray(window, dtype=np.float32)
