"""Samples at a place, painted on axes of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.widgets.parts.plot import Colors

__all__ = ["paint_histogram", "paint_joint", "paint_profile"]

_TICKS = 4  # more would run into each other in a narrow dock
_BINS = (5, 30)
_SHADE = 0.25
_ROW = 0.2  # height of an interval with its name, in heights of the histogram
_SMALL = 7  # points


def paint_histogram(
    axes: Any, reading: SampleReading, inks: Sequence[str], colors: Colors, *, title: str
) -> None:
    """Paint how often samples have a value, MMSE (line) and interval (bar below its name)."""
    rows = 1.14 + _ROW * np.arange(len(inks))
    n_bins = int(np.clip(np.sqrt(reading.values.shape[1]) * 2, *_BINS))
    highest = 1.0
    for values, ink in zip(reading.values, inks, strict=True):
        # A sample that was not drawn there has no number.
        counts, edges = np.histogram(values[np.isfinite(values)], bins=n_bins)
        axes.stairs(counts, edges, fill=True, color=ink, alpha=0.55)
        axes.stairs(counts, edges, color=ink, linewidth=0.8)
        highest = max(highest, float(counts.max()))
    for level, estimate, ink in zip(highest * rows, reading.estimates, inks, strict=True):
        axes.axvline(estimate.mean, color=ink, linewidth=1.4)
        if np.isfinite([estimate.low, estimate.high]).all():
            ends = [estimate.low, estimate.high]
            axes.plot(ends, [level] * 2, color=ink, linewidth=2.5, marker="|")
    low, high = axes.get_xlim()
    if reading.observed is not None and low <= reading.observed <= high:
        # Elsewhere it would press the histograms together; the text beside the plot has it.
        axes.axvline(reading.observed, color=colors["text"], linestyle=":")
        where = reading.observed, 0.02 * highest
        axes.annotate(
            "input ", where, color=colors["text"], fontsize=_SMALL, rotation=90, ha="right"
        )
    _name_rows(axes, reading, highest * rows, colors)
    axes.set(
        xlabel="value (grey levels)",
        ylabel="samples",
        title=title,
        ylim=(0, highest * (rows[-1] + _ROW)),
    )
    axes.locator_params(axis="x", nbins=_TICKS)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=_TICKS)


def _name_rows(axes: Any, reading: SampleReading, rows: Any, colors: Colors) -> None:
    """Write the name of each structure above its interval, within the axes."""
    low, high = axes.get_xlim()
    for level, estimate, name in zip(rows, reading.estimates, reading.structures, strict=True):
        share = (estimate.mean - low) / (high - low)
        side = "left" if share < 0.5 else "right"  # of the line of its MMSE, with room enough
        axes.annotate(
            name,
            (estimate.mean, level),
            xytext=(3 if side == "left" else -3, 2),
            textcoords="offset points",
            ha=side,
            color=colors["text"],
            fontsize=_SMALL,
            bbox={"facecolor": colors["background"], "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )
    axes.set_xlim(low, high)


def paint_joint(
    axes: Any, reading: SampleReading, inks: Sequence[str], colors: Colors, pair: tuple[int, int]
) -> None:
    """Paint one structure against another, a point for each sample, and both MMSEs."""
    a, b = pair
    axes.plot(
        *(reading.values[c] for c in pair),
        linestyle="none",
        marker="o",
        markersize=3.5,
        color=colors["text"],
        alpha=0.7,
    )
    axes.axvline(reading.estimates[a].mean, color=inks[a], linewidth=1.2)
    axes.axhline(reading.estimates[b].mean, color=inks[b], linewidth=1.2)
    axes.set(
        xlabel=f"{reading.structures[a]} (grey levels)",
        ylabel=reading.structures[b],
        title=f"both in the same sample, r = {reading.correlation[a, b]:.2f}",
    )
    axes.locator_params(nbins=_TICKS)


def paint_profile(
    axes: Any, reading: SampleReading, inks: Sequence[str], step: float, unit: str
) -> None:
    """Paint the MMSE along a line, with the interval of each point.

    Parameters
    ----------
    axes, reading, inks
        Where, what, and the colour of each structure.
    step
        Length of a pixel.
    unit
        Its unit.
    """
    profile = reading.profile
    if profile is None:
        return
    at = profile.distance * step
    for number, (ink, name) in enumerate(zip(inks, reading.structures, strict=True)):
        axes.plot(at, profile.mean[number], color=ink, linewidth=1.2, label=name)
        low, high = profile.low[number], profile.high[number]
        axes.fill_between(at, low, high, color=ink, alpha=_SHADE, linewidth=0)
    axes.set(xlabel=f"along the line ({unit})", ylabel="grey levels", title="MMSE and interval")
    axes.locator_params(nbins=_TICKS)
