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


def duration(seconds: float) -> str:
    """Say how long something takes, e.g. '0.4 s', '25 s' or '12 min'."""
    if seconds < 9.5:
        return f"{max(seconds, 0.1):.1f} s"
    if seconds < 90:
        return f"{round(seconds)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def gib(n_bytes: float) -> str:
    """Say how much memory or disk something takes, e.g. '0.6 GiB' or '12 MiB'."""
    if n_bytes < 0.05 * 2**30:
        return f"{max(int(n_bytes > 0), round(n_bytes / 2**20))} MiB"
    return f"{n_bytes / 2**30:.1f} GiB" if n_bytes < 999 * 2**30 else f"{n_bytes / 2**40:.1f} TiB"


def time_left(seconds: float | None) -> str:
    """Say how long something will still take, e.g. '12 min left'; nothing where it is unknown.

    Rounded down, so that no more is told than a budget has left.
    """
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{max(1, int(seconds))} s left"
    unit = 60 if seconds < 5400 else 360 if seconds < 172_800 else 8640  # those of `duration`
    return f"{duration(seconds // unit * unit)} left"


def not_finite(number: int) -> str:
    """Count pixels that no job takes: '1 pixel that is NaN or infinite', '9 pixels that are …'."""
    counted = "1 pixel that is" if number == 1 else f"{number:,} pixels that are"
    return f"{counted} NaN or infinite"
