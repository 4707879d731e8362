"""Curves that judge a noise model, painted on axes of matplotlib."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.curves import JointHistogram, ModelBands, NoiseCurves
    from napari_denoisplit.events import FitStep
    from napari_denoisplit.widgets.grey_levels import GreyLevels
    from napari_denoisplit.widgets.theme_plot import Colors

__all__ = [
    "Judgement",
    "paint_bin",
    "paint_joint",
    "paint_levels",
    "paint_pit",
    "paint_steps",
    "paint_variance",
]

# Of a model and of the one it is compared with; they can be read on dark and on light ground, and
# are told apart by their lines too.
_STYLES: tuple[dict[str, Any], ...] = (
    {"color": "#e0702c", "linestyle": "-"},
    {"color": "#3a8ee6", "linestyle": "--"},
)
_DARK = 0.5
_TICKS = 4  # more would run into each other in a narrow dock


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """A noise model's curves and what it is called."""

    name: str
    curves: NoiseCurves


def paint_levels(axes: Any, levels: Sequence[GreyLevels], colors: Colors) -> None:
    """Paint the histogram of each image, as a share of its pixels, on a logarithmic scale."""
    for one, style in zip(levels, ("-", ":"), strict=False):
        share = one.counts / max(one.n_pixels, 1)
        axes.stairs(share, one.edges, color=colors["text"], linestyle=style, label=one.name)
    if any(one.counts.any() for one in levels):
        axes.set_yscale("log")
    axes.set(xlabel="observation (grey levels)", ylabel="share of the pixels")
    axes.locator_params(axis="x", nbins=_TICKS)


def paint_joint(
    axes: Any, joint: JointHistogram, bands: ModelBands | None, at: float | None, colors: Colors
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
        style = _STYLES[0]
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
        title="pixels, on a logarithmic scale",
    )
    axes.locator_params(nbins=_TICKS)


def paint_bin(axes: Any, models: Sequence[Judgement], index: int, colors: Colors) -> None:
    """Paint the observations of one signal bin, and the density of each model there."""
    for number, (model, style) in enumerate(zip(models, _STYLES, strict=False)):
        one = model.curves.bins[min(index, len(model.curves.bins) - 1)]
        if number == 0:
            axes.stairs(
                one.histogram, one.edges, fill=True, color=colors["text"], alpha=0.35, label="data"
            )
            low, high = one.signal_range
            axes.set_title(f"signal {low:.4g} to {high:.4g}: {one.n_pixels:,} pixels")
        axes.plot(one.density_at, one.density, **style, label=model.name)
    axes.set(xlabel="observation (grey levels)", ylabel="density")
    axes.set_ylim(bottom=0)
    axes.locator_params(nbins=_TICKS)


def paint_variance(axes: Any, models: Sequence[Judgement], colors: Colors) -> None:
    """Paint the variance over the signal: data with twice the standard error, models as lines."""
    data = models[0].curves.variance
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
    for model, style in zip(models, _STYLES, strict=False):
        bands = model.curves.bands
        axes.plot(bands.signal, bands.variance, **style, label=model.name)
        shown = (bands.signal >= data.signal.min()) & (bands.signal <= data.signal.max())
        top = max(top, float(np.max(bands.variance[shown], initial=0.0)))
    axes.set(xlabel="mean: signal (grey levels)", ylabel="variance (squared grey levels)")
    if top > 0:
        axes.set_ylim(0, 1.15 * top)
    axes.locator_params(nbins=_TICKS)


def paint_pit(density: Any, quantiles: Any, models: Sequence[Judgement], colors: Colors) -> None:
    """Paint the probability-integral transform: its histogram, and its QQ plot."""
    for model, style in zip(models, _STYLES, strict=False):
        pit = model.curves.pit
        density.stairs(pit.density, pit.edges, **style, label=model.name)
        quantiles.plot(pit.expected, pit.observed, **style)
    density.axhline(1, color=colors["text"], linewidth=0.8, linestyle=":", label="right model")
    quantiles.plot([0, 1], [0, 1], color=colors["text"], linewidth=0.8, linestyle=":")
    density.set(xlabel="probability", ylabel="density", ylim=(0, None), xlim=(0, 1))
    quantiles.set(xlabel="expected", ylabel="observed", xlim=(0, 1), ylim=(0, 1), title="QQ")
    quantiles.set_aspect("equal", adjustable="box")
    density.set_title("PIT of held-out pixels")
    # Room for the legend above the steps.
    density.set_ylim(0, 1.45 * max(density.get_ylim()[1], 1.0))
    for axes in (density, quantiles):
        axes.locator_params(nbins=_TICKS)


def paint_steps(axes: Any, steps: Sequence[FitStep], colors: Colors) -> None:
    """Paint the held-out log-likelihood of the fit, round by round."""
    rounds = [step.round for step in steps]
    values = [-step.held_out_nll for step in steps]
    marker = "." if len(steps) < 2 else ""
    axes.plot(rounds, values, color=colors["text"], marker=marker)
    axes.set(xlabel="round of the fit", ylabel="held-out log-likelihood (nats per pixel)")
    if len(values) > 2:
        # The first rounds are far off, and would press all that matters into one line.
        low, high = np.quantile(values, 0.25), max(values)
        if high > low:
            axes.set_ylim(low - 0.5 * (high - low), high + 0.2 * (high - low))
    axes.locator_params(nbins=_TICKS)


def _is_dark(color: str) -> bool:
    from matplotlib.colors import to_rgb

    return float(np.mean(to_rgb(color))) < _DARK
