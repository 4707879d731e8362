"""What a noise model is fitted to and how the fit goes, painted on axes of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.jobs.noise.plots import STYLES, TICKS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.events import FitStep
    from napari_denoisplit.widgets.noise.grey_levels import GreyLevels
    from napari_denoisplit.widgets.parts.plot import Colors


def paint_levels(axes: Any, levels: Sequence[GreyLevels], colors: Colors) -> None:
    """Paint the histogram of each image, as a share of its pixels, on a logarithmic scale."""
    for one, style in zip(levels, ("-", ":"), strict=False):
        share = one.counts / max(one.n_pixels, 1)
        axes.stairs(share, one.edges, color=colors["text"], linestyle=style, label=one.name)
    if any(one.counts.any() for one in levels):
        axes.set_yscale("log")
    axes.set(xlabel="observation (grey levels)", ylabel="share of the pixels")
    axes.locator_params(axis="x", nbins=TICKS)


def paint_steps(axes: Any, steps: Sequence[FitStep], colors: Colors) -> None:
    """Paint the held-out log-likelihood of the fit, step by step, a line for each candidate."""
    values = np.array([-step.held_out_nll for step in steps])
    texts = [step.text for step in steps]
    for text in dict.fromkeys(texts):
        at = np.array([number for number, other in enumerate(texts) if other == text])
        axes.plot(at, values[at], color=colors["text"], marker=".", markersize=3, linewidth=0.9)
    best = int(values.argmax())
    label = f"best: {texts[best]}"
    axes.plot(best, values[best], "o", color=STYLES[0]["color"], label=label)
    axes.set(xlabel="step of the fit", ylabel="log-likelihood, pixels left out")
    if len(values) == 1:  # or its surroundings are hundredths of a step
        axes.set_xlim(-1, 1)
    # The first steps are far off, and would press all that matters into one line.
    low, high = np.quantile(values, 0.25), values.max()
    if high > low:
        axes.set_ylim(low - 0.2 * (high - low), high + 0.5 * (high - low))
    axes.locator_params(nbins=TICKS)
    axes.locator_params(axis="x", integer=True)
