"""The plots of a noise model show its numbers, in the colours of the theme."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.widgets.noise_fakes import curves, joint

from napari_denoisplit.events import FitStep
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.noise.grey_levels import grey_levels
from napari_denoisplit.widgets.noise.plot import (
    BIN,
    FIT,
    JOINT,
    LEVELS,
    PIT,
    VARIANCE,
    NoisePlot,
    neighbours_text,
)


@pytest.fixture
def plot(qtbot, viewer):
    plot = NoisePlot(viewer_reference(viewer))
    qtbot.addWidget(plot)
    plot.show_levels((grey_levels("cells", np.arange(100)),))
    plot.show()
    return plot


def offered(plot):
    items = [plot.choice.model().item(row) for row in range(plot.choice.count())]
    return [item.text() for item in items if item.isEnabled()]


def labels(plot):
    return plot.figure.axes[0].get_legend_handles_labels()[1]


def test_what_can_be_plotted_grows_with_the_fit(plot):
    assert offered(plot) == [LEVELS]
    plot.show_joint(joint())
    plot.add_step(FitStep("1 Gaussian", 0, 3.5))
    assert offered(plot) == [LEVELS, FIT, JOINT]
    plot.show_models({"camera": curves()})
    assert offered(plot) == [LEVELS, FIT, JOINT, BIN, VARIANCE, PIT]
    plot.turn_to(PIT)
    plot.show_joint(joint())  # a new fit: the old model is gone, and so is its plot
    assert plot.page == LEVELS
    assert offered(plot) == [LEVELS, JOINT]


@pytest.mark.parametrize(
    ("page", "label", "unit"),
    [
        (JOINT, "mean", "observation (grey levels)"),
        (BIN, "camera", "density"),
        (VARIANCE, "camera", "variance (squared grey levels)"),
    ],
)
def test_model_and_data_share_axes_with_units(plot, page, label, unit):
    plot.show_models({"camera": curves()})
    plot.turn_to(page)
    assert label in labels(plot)
    assert plot.figure.axes[0].get_ylabel() == unit


@pytest.mark.parametrize("page", [BIN, VARIANCE, PIT])
def test_a_second_model_is_drawn_over_the_first_in_another_line(plot, page):
    plot.show_models({"one": curves(), "two": curves(2.0)})
    plot.turn_to(page)
    assert {"one", "two"} <= set(labels(plot))
    artists = dict(zip(*reversed(plot.figure.axes[0].get_legend_handles_labels()), strict=True))
    assert artists["one"].get_linestyle() != artists["two"].get_linestyle()


def test_a_click_on_a_signal_shows_its_pixels(plot):
    plot.show_models({"camera": curves()})
    plot.turn_to(JOINT)
    plot._on_click(SimpleNamespace(xdata=26.0))
    assert plot.page == BIN
    assert "signal 20 to 30" in plot.figure.axes[0].get_title()
    plot.slider.setValue(0)
    assert "signal 0 to 10" in plot.figure.axes[0].get_title()


def test_the_best_candidate_of_the_fit_is_named(plot):
    plot.show_joint(joint())
    for text, nll in (("1 Gaussian", 3.5), ("2 Gaussians", 3.2), ("3 Gaussians", 3.3)):
        plot.add_step(FitStep(text, 0, nll))
    plot.turn_to(FIT)
    assert labels(plot) == ["best: 2 Gaussians"]


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_plots_are_saved_whole(plot, tmp_path, ending):
    plot.show_models({"camera": curves()})
    plot.turn_to(VARIANCE)
    plot.save(tmp_path / f"plot.{ending}")
    assert (tmp_path / f"plot.{ending}").stat().st_size > 5000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_data_can_be_told_from_the_ground_in_every_theme(viewer, plot, theme):
    from matplotlib.colors import to_rgb

    viewer.theme = theme
    axes = plot.figure.axes[0]
    ground, ink = (sum(to_rgb(c)) for c in (axes.get_facecolor(), axes.patches[0].get_edgecolor()))
    assert abs(ground - ink) > 1.0


def test_what_is_not_known_of_neighbours_is_said():
    assert "cannot be told" in neighbours_text(None)
    assert "x: +0.10, +0.00, +0.00" in neighbours_text(curves().autocorrelation)
