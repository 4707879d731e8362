"""A split at several resolutions, and the part of a plane that a screen needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.results.split import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_denoisplit.images.results.arrays import Arrays, Frame
    from napari_denoisplit.images.results.split import Split

    Span = tuple[int, int]

_WHOLE = 2**22
"""Pixels of a plane that is always looked at as a whole, at full resolution."""
_MOST = 2**22
"""Pixels of a part, about: more would not fit on a screen, and would be slow to paint."""
_SMALLEST = 1024
"""Levels are thought out until Y and X are no longer than this."""
_SHARPEST = 1.2
"""Pixels of a level that may be missing in a pixel of the screen, as a factor: nobody sees it."""
_MARGIN = 8
"""The part beyond the screen is an eighth of it on each side, so that small movements need none."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a plane, at one resolution."""

    level: int
    """0 is the full resolution."""
    y: Span
    """Rows of that level, half-open."""
    x: Span

    @property
    def box(self) -> tuple[slice, slice]:
        """The part as an index of Y and X."""
        return slice(*self.y), slice(*self.x)

    @property
    def n_pixels(self) -> int:
        """Pixels of one structure."""
        return (self.y[1] - self.y[0]) * (self.x[1] - self.x[0])


class SplitLevels:
    """A split at its full resolution and at coarser ones.

    Levels that are not stored are made of every second, fourth, ... pixel of the coarsest that is.

    Parameters
    ----------
    split
        Its `coarser` levels are taken over.
    """

    def __init__(self, split: Split) -> None:
        stored = (split, *split.coarser)
        self.n_stored = len(stored)
        self.splits = (*stored, *_thinned(stored[-1]))
        """From the full resolution on."""
        self.steps = tuple(_steps(split.plane_shape, one.plane_shape) for one in self.splits)
        """Of each level: size of its pixels along Y and X, in those of the full resolution."""

    @property
    def is_large(self) -> bool:
        """Whether planes are looked at in parts."""
        y, x = self.splits[0].plane_shape
        return y * x > _WHOLE

    @property
    def overview(self) -> Window | None:
        """The whole plane at the coarsest level, if that is stored and therefore read at once."""
        if self.n_stored == 1 or not self.is_large:
            return None
        shape = self.splits[self.n_stored - 1].plane_shape
        if max(shape) > 2 * _SMALLEST:
            return None
        return Window(self.n_stored - 1, (0, shape[0]), (0, shape[1]))

    def window(self, y: Span, x: Span, zoom: float, before: Window | None = None) -> Window:
        """Find the part that shows what is on screen, with a margin.

        Parameters
        ----------
        y, x
            Rows and columns on screen, in pixels of the full resolution; they may reach beyond
            the plane.
        zoom
            Pixels of the screen for a pixel of the full resolution.
        before
            The part that is shown so far: it is kept while it does.
        """
        level = self._level(zoom, y, x)
        needed = self._at(level, y, x, margin=0)
        if before is not None and before.level == level and _holds(before, needed):
            return before
        return self._at(level, y, x, margin=_MARGIN)

    def shows(self, window: Window, y: Span, x: Span) -> bool:
        """Whether a part holds all of these rows and columns that lie in the plane."""
        return _holds(window, self._at(window.level, y, x, margin=0))

    def level(self, window: Window | None) -> Split:
        """Return the split at the resolution of a part; None: at the full one."""
        return self.splits[0 if window is None else window.level]

    def read_sample(
        self, index: int, plane: tuple[int, ...], window: Window | None
    ) -> tuple[Frame, ...]:
        """Read a part of one sample, structure by structure; None: the whole plane."""
        return self.level(window).read_sample(index, plane, () if window is None else window.box)

    def read_mmse(self, plane: tuple[int, ...], window: Window | None) -> tuple[Frame, ...]:
        """Read a part of the MMSE, structure by structure; None: the whole plane."""
        return self.level(window).read_mmse(plane, () if window is None else window.box)

    def cut(self, window: Window, *, full: bool = False) -> Split:
        """Return the part as a split of its own, lazily.

        Parameters
        ----------
        window
            The part.
        full
            At full resolution in place of the level of the window.
        """
        level, y, x = window.level, window.y, window.x
        if full:
            shape = self.splits[0].plane_shape
            y, x = (
                (round(span[0] * step), min(round(span[1] * step), n))
                for span, step, n in zip((y, x), self.steps[level], shape, strict=True)
            )
            level = 0
        split = self.splits[level]
        origin = dict(split.origin) | {
            axis: split.origin.get(axis, 0.0) + first * split.pixel_size.get(axis, 1.0)
            for axis, first in (("Y", y[0]), ("X", x[0]))
        }
        parts = _indexed(split, (..., slice(*y), slice(*x)))
        return replace(split, **parts, coarser=(), origin=origin)

    def _level(self, zoom: float, y: Span, x: Span) -> int:
        """Return the coarsest level that is sharp on screen, or one of fewer pixels."""
        for level in reversed(range(len(self.splits))):
            if max(self.steps[level]) * zoom <= _SHARPEST:
                break
        while (
            level + 1 < len(self.splits) and self._at(level, y, x, margin=_MARGIN).n_pixels > _MOST
        ):
            level += 1
        return level

    def _at(self, level: int, y: Span, x: Span, *, margin: int) -> Window:
        shape = self.splits[level].plane_shape
        spans = []
        for span, step, n in zip((y, x), self.steps[level], shape, strict=True):
            more = (span[1] - span[0]) / margin if margin else 0.0
            low = int(np.clip(np.floor((span[0] - more) / step), 0, n - 1))
            high = int(np.clip(np.ceil((span[1] + more) / step), low + 1, n))
            spans.append((low, high))
        return Window(level, *spans)


