"""Numbers as a sentence or a table shows them."""

from __future__ import annotations


def grey_levels(value: float, digits: int = 3) -> str:
    """Write a number in the unit of the image: 0.0412, 3.14, 258, 12,345, and no power of ten.

    Parameters
    ----------
    value
        Grey levels; any number.
    digits
        That count; of large numbers every digit before the point is kept.
    """
    large = abs(value) >= 10**digits - 0.5
    return f"{value:,.0f}" if large else f"{value:.{digits}g}"
