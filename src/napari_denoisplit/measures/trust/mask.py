"""Where a predicted structure stands out from its own uncertainty.

sigma is the spread of the learned posterior, scaled by the calibration where the model has one. It
tells what the image leaves open, not what the model has never learned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]

_DARK = 10  # percent of the pixels that show no structure in most images
_PIXELS = 1_000_000  # tell a percentile


def background_of(mmse: Floats) -> float:
    """Level without structure: the 10th percentile of the pixels, grey levels."""
    known = mmse.ravel()[:: max(1, mmse.size // _PIXELS)]
    known = known[np.isfinite(known)]
    return float(np.percentile(known, _DARK)) if known.size else 0.0


def relative_uncertainty(mmse: Floats, sigma: Floats, background: float) -> NDArray[np.float32]:
    """Sigma over signal, sigma / |MMSE - background|, of every pixel.

    Below 1/3, a structure is more than three sigma away from the background. Infinite, or large,
    where there is no structure: the mask says where structure can be believed, not where its
    absence can.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(sigma / np.abs(mmse - background), dtype=np.float32)
    ratio[~np.isfinite(ratio)] = np.inf
    return ratio
