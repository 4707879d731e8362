"""The order of blocks: those in view come first, so that a user sees something soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.jobs.slide.store import SlideStore
    from napari_denoisplit.sampling.focus import Focus

__all__ = ["blocks_from"]


def blocks_from(store: SlideStore, numbers: Sequence[int], view: Focus | None) -> list[int]:
    """Sort blocks by their distance from what is in view.

    Parameters
    ----------
    store
        Where the blocks go.
    numbers
        Of blocks; their order holds where nothing is in view, and between equally near ones.
    view
        What is in view; None where nothing is.

    Returns
    -------
    The same numbers: first the planes nearest to the one in view; of a plane, the blocks nearest
    to the middle of the view.
    """
    if view is None:
        return list(numbers)
    middle_y, middle_x = sum(view.y) / 2, sum(view.x) / 2

    def rank(number: int) -> tuple[int, float]:
        """Planes away, and the square of the distance within the plane."""
        block = store.block(number)
        steps = sum(abs(a - b) for a, b in zip(block.plane, view.plane, strict=False))
        dy, dx = _gap(block.y, middle_y), _gap(block.x, middle_x)
        return steps, dy * dy + dx * dx

    return sorted(numbers, key=rank)


def _gap(span: tuple[int, int], middle: float) -> float:
    """Distance from the middle of a block."""
    return sum(span) / 2 - middle
