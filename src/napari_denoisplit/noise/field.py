"""A window of which signal and observation are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

__all__ = ["Field"]


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """Exposures of one window, grey levels."""

    signal: Floats
    """(T, Y, X)"""
    observation: Floats
    """(T, Y, X): the signal with noise of full strength."""
    raw: Floats
    """(T, Y, X), as they were read: saturation shows here. NaN where nothing is known."""
    usable: NDArray[np.bool_]
    """(Y, X): the region of interest."""
