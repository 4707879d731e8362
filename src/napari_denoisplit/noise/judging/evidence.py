"""Figures of a noise model and its pixels that a verdict goes by, besides the curves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.settings import NoiseSource
    from napari_denoisplit.verdict import Finding

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Figures that the findings go by, besides the curves."""

    source: NoiseSource
    n_pixels: int
    signal_range: tuple[float, float]
    """What the model was made for, grey levels."""
    max_signal: float
    """Where saturation begins in the images; infinite if it does not."""
    counts: NDArray[np.int64]
    """(B,), pixels of each signal bin."""
    offset: Floats
    """(B,), mean of the observation less the mean that the model foretells, grey levels."""
    model_variance: Floats
    """(B,), squared grey levels."""
    fitted_nll: float
    """Mean negative log-likelihood of the pixels to fit to, nats."""
    of_data: tuple[Finding, ...] = ()
    """What makes the pixels doubtful, whatever the model."""