def with_coarser(split: Split, levels: Mapping[str, Sequence[Arrays]]) -> Split:
    """Add coarser levels that are stored.

    Parameters
    ----------
    split
        Full resolution.
    levels
        By field (`mmse_arrays`, `sigma_arrays`, `sample_arrays`), the arrays of each level, those
        of the full resolution first. Sigma may have fewer levels.

    Returns
    -------
    The split with these levels, down to the first that is not one: the axes before Y and X must be
    those of the full resolution, and MMSE and samples must be there if they are there.
    """
    coarser: list[Split] = []
    kinds = [kind for kind in KINDS if getattr(split, kind) is not None]
    for each in zip_longest(*(levels.get(kind, ())[1:] for kind in kinds)):
        arrays: dict[str, Any] = dict(zip(kinds, each, strict=True))
        if not _fits(arrays, (coarser or [split])[-1]):
            break
        plane = next(iter(arrays.values()))[0].shape[-2:]
        size = _grown(split, _steps(split.plane_shape, plane))
        coarser.append(replace(split, **arrays, pixel_size=size, coarser=()))
    return replace(split, coarser=tuple(coarser))


def _fits(arrays: Mapping[str, Arrays | None], finer: Split) -> bool:
    """Whether arrays are the next coarser level."""
    planes = set()
    for kind, found in arrays.items():
        if found is None and kind != "sigma_arrays":
            return False
        before = finer.leading_shape
        if kind == "sample_arrays":
            before = (finer.n_kept, *before)
        for array in () if found is None else found:
            if tuple(array.shape[:-2]) != before:
                return False
            planes.add(tuple(array.shape[-2:]))
    return len(planes) == 1 and all(
        0 < n < m for n, m in zip(planes.pop(), finer.plane_shape, strict=True)
    )


def _thinned(split: Split) -> list[Split]:
    """Levels of every second, fourth, ... pixel, until a screen holds all of them."""
    levels = []
    step = 2
    while max(split.plane_shape) > step // 2 * _SMALLEST:
        parts = _indexed(split, (..., slice(None, None, step), slice(None, None, step)))
        size = _grown(split, (step, step))
        levels.append(replace(split, **parts, coarser=(), pixel_size=size))
        step *= 2
    return levels


def _indexed(split: Split, index: tuple[Any, ...]) -> dict[str, Any]:
    """Take a part of every array."""
    return {
        kind: tuple(array[index] for array in arrays)
        for kind in KINDS
        if (arrays := getattr(split, kind)) is not None
    }


def _grown(split: Split, steps: Sequence[float]) -> dict[str, float]:
    """Pixel sizes of a coarser level."""
    more = dict(zip("YX", steps, strict=True))
    return {axis: size * more.get(axis, 1.0) for axis, size in split.pixel_size.items()}


def _steps(fine: tuple[int, int], coarse: Sequence[int]) -> tuple[float, float]:
    """Size of the pixels of a level along Y and X, in those of the full resolution."""
    found = []
    for n, m in zip(fine, coarse, strict=True):
        whole = max(round(n / m), 1)
        # The last pixel of a level may be one of fewer, or the rest may be left out.
        found.append(float(whole) if m in (n // whole, -(-n // whole)) else n / m)
    return found[0], found[1]


def _holds(outer: Window, inner: Window) -> bool:
    return all(
        a[0] <= b[0] and b[1] <= a[1]
        for a, b in zip((outer.y, outer.x), (inner.y, inner.x), strict=True)
    )
