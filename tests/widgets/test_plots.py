"""Curves are numbers first; the canvas paints them in the colours of the theme."""

from __future__ import annotations

import pytest

from napari_denoisplit.events import Elbo, EpochDone
from napari_denoisplit.widgets.layers import viewer_reference
from napari_denoisplit.widgets.plots import TrainingPlot, training_curves


def epoch(number: int, loss: float, *, best: bool) -> EpochDone:
    train, validation = Elbo(loss - 1, loss, ()), Elbo(loss, loss, ())
    return EpochDone(number, number, 1.0, train, validation, (20.0, 21.0 + number), 1e-3, 0, best)


HISTORY = [epoch(1, 5.0, best=True), epoch(2, 4.0, best=True), epoch(3, 4.5, best=False)]


def test_curves_hold_every_epoch_and_the_one_that_is_kept():
    curves = training_curves(HISTORY)
    assert curves.epoch == (1, 2, 3)
    assert curves.train_loss == (4.0, 3.0, 3.5)
    assert curves.validation_loss == (5.0, 4.0, 4.5)
    assert curves.psnr == ((20.0, 20.0, 20.0), (22.0, 23.0, 24.0))
    assert curves.best == 1


def test_no_epoch_makes_no_curve():
    curves = training_curves([])
    assert curves.epoch == ()
    assert curves.best is None


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
    assert "nats" in loss.get_ylabel()
    assert "dB" in psnr.get_ylabel()


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
    for n in range(100):
        plot.show_curves(training_curves(HISTORY[: 1 + n % 3]), ("nuclei", "actin"))
        qtbot.wait(5)
    assert len(drawn) <= 3
