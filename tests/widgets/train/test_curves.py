"""Curves are numbers first."""

from __future__ import annotations

from napari_denoisplit.events import Elbo, EpochDone
from napari_denoisplit.widgets.train.curves import training_curves


def epoch(number: int, loss: float, *, best: bool) -> EpochDone:
    train = Elbo(loss - 1, loss - 2, (0.5, 0.5))
    validation = Elbo(loss, loss - 1, (0.25, 0.75))
    return EpochDone(number, number, 1.0, train, validation, (20.0, 21.0 + number), 1e-3, 0, best)


HISTORY = [epoch(1, 5.0, best=True), epoch(2, 4.0, best=True), epoch(3, 4.5, best=False)]


def test_curves_hold_every_epoch_and_the_one_that_is_kept():
    curves = training_curves(HISTORY)
    assert curves.epoch == (1, 2, 3)
    assert curves.train_loss == (4.0, 3.0, 3.5)
    assert curves.validation_loss == (5.0, 4.0, 4.5)
    assert curves.train_reconstruction == (3.0, 2.0, 2.5)
    assert curves.validation_reconstruction == (4.0, 3.0, 3.5)
    assert curves.kl == ((0.25,) * 3, (0.75,) * 3)
    assert curves.psnr == ((20.0, 20.0, 20.0), (22.0, 23.0, 24.0))
    assert curves.best == 1


def test_no_epoch_makes_no_curve():
    curves = training_curves([])
    assert curves.epoch == ()
    assert curves.best is None
