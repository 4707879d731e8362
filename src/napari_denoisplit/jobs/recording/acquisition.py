"""How a recording was taken: gain from its noise, offset and background from its dark places.

The noise of a recording is known to a hundredth, its contrast only as far as it shows as much as
the training images do. So the gain is 1, the ratio of the noises (grey levels were stretched or
halved) or its square (an exposure of another length, where light makes the noise), whichever is
nearest to the ratio of the contrasts. Offset and background are those that bring the dark places to
the level of those of the training images.
"""

from __future__ import annotations

from math import log, prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.measures.trust.background import FEWEST, background_of, dark_places
from napari_denoisplit.measures.trust.likeness import contrast_of, noise_of, without_specks
from napari_denoisplit.settings import Acquisition
from napari_denoisplit.settings.acquisition import MOST_GAIN

if TYPE_CHECKING:
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.jobs.recording.windows import Windows
    from napari_denoisplit.measures.trust.likeness import Likeness

SAME_NOISE = 0.06
"""Difference of the noise, as a logarithm, below which the gain is the same."""
OFFSET_WORTH, BACKGROUND_WORTH = 0.15, 0.12
"""Offset, and standard deviation of a background, in those of the training input, below which there
is none to speak of. Of 55 parts of held-out wells and phantoms one had more of a background."""
UNUSUAL = 1.25
"""Likewise, in units of what one in twenty of the training images exceeds."""


def estimate(normalization: Normalization, likeness: Likeness, windows: Windows) -> Acquisition:
    """Estimate how a recording was taken.

    Parameters
    ----------
    normalization, likeness
        Of the model.
    windows
        Of the recording, one at least.

    Raises
    ------
    ImageError
        No exposure brings such grey levels about.
    """
    n = normalization
    y = (windows.pixels - np.float32(n.input_mean)) / np.float32(n.input_std)
    noise = noise_of(y) / likeness.noise
    gain = _gain(noise, contrast_of(y, noise * likeness.noise) / likeness.contrast)
    if gain > MOST_GAIN:
        raise ImageError(
            f"The grey levels of the image vary {gain:.2g} times as much as those of the training "
            "images, which no exposure brings about: bring it to their range by one factor."
        )
    usual = likeness.usual_background(int(sqrt(prod(windows.shape))))
    first = windows.in_first if windows.in_first.any() else np.ones_like(windows.in_first)
    here, spread = (windows.y[first], windows.x[first]), noise * likeness.noise
    places = dark_places(without_specks(y[first], spread), *here, spread)
    if usual is None or not len(places.level):
        return Acquisition(gain=gain)
    along = min(len(np.unique(at)) for at in here)
    found = background_of(places, windows.shape, even=along < FEWEST)
    # Grey levels of the recording; y is 0 at the mean of the training input.
    offset = (found.level - gain * usual.level) * n.input_std + (1 - gain) * n.input_mean
    if abs(offset) < gain * n.input_std * max(OFFSET_WORTH, UNUSUAL * usual.spread):
        offset = 0.0
    if (
        found.unevenness is None
        or usual.unevenness is None
        or found.unevenness < gain * max(BACKGROUND_WORTH, UNUSUAL * usual.unevenness)
    ):
        return Acquisition(gain=gain, offset=offset)
    points = tuple(map(tuple, (found.points * n.input_std).tolist()))
    return Acquisition(gain=gain, offset=offset, background=points)


def _gain(noise: float, contrast: float) -> float:
    """Choose the power of the noise ratio that is nearest to the ratio of the contrasts."""
    if not (noise > 0 and contrast > 0) or abs(log(noise)) < SAME_NOISE:
        return 1.0
    gain, squared = noise, noise**2
    return float(min((1.0, gain, squared), key=lambda power: abs(log(contrast / power))))
