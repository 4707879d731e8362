"""The plots of a calibration show its numbers, in the colours of structures and theme."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from napari_denoisplit.curves import SampleStep, SigmaCurves
from napari_denoisplit.measures.calibration.fit import ErrorPixels
from napari_denoisplit.measures.calibration.reliability import coverage, reliability
from napari_denoisplit.widgets.calibration.plot import (
    COVERAGE,
    RELIABILITY,
    SAMPLES,
    CalibrationPlot,
)
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.layers.results import structure_color


@pytest.fixture
def result(rng):
    """Errors that are twice the spread, of two structures."""
    spread = rng.uniform(1, 5, 20_000)
    pixels = ErrorPixels(spread, rng.normal(0, 2 * spread), np.zeros_like(spread))
    before, after = reliability(pixels, spread), reliability(pixels, 2 * spread)
    shares = coverage(pixels, 2 * spread)
    steps = tuple(SampleStep(k, 2.0, after, shares) for k in (2, 10, 50))
    channels = tuple(
        SimpleNamespace(curves=SigmaCurves(name, before, {"variance": after}, "variance", steps))
        for name in ("nuclei", "actin")
    )
    scores = (SimpleNamespace(coverage=shares),) * 2
    return SimpleNamespace(channels=channels, record=SimpleNamespace(scores=scores))


@pytest.fixture
def plot(qtbot, viewer, result):
    plot = CalibrationPlot(viewer_reference(viewer))
    qtbot.addWidget(plot)
    plot.show_result(result)
    return plot


def lines(plot):
    return {line.get_label(): line for line in plot.figure.axes[0].get_lines()}


def test_the_reliability_diagram_is_square_with_units_and_the_identity(plot, result):
    axes = plot.figure.axes[0]
    assert axes.get_xlim() == axes.get_ylim()
    assert axes.get_aspect() == 1
    assert "grey levels" in axes.get_xlabel()
    assert "grey levels" in axes.get_ylabel()
    x, y = lines(plot)["identity"].get_data()
    np.testing.assert_array_equal(x, y)
    x, y = lines(plot)["spread, before"].get_data()
    np.testing.assert_allclose(y / x, 2, rtol=0.1)
    low, high = axes.get_xlim()
    assert low == 0
    assert high > result.channels[0].curves.before.rmse.max()


@pytest.mark.parametrize("page", [RELIABILITY, COVERAGE, SAMPLES])
def test_each_structure_has_the_colour_of_its_layers(plot, page):
    plot.turn_to(page)
    for channel, name in enumerate(("nuclei", "actin")):
        plot.structure.setCurrentIndex(channel)
        axes = plot.figure.axes[0]
        inks = {to_rgb(line.get_color()) for line in axes.get_lines()}
        assert to_rgb(structure_color(channel)) in inks
        assert to_rgb(structure_color(1 - channel)) not in inks
        assert name in axes.get_title()


def test_an_error_that_noise_hides_is_pointed_out(plot, result):
    assert "hides the error" not in plot.note.text()
    curves = result.channels[0].curves
    hidden = replace(curves.before, squared_error=0 * curves.before.squared_error)
    channel = SimpleNamespace(curves=replace(curves, before=hidden))
    plot.show_result(SimpleNamespace(channels=(channel,), record=result.record))
    assert "hides the error" in plot.note.text()


def test_the_number_of_samples_is_told_in_a_plot_and_a_table(plot):
    plot.turn_to(SAMPLES)
    assert {"2 answers", "10 answers", "50 answers"} <= set(lines(plot))
    assert plot.note.text().count("<tr>") == 4


def test_coverage_is_plotted_in_percent(plot, result):
    plot.turn_to(COVERAGE)
    x, y = lines(plot)["found"].get_data()
    np.testing.assert_array_equal(x, [50, 68, 90, 95])
    np.testing.assert_allclose(y, x, atol=2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_plot_follows_the_theme(viewer, plot, theme):
    viewer.theme = theme
    axes = plot.figure.axes[0]
    inks = (axes.get_facecolor(), lines(plot)["identity"].get_color())
    ground, line = (sum(to_rgb(ink)) for ink in inks)
    assert abs(ground - line) > 1.0


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_plot_is_saved_whole(plot, tmp_path, ending):
    plot.save(tmp_path / f"plot.{ending}")
    assert (tmp_path / f"plot.{ending}").stat().st_size > 5000
