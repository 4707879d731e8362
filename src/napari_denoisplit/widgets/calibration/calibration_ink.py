"""Curves that judge a sigma, painted on axes of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.results import structure_colormap

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_denoisplit.curves import ReliabilityCurve, SampleStep, SigmaCurves
    from napari_denoisplit.widgets.parts.plot import Colors

__all__ = ["paint_coverage", "paint_reliability", "paint_samples", "structure_ink"]

_TICKS = 5  # more would run into each other in a narrow dock
_ROOM = 1.08  # beyond the farthest point
_MARKERS = "v^so"  # of few samples to many
_PALEST = 0.35


def structure_ink(channel: int) -> Any:
    """Colour of a structure, as its layers have it."""
    from napari.utils.colormaps import AVAILABLE_COLORMAPS

    return AVAILABLE_COLORMAPS[structure_colormap(channel)].colors[-1]


def paint_reliability(axes: Any, curves: SigmaCurves, ink: Any, colors: Colors) -> None:
    """Paint RMSE against RMV before and after calibration, bin by bin, and the identity."""
    after = curves.after[curves.chosen]
    axes.plot(
        curves.before.rmv,
        curves.before.rmse,
        color=ink,
        marker="o",
        markersize=3.5,
        markerfacecolor="none",
        linestyle="none",
        label="spread, before",
    )
    low, high = after.rmse_range
    axes.errorbar(
        after.rmv,
        after.rmse,
        yerr=(after.rmse - low, high - after.rmse),
        color=ink,
        marker="o",
        markersize=3.5,
        linestyle="none",
        elinewidth=0.8,
        label="sigma, after",
    )
    _square(axes, (curves.before, after), colors)
    axes.set_title(f"{curves.channel}: {len(after.rmv)} bins, ± 1 standard error")


def paint_samples(axes: Any, steps: Sequence[SampleStep], ink: Any, colors: Colors) -> None:
    """Paint the curve of calibrated sigma for each number of samples, the fewest palest."""
    shades = np.linspace(_PALEST, 1, len(steps))
    for number, (step, shade) in enumerate(zip(steps, shades, strict=True)):
        axes.plot(
            step.curve.rmv,
            # No line to a bin whose error the noise of the targets hides.
            np.where(step.curve.squared_error > 0, step.curve.rmse, np.nan),
            color=ink,
            alpha=shade,
            marker=_MARKERS[min(number, len(_MARKERS) - 1)],
            markersize=3.5,
            linewidth=0.8,
            label=f"{step.n_samples} samples",
        )
    _square(axes, [step.curve for step in steps], colors)


def paint_coverage(axes: Any, shares: Mapping[str, float], ink: Any, colors: Colors) -> None:
    """Paint the share of pixels within intervals against the share that they should hold."""
    nominal = [float(name) for name in shares]
    axes.plot(
        nominal,
        [100 * share for share in shares.values()],
        color=ink,
        marker="o",
        markersize=4.5,
        linewidth=1.2,
        label="found",
    )
    axes.plot([0, 100], [0, 100], color=colors["text"], linestyle="--", linewidth=0.8)
    axes.set(
        xlabel="interval (%)",
        ylabel="pixels within it (%)",
        xlim=(40, 100),
        ylim=(min(40.0, 95 * min(shares.values())), 101),
        xticks=nominal,
    )


def _square(axes: Any, curves: Sequence[ReliabilityCurve], colors: Colors) -> None:
    """Give both axes the same range, from zero, with the line on which sigma is true."""
    most = max(float(max(c.rmv.max(), c.rmse_range[1].max())) for c in curves) * _ROOM
    axes.plot(
        [0, most],
        [0, most],
        color=colors["text"],
        linestyle="--",
        linewidth=0.8,
        label="identity",
        zorder=0,
    )
    axes.set(
        xlabel="RMV, predicted (grey levels)",
        ylabel="RMSE, actual (grey levels)",
        xlim=(0, most),
        ylim=(0, most),
    )
    axes.set_aspect("equal", adjustable="box")
    axes.locator_params(nbins=_TICKS)
