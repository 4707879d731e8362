"""Curves that judge a noise model, painted on axes of matplotlib.

`colors` names the color of 'text' and of the 'background'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.curves import JointHistogram, ModelBands, NoiseCurves

# Of a model and of the one it is compared with; they can be read on dark and on light ground, and
# are told apart by their lines too.
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#e0702c", "linestyle": "-"},
    {"color": "#3a8ee6", "linestyle": "--"},
)
_DARK = 0.5
TICKS = 4  # more would run into each other in a narrow dock


def paint_joint(
    axes: Any,
    joint: JointHistogram,
    bands: ModelBands | None,
    at: float | None,
    colors: dict[str, str],
) -> None:
    """Paint counts on a logarithmic scale, mean and quantiles of the model, and mark a signal."""
    # Not at the top: the window imports this module before it needs matplotlib.
    from matplotlib.colors import LogNorm

    counts = np.ma.masked_equal(joint.counts.T, 0)
    ramp = "gray" if _is_dark(colors["background"]) else "gray_r"
    most = max(int(joint.counts.max(initial=1)), 2)
    axes.pcolorfast(
        joint.signal_edges,
        joint.observation_edges,
        counts,
        norm=LogNorm(0.5, most),
        cmap=ramp,
    )
    if bands is not None:
        style = STYLES[0]
        axes.plot(bands.signal, bands.mean, **style, label="mean")
        label = f"{', '.join(f'{level:.1%}' for level in bands.levels)}".replace(".0%", "%")
        for number, curve in enumerate(bands.quantiles):
            text = f"quantiles {label}" if number == 0 else None
            axes.plot(bands.signal, curve, color=style["color"], linewidth=0.8, label=text)
    if at is not None:
        axes.axvline(at, color=colors["text"], linewidth=0.8, linestyle=":")
    axes.set(
        xlim=joint.signal_edges[[0, -1]],
        ylim=joint.observation_edges[[0, -1]],
        xlabel="signal (grey levels)",
        ylabel="observation (grey levels)",
        title="pixels (logarithmic scale)",
    )
    axes.locator_params(nbins=TICKS)


def paint_bin(
    axes: Any, models: Mapping[str, NoiseCurves], index: int, colors: dict[str, str]
) -> None:
    """Paint the observations of one signal bin, and the density of each model there."""
    first = next(iter(models.values()))
    for (name, curves), style in zip(models.items(), STYLES, strict=False):
        one = curves.bins[min(index, len(curves.bins) - 1)]
        if curves is first:
            axes.stairs(
                one.histogram, one.edges, fill=True, color=colors["text"], alpha=0.35, label="data"
            )
            low, high = (grey_levels(level) for level in one.signal_range)
            axes.set_title(f"signal {low} to {high}: {one.n_pixels:,} pixels")
        axes.plot(one.density_at, one.density, **style, label=name)
    axes.set(xlabel="observation (grey levels)", ylabel="density")
    axes.set_ylim(0, 1.35 * axes.get_ylim()[1])  # room for the legend above the peak
    axes.locator_params(nbins=TICKS)


def paint_variance(axes: Any, models: Mapping[str, NoiseCurves], colors: dict[str, str]) -> None:
    """Paint the variance over the signal: data with twice the standard error, models as lines."""
    data = next(iter(models.values())).variance
    axes.errorbar(
        data.signal,
        data.variance,
        yerr=2 * data.standard_error,
        fmt=".",
        color=colors["text"],
        markersize=4,
        linewidth=0.8,
        label="data, ± 2 standard errors",
    )
    top = float(np.nanmax(data.variance, initial=0.0))
    for (name, curves), style in zip(models.items(), STYLES, strict=False):
        bands = curves.bands
        axes.plot(bands.signal, bands.variance, **style, label=name)
        shown = (bands.signal >= data.signal.min()) & (bands.signal <= data.signal.max())
        top = max(top, float(np.max(bands.variance[shown], initial=0.0)))
    axes.set(xlabel="mean: signal (grey levels)", ylabel="variance (squared grey levels)")
    if top > 0:
        axes.set_ylim(0, (1.15 if len(models) == 1 else 1.4) * top)  # room for the legend
    axes.locator_params(nbins=TICKS)


def paint_pit(
    density: Any, quantiles: Any, models: Mapping[str, NoiseCurves], colors: dict[str, str]
) -> None:
    """Paint the probability-integral transform: its histogram, and its QQ plot."""
    for (name, curves), style in zip(models.items(), STYLES, strict=False):
        pit = curves.pit
        label = name if len(models) > 1 else None
        density.stairs(pit.density, pit.edges, **style, label=label)
        quantiles.plot(pit.expected, pit.observed, **style)
    density.axhline(1, color=colors["text"], linewidth=0.8, linestyle=":")
    quantiles.plot([0, 1], [0, 1], color=colors["text"], linewidth=0.8, linestyle=":")
    density.set(xlabel="probability", ylabel="density", ylim=(0, None), xlim=(0, 1))
    quantiles.set(
        xlabel="expected",
        ylabel="observed",
        xlim=(0, 1),
        ylim=(0, 1),
        title="QQ: quantiles of the same",
    )
    quantiles.set_aspect("equal", adjustable="box")
    density.set_title("shape at held-out pixels (PIT, 1 is right)")
    # Room for a legend above the steps.
    density.set_ylim(0, (1.5 if len(models) > 1 else 1.1) * max(density.get_ylim()[1], 1.2))
    for axes in (density, quantiles):
        axes.locator_params(nbins=TICKS)


def _is_dark(color: str) -> bool:
    from matplotlib.colors import to_rgb

    return float(np.mean(to_rgb(color))) < _DARK
