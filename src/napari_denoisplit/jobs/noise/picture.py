"""One page that shows how well a noise model describes pixels."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from napari_denoisplit.curves import NoiseCurves, SignalBin
    from napari_denoisplit.verdict import Grade, Verdict

_WIDTH, _PLOTS_HEIGHT = 11.0, 9.4  # inches
_LINE_HEIGHT = 0.19  # inches of a line of words
_CHARACTERS = 150  # of a line of words
_DATA, _MODEL = "#4477aa", "#cc3311"  # apart for colour-blind eyes, too
_GRADES: dict[Grade, str] = {"good": "#117733", "usable": "#b8860b", "do not use": "#cc3311"}


def save_noise_picture(path: Path, curves: NoiseCurves, verdict: Verdict, title: str) -> None:
    """Draw a page of plots with the verdict below, whole or not at all.

    Parameters
    ----------
    path
        Where to; the suffix says what: .png, .svg or .pdf.
    curves
        Numbers of the plots.
    verdict
        Its reasons are written in full.
    title
        Name of the noise model.

    Raises
    ------
    ValueError
        The suffix names no kind of picture.
    """
    from matplotlib.figure import Figure  # 0.5 s, only when a picture is drawn

    lines = _lines(verdict)
    words = (len(lines) + 2) * _LINE_HEIGHT + 0.2
    figure = Figure(figsize=(_WIDTH, _PLOTS_HEIGHT + words), layout="constrained")
    parts = figure.subfigures(2, 1, squeeze=False, height_ratios=[_PLOTS_HEIGHT, words])
    plots, text = parts[0, 0], parts[1, 0]
    plots.suptitle(title, fontsize=13)
    grid = plots.subplots(3, 3)
    _draw_joint(grid[0, 0], curves)
    _draw_variance(grid[0, 1], curves)
    _draw_autocorrelation(grid[0, 2], curves)
    for axes, signal_bin in zip(grid[1], _three(curves.bins), strict=False):
        _draw_bin(axes, signal_bin)
    for axes in grid[1, len(curves.bins) :]:
        axes.set_axis_off()
    _draw_pit(grid[2, 0], curves)
    _draw_qq(grid[2, 1], curves)
    _draw_likelihood(grid[2, 2], curves)
    top = 1.0 - 0.1 / words
    text.text(
        0.03, top, verdict.grade.upper(), va="top", weight="bold", fontsize=13,
        color=_GRADES[verdict.grade],
    )  # fmt: skip
    text.text(0.03, top - 0.3 / words, "\n".join(lines), va="top", fontsize=9.5, linespacing=1.35)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format=path.suffix.lstrip(".").lower())


def _lines(verdict: Verdict) -> list[str]:
    """Reasons as lines of bounded length."""
    return [
        line
        for reason in verdict.reasons
        for line in textwrap.wrap(
            reason, _CHARACTERS, initial_indent="\N{BULLET} ", subsequent_indent="   "
        )
    ]


def _three(bins: Sequence[SignalBin]) -> list[SignalBin]:
    """Take a dark, a middle, and a bright bin."""
    chosen = dict.fromkeys(round(share * (len(bins) - 1)) for share in (0.1, 0.5, 0.9))
    return [bins[index] for index in chosen]


def _draw_joint(axes: Axes, curves: NoiseCurves) -> None:
    joint, bands = curves.joint, curves.bands
    # Logarithm of counts: bright signals are rare, and would not be seen.
    counts = np.where(joint.counts > 0, np.log10(np.maximum(joint.counts, 1)), np.nan)
    axes.pcolormesh(
        joint.signal_edges, joint.observation_edges, counts.T, cmap="Blues", rasterized=True
    )
    axes.plot(bands.signal, bands.mean, color=_MODEL, lw=1.2, label="model: mean")
    for i, (level, band) in enumerate(zip(bands.levels, bands.quantiles, strict=True)):
        outer = min(level, 1 - level) < 0.1
        label = None if i > 1 else "95%" if outer else "68%"
        axes.plot(bands.signal, band, color=_MODEL, lw=0.8, ls=":" if outer else "--", label=label)
    axes.set_xlim(joint.signal_edges[0], joint.signal_edges[-1])
    axes.set_ylim(joint.observation_edges[0], joint.observation_edges[-1])
    axes.legend(fontsize=7, loc="upper left")
    _label(axes, "Pixels (log of counts)", "signal (grey levels)", "observation (grey levels)")


def _draw_variance(axes: Axes, curves: NoiseCurves) -> None:
    data, bands = curves.variance, curves.bands
    axes.errorbar(
        data.signal, data.variance, data.standard_error, fmt="o", ms=3.5, lw=1, color=_DATA,
        label="data",
    )  # fmt: skip
    low, high = data.signal.min(), data.signal.max()
    margin = 0.05 * (high - low)
    shown = (bands.signal >= low - margin) & (bands.signal <= high + margin)
    axes.plot(bands.signal[shown], bands.variance[shown], color=_MODEL, lw=1.4, label="model")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, loc="upper left")
    _label(axes, "Variance", "signal (grey levels)", "variance (grey levels²)")


def _draw_autocorrelation(axes: Axes, curves: NoiseCurves) -> None:
    found = curves.autocorrelation
    title = "Correlation of neighbours"
    if found is None:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
        _label(axes, title, "", "")
        return
    lags = np.array(found.lags)
    for shift, values, name, color in (
        (-0.17, found.x, "x", _DATA),
        (0.17, found.y, "y", "#88ccee"),
    ):
        axes.bar(lags + shift, values, 0.32, color=color, label=f"along {name}")
    error = 3 * found.standard_error
    axes.axhspan(-error, error, color="0.8", zorder=0, label="chance")
    axes.axhline(0, color="0.3", lw=0.8)
    largest = max(abs(v) for v in (*found.x, *found.y, error))
    axes.set_ylim(
        min(-0.25, -1.2 * largest * (min(*found.x, *found.y) < -0.2)), max(0.25, 1.2 * largest)
    )
    axes.set_xticks(lags)
    axes.legend(fontsize=7, loc="upper right")
    _label(axes, title, "distance (pixels)", "correlation")


def _draw_bin(axes: Axes, signal_bin: SignalBin) -> None:
    axes.stairs(
        signal_bin.histogram, signal_bin.edges, fill=True, color=_DATA, alpha=0.55, label="data"
    )
    axes.plot(signal_bin.density_at, signal_bin.density, color=_MODEL, lw=1.4, label="model")
    axes.set_xlim(signal_bin.edges[0], signal_bin.edges[-1])
    axes.set_ylim(bottom=0)
    axes.legend(fontsize=7, loc="upper right")
    low, high = signal_bin.signal_range
    name = f"Signal {low:.4g} to {high:.4g} ({signal_bin.n_pixels} pixels)"
    _label(axes, name, "observation (grey levels)", "density")


def _draw_pit(axes: Axes, curves: NoiseCurves) -> None:
    pit = curves.pit
    axes.stairs(pit.density, pit.edges, fill=True, color=_DATA, alpha=0.55)
    axes.axhline(1, color=_MODEL, lw=1.4)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(1.5, 1.1 * float(pit.density.max())))
    _label(axes, "Where observations fall", "probability in the model", "density (1: right)")


def _draw_qq(axes: Axes, curves: NoiseCurves) -> None:
    pit = curves.pit
    axes.plot([0, 1], [0, 1], color=_MODEL, lw=1.2)
    axes.plot(pit.expected, pit.observed, ".", ms=3, color=_DATA)
    axes.set_aspect("equal")
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.text(0.96, 0.06, f"largest gap {pit.distance:.3f}", ha="right", fontsize=8)
    _label(axes, "Quantiles", "expected probability", "observed probability")


def _draw_likelihood(axes: Axes, curves: NoiseCurves) -> None:
    names = ("plain Gaussian", "this model")
    values = np.array([-curves.gaussian_nll, -curves.nll])
    gain = values[1] - values[0]
    axes.barh([1, 0], values - values[0], color=(_DATA, _MODEL))
    reach = 1.2 * max(abs(gain), 0.02)
    axes.set_xlim(min(-0.2 * reach, 1.4 * gain), max(reach, 0.2 * reach))
    axes.axvline(0, color="0.3", lw=0.8)
    axes.set_yticks([1, 0], names, fontsize=8)
    summary = f"{gain:+.3f} nats a pixel\ncovers {curves.coverage:.0%} of the grey levels"
    axes.text(0.97, 0.94, summary, ha="right", va="top", fontsize=8, transform=axes.transAxes)
    axes.set_ylim(-0.6, 2.4)
    _label(axes, "Held-out log-likelihood", "gain (nats a pixel)", "")


def _label(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label, fontsize=8.5)
    axes.set_ylabel(y_label, fontsize=8.5)
    axes.tick_params(labelsize=7.5)
