"""What a verdict on a noise model goes by, and what it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.settings import NoiseSource

    Floats = NDArray[np.float64]

CERTAIN = 3.0
"""Standard errors that an effect must exceed beyond its threshold."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the findings go by, besides the curves."""

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


class Finding(NamedTuple):
    """One reason of a verdict."""

    gravity: int
    """0: worth knowing; 1: usable; 2: do not use."""
    text: str
