"""One page that shows how well a noise model describes pixels."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.files import replacing
from napari_denoisplit.jobs.noise.plots import (
    STYLES,
    paint_bin,
    paint_joint,
    paint_pit,
    paint_variance,
)

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.verdict import Grade, Verdict

_WIDTH, _PLOTS_HEIGHT = 11.0, 9.4  # inches
_LINE_HEIGHT = 0.19  # inches of a line of words
_CHARACTERS = 150  # of a line of words
_DATA, _MODEL = "#4477aa", STYLES[0]["color"]  # apart for colour-blind eyes, too
_COLORS = {"text": _DATA, "background": "white"}
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
    grid, models = plots.subplots(3, 3), {"model": curves}
    paint_joint(grid[0, 0], curves.joint, curves.bands, None, _COLORS)
    paint_variance(grid[0, 1], models, _COLORS)
    grid[0, 1].set_title("Variance")
    _draw_autocorrelation(grid[0, 2], curves)
    for axes, number in zip(grid[1], _three(len(curves.bins)), strict=False):
        paint_bin(axes, models, number, _COLORS)
    for axes in grid[1, len(curves.bins) :]:
        axes.set_axis_off()
    paint_pit(grid[2, 0], grid[2, 1], models, _COLORS)
    gap = f"largest gap {curves.pit.distance:.3f}"
    grid[2, 1].text(0.96, 0.06, gap, ha="right", fontsize=8)
    _draw_likelihood(grid[2, 2], curves)
    for axes in grid.flat:
        _make_small(axes)
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


def _three(n_bins: int) -> list[int]:
    """Numbers of a dark, a middle, and a bright bin."""
    return list(dict.fromkeys(round(share * (n_bins - 1)) for share in (0.1, 0.5, 0.9)))


def _draw_autocorrelation(axes: Axes, curves: NoiseCurves) -> None:
    found = curves.autocorrelation
    axes.set_title("Correlation of neighbours")
    if found is None:
        axes.text(0.5, 0.5, "not measured", ha="center", transform=axes.transAxes)
        axes.set(xticks=[], yticks=[])
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
    axes.set(xticks=lags, xlabel="distance (pixels)", ylabel="correlation")


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
    axes.set(ylim=(-0.6, 2.4), title="Held-out log-likelihood", xlabel="gain (nats a pixel)")


def _make_small(axes: Axes) -> None:
    """Fit the words of a plot to the page, and say what its lines are."""
    for words, size in ((axes.title, 10), (axes.xaxis.label, 8.5), (axes.yaxis.label, 8.5)):
        words.set_fontsize(size)
    axes.tick_params(labelsize=7.5)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7)
