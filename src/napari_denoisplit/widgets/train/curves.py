"""Curves of a training, as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.events import EpochDone

Curve = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TrainingCurves:
    """What a training has reached, epoch by epoch; losses in nats per pixel and channel."""

    epoch: tuple[int, ...]
    train_loss: Curve
    validation_loss: Curve
    train_reconstruction: Curve
    validation_reconstruction: Curve
    kl: tuple[Curve, ...]
    """KL on validation as it enters the loss: one curve per level, the finest first."""
    psnr: tuple[Curve, ...]
    """Range-invariant PSNR on validation, dB: one curve per structure."""
    best: int | None
    """Position of the epoch whose model is kept; None before the first."""


def training_curves(history: Sequence[EpochDone]) -> TrainingCurves:
    """Gather the curves over the epochs of a training."""
    best = [position for position, epoch in enumerate(history) if epoch.is_best]
    return TrainingCurves(
        epoch=tuple(epoch.epoch for epoch in history),
        train_loss=tuple(epoch.train.loss for epoch in history),
        validation_loss=tuple(epoch.validation.loss for epoch in history),
        train_reconstruction=tuple(epoch.train.reconstruction for epoch in history),
        validation_reconstruction=tuple(epoch.validation.reconstruction for epoch in history),
        kl=tuple(zip(*(epoch.validation.kl_per_level for epoch in history), strict=True)),
        psnr=tuple(zip(*(epoch.psnr for epoch in history), strict=True)),
        best=best[-1] if best else None,
    )
