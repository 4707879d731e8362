"""Posterior samples at several resolutions, and the part of a plane that a screen needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.samples.stack import SampleStack

    Span = tuple[int, int]
    Parts = tuple[NDArray[np.float32], ...]

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


class SampleLevels:
    """Samples at their full resolution and at coarser ones.

    Levels that are not stored are made of every second, fourth, ... pixel of the coarsest that is.

    Parameters
    ----------
    stack
        The samples; its `coarser` levels are taken over.
    """

    def __init__(self, stack: SampleStack) -> None:
        stored = (stack, *stack.coarser)
        self.n_stored = len(stored)
        self.stacks = (*stored, *_thinned(stored[-1]))
        self.steps = tuple(_steps(stack.plane_shape, one.plane_shape) for one in self.stacks)
        """Of each level: size of its pixels along Y and X, in those of the full resolution."""

    @property
    def is_large(self) -> bool:
        """Whether planes are looked at in parts."""
        y, x = self.stacks[0].plane_shape
        return y * x > _WHOLE

    @property
    def overview(self) -> Window | None:
        """The whole plane at the coarsest level, if that is stored and therefore read at once."""
        if self.n_stored == 1 or not self.is_large:
            return None
        shape = self.stacks[self.n_stored - 1].plane_shape
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

    def level(self, window: Window | None) -> SampleStack:
        """Return the samples at the resolution of a part; None: at the full one."""
        return self.stacks[0 if window is None else window.level]

    def read(self, index: int, plane: tuple[int, ...], window: Window | None) -> Parts:
        """Read a part of one sample, structure by structure; None: the whole plane."""
        return self.level(window).parts(index, plane, () if window is None else window.box)

    def read_mean(self, plane: tuple[int, ...], window: Window | None) -> Parts:
        """Read a part of the MMSE, structure by structure; None: the whole plane."""
        return tuple(self.level(window).mean(plane, () if window is None else window.box))

    def cut(self, window: Window, *, full: bool = False) -> SampleStack:
        """Return the part as samples of its own, lazily.

        Parameters
        ----------
        window
            The part.
        full
            At full resolution in place of the level of the window.
        """
        level, y, x = window.level, window.y, window.x
        if full:
            shape = self.stacks[0].plane_shape
            y, x = (
                (round(span[0] * step), min(round(span[1] * step), n))
                for span, step, n in zip((y, x), self.steps[level], shape, strict=True)
            )
            level = 0
        box = (..., slice(*y), slice(*x))
        stack = self.stacks[level]
        parts: dict[str, Any] = {
            name: tuple(array[box] for array in getattr(stack, name))
            for name in ("samples", "mmse", "sigma")
        }
        origin = dict(stack.origin) | {
            axis: stack.origin.get(axis, 0.0) + first * stack.pixel_size.get(axis, 1.0)
            for axis, first in (("Y", y[0]), ("X", x[0]))
        }
        return replace(stack, **parts, coarser=(), origin=origin)

    def _level(self, zoom: float, y: Span, x: Span) -> int:
        """Return the coarsest level that is sharp on screen, or one of fewer pixels."""
        for level in reversed(range(len(self.stacks))):
            if max(self.steps[level]) * zoom <= _SHARPEST:
                break
        while (
            level + 1 < len(self.stacks) and self._at(level, y, x, margin=_MARGIN).n_pixels > _MOST
        ):
            level += 1
        return level

    def _at(self, level: int, y: Span, x: Span, *, margin: int) -> Window:
        shape = self.stacks[level].plane_shape
        spans = []
        for span, step, n in zip((y, x), self.steps[level], shape, strict=True):
            more = (span[1] - span[0]) / margin if margin else 0.0
            low = int(np.clip(np.floor((span[0] - more) / step), 0, n - 1))
            high = int(np.clip(np.ceil((span[1] + more) / step), low + 1, n))
            spans.append((low, high))
        return Window(level, *spans)


def with_coarser(
    stack: SampleStack,
    samples: Sequence[tuple[Any, ...]],
    mmse: Sequence[tuple[Any, ...]] = (),
    sigma: Sequence[tuple[Any, ...]] = (),
) -> SampleStack:
    """Add coarser levels that are stored.

    Parameters
    ----------
    stack
        Full resolution.
    samples
        Of each coarser level, the finest first: C arrays (K, ..., Y, X).
    mmse
        The same of the MMSE, (..., Y, X), where it is known.
    sigma
        The same of sigma; a level may be without.

    Returns
    -------
    The samples with these levels, down to the first that is not one: the axes before Y and X
    must be those of the full resolution, and the MMSE must be there if it is there.
    """
    coarser: list[SampleStack] = []
    for number, arrays in enumerate(samples):
        means = mmse[number] if stack.mmse and number < len(mmse) else ()
        if not _fits(arrays, means, (coarser or [stack])[-1]):
            break
        spread = sigma[number] if stack.sigma and number < len(sigma) else ()
        size = _grown(stack, _steps(stack.plane_shape, arrays[0].shape[-2:]))
        coarser.append(
            replace(stack, samples=arrays, mmse=means, sigma=spread, pixel_size=size, coarser=())
        )
    return replace(stack, coarser=tuple(coarser))


def _fits(samples: tuple[Any, ...], mmse: tuple[Any, ...], finer: SampleStack) -> bool:
    """Whether arrays are the next coarser level."""
    shape = tuple(int(n) for n in samples[0].shape)
    return (
        shape[:-2] == (len(finer), *finer.leading_shape)
        and all(0 < n < m for n, m in zip(shape[-2:], finer.plane_shape, strict=True))
        and len(mmse) == len(finer.mmse)
        and all(tuple(array.shape) == shape for array in samples)
        and all(tuple(array.shape) == shape[1:] for array in mmse)
    )


def _thinned(stack: SampleStack) -> list[SampleStack]:
    """Levels of every second, fourth, ... pixel, until a screen holds all of them."""
    levels = []
    step = 2
    while max(stack.plane_shape) > step // 2 * _SMALLEST:
        at = (..., slice(None, None, step), slice(None, None, step))
        parts: dict[str, Any] = {
            name: tuple(array[at] for array in getattr(stack, name)) for name in ("samples", "mmse")
        }
        size = _grown(stack, (step, step))
        levels.append(replace(stack, **parts, sigma=(), coarser=(), pixel_size=size))
        step *= 2
    return levels


def _grown(stack: SampleStack, steps: Sequence[float]) -> dict[str, float]:
    """Pixel sizes of a coarser level."""
    more = dict(zip("YX", steps, strict=True))
    return {axis: size * more.get(axis, 1.0) for axis, size in stack.pixel_size.items()}


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
