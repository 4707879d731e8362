"""The canvas paints curves in the colours of the theme."""

from __future__ import annotations

import time

import pytest
from tests.widgets.train.test_curves import HISTORY

from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.train.curves import training_curves
from napari_denoisplit.widgets.train.plots import TrainingPlot


@pytest.fixture
def plot(qtbot, viewer):
    plot = TrainingPlot(viewer_reference(viewer))
    qtbot.addWidget(plot)
    plot.show_curves(training_curves(HISTORY), ("nuclei", "actin"))
    plot.show()
    return plot


def test_the_plot_is_drawn_when_it_is_shown(plot):
    loss, psnr = plot.figure.axes
    assert [line.get_label() for line in loss.lines] == ["training", "validation", "kept"]
    assert [line.get_label() for line in psnr.lines] == ["nuclei", "actin"]
    assert loss.get_ylabel() == "loss"
    assert "dB" in psnr.get_ylabel()


@pytest.mark.parametrize(
    ("choice", "labels"),
    [
        ("reconstruction", ["training", "validation", "kept"]),
        ("use of each level (KL)", ["level 1", "level 2"]),
    ],
)
def test_every_part_of_the_loss_can_be_shown(plot, choice, labels):
    plot.choice.setCurrentText(choice)
    assert [line.get_label() for line in plot.figure.axes[0].lines] == labels


@pytest.mark.parametrize("n", [1, 2, 3])
def test_epochs_are_whole_numbers_however_few(plot, n):
    plot.show_curves(training_curves(HISTORY[:n]), ("nuclei", "actin"))
    plot.redraw()
    shown = plot.figure.axes[1]
    low, high = shown.get_xlim()
    assert all(tick.is_integer() for tick in shown.get_xticks() if low <= tick <= high)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_every_theme(viewer, plot, theme):
    from matplotlib.colors import to_rgb

    viewer.theme = theme
    axes = plot.figure.axes[0]
    text, ground = (sum(to_rgb(c)) for c in (axes.xaxis.label.get_color(), axes.get_facecolor()))
    assert abs(text - ground) > 1.0
    assert (text < ground) == (theme == "light")


def test_a_burst_of_epochs_is_drawn_at_most_twice_a_second(qtbot, plot, monkeypatch):
    drawn = []
    monkeypatch.setattr(plot, "_draw_losses", lambda *_: drawn.append(1))
    began = time.monotonic()
    for n in range(100):
        plot.show_curves(training_curves(HISTORY[: 1 + n % 3]), ("nuclei", "actin"))
        qtbot.wait(5)
    assert len(drawn) <= 2 + 2 * (time.monotonic() - began)
