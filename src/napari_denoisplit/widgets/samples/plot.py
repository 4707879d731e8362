"""The plot of what samples say of a place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.measures.samples.spread import LEVEL
from napari_denoisplit.widgets.parts.plot import ThemePlot
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.measures.samples.statistics import Estimate, SampleReading
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.plot import Colors

_ONE, _TWO = 210, 390  # pixels of the canvas with one plot and with two


class SamplePlot(ThemePlot):
    """Histogram of a pixel's samples and their joint scatter; of a line also its profile."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(viewer, parent)
        self.reading: SampleReading | None = None
        """What is painted."""
        self._inks: tuple[str, ...] = ()
        self._n_plots = 1
        self._step, self._unit = 1.0, "pixels"
        self.setAccessibleName("Answers at the place that was chosen")
        self.hide()

    def show_reading(
        self, reading: SampleReading, inks: Sequence[str], step: float, unit: str
    ) -> None:
        """Paint a place.

        Parameters
        ----------
        reading
            The numbers.
        inks
            Colour of each structure, hexadecimal.
        step, unit
            Length of a pixel.
        """
        self.reading, self._inks = reading, tuple(inks)
        self._step, self._unit = step, unit
        self._n_plots = 2 if reading.profile is not None or len(reading.structures) > 1 else 1
        self._set_height(_TWO if self._n_plots == 2 else _ONE)
        if self.isVisible():
            self.redraw()
        self.show()  # which paints it, too

    def _paint(self, figure: Any) -> None:
        reading, colors = self.reading, self.colors()
        if reading is None:
            return
        bottom, top = (0.11, 0.95) if self._n_plots == 2 else (0.2, 0.9)
        figure.subplots_adjust(left=0.19, right=0.96, top=top, bottom=bottom, hspace=0.5)
        every = figure.subplots(self._n_plots, 1, squeeze=False)[:, 0]
        title = (
            "answers for the pixel" if reading.kind == "pixel" else f"mean of the {reading.kind}"
        )
        if reading.profile is not None:
            paint_profile(every[0], reading, self._inks, self._step, self._unit)
            paint_histogram(every[1], reading, self._inks, colors, title=title)
            return
        paint_histogram(every[0], reading, self._inks, colors, title=title)
        if self._n_plots == 2:
            paint_joint(every[1], reading, self._inks, colors, (0, 1))


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
            "input",
            where,
            xytext=(-3, 2),
            textcoords="offset points",
            color=colors["text"],
            fontsize=_SMALL,
            rotation=90,
            ha="right",
            va="bottom",
            bbox=_ground(colors),
        )
    _name_rows(axes, reading, highest * rows, colors)
    axes.set(
        xlabel="value (grey levels)",
        ylabel="answers",
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
            bbox=_ground(colors),
        )
    axes.set_xlim(low, high)


def _ground(colors: Colors) -> dict[str, Any]:
    """Return what stands behind a word, so that it can be read on bars."""
    return {"facecolor": colors["background"], "edgecolor": "none", "alpha": 0.7, "pad": 0.5}


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
        title=f"both in the same answer, r = {reading.correlation[a, b]:.2f}",
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
    axes.set(
        xlabel=f"along the line ({unit})", ylabel="grey levels", title="best estimate and interval"
    )
    axes.locator_params(nbins=_TICKS)


CAVEAT = (
    "Answers differ as far as the image leaves open, to what the model has learned. The model's "
    "own error is not in it: on structures or noise unlike its training data, all answers can "
    "agree and be wrong."
)
_UNCALIBRATED = (
    "The uncertainty (σ) here is the plain spread of the answers, not compared with any truth."
)
_CALIBRATED = (
    "The uncertainty (σ) is scaled to errors that were measured on single pixels of calibration "
    "images; it holds for images like those."
)
_CARRIED_OVER = "For a mean the same factor is taken over, which was not tested."
_STRONG = 0.5  # correlation that is worth a word
_FEW = 10  # samples, below which it is said that they are few


def reading_text(reading: SampleReading) -> str:
    """Numbers of a place, line by line."""
    lines = [_headline(reading)]
    for name, estimate in zip(reading.structures, reading.estimates, strict=True):
        lines.append(f"{name}: {_estimate(estimate, calibrated=reading.calibrated)}")
    lines += _pairs(reading)
    if reading.independent is not None and reading.n_points > 1:
        alone = " and ".join(grey_levels(sigma, 4) for sigma in reading.independent)
        lines.append(f"If pixels were independent, it would be {alone}. They are not.")
    if reading.values.shape[1] < _FEW:
        n_kept = reading.values.shape[1]
        few = "Only 1 answer is kept" if n_kept == 1 else f"Only {n_kept} answers are kept"
        lines.append(f"{few}: keep more at the step Split (Answers to keep) for a finer picture.")
    return "\n".join(lines)


def caveat(reading: SampleReading | None) -> str:
    """Say what sigma contains, and what it does not."""
    if reading is None:
        return CAVEAT
    parts = [_CALIBRATED if reading.calibrated else _UNCALIBRATED]
    if reading.calibrated and reading.kind != "pixel":
        parts.append(_CARRIED_OVER)
    return " ".join([*parts, CAVEAT])


def _headline(reading: SampleReading) -> str:
    if reading.where is not None:
        text = f"Pixel y {reading.where[0]}, x {reading.where[1]}"
    else:
        what = "pixels" if reading.kind == "area" else "points"
        text = f"Mean over the {reading.kind}, {reading.n_points:,} {what}"
    return text if reading.observed is None else f"{text}: input {grey_levels(reading.observed, 4)}"


def _estimate(estimate: Estimate, *, calibrated: bool) -> str:
    kind = "uncertainty (σ)" if calibrated else "uncertainty (σ, uncalibrated)"
    best = f"best estimate {grey_levels(estimate.mean, 4)}"
    if not np.isfinite(estimate.sigma):
        return f"{best}, {kind} is not known"
    text = f"{best}, {kind} {grey_levels(estimate.sigma, 4)}"
    if not np.isfinite(estimate.high):
        n = estimate.n_samples
        return f"{text}; {'1 answer is' if n == 1 else f'{n} answers are'} too few for an interval"
    low, high = grey_levels(estimate.low, 4), grey_levels(estimate.high, 4)
    return f"{text}, {LEVEL:.0%} interval {low} to {high} ({estimate.n_samples} answers)"


def _pairs(reading: SampleReading) -> list[str]:
    n = len(reading.structures)
    found = []
    for a in range(n):
        for b in range(a + 1, n):
            r = reading.correlation[a, b]
            if np.isfinite(r):
                found.append(f"{reading.structures[a]} and {reading.structures[b]}: {_meaning(r)}")
    return found


def _meaning(r: float) -> str:
    if r < -_STRONG:
        return f"r = {r:.2f}, what one gains the other loses"
    if r > _STRONG:
        return f"r = {r:.2f}, they rise and fall together"
    return f"r = {r:.2f}"
