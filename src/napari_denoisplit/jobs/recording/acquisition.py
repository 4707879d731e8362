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
from napari_denoisplit.measures.trust.background import (
    FEWEST,
    POINTS,
    background_of,
    dark_places,
)
from napari_denoisplit.measures.trust.camera import without_specks
from napari_denoisplit.measures.trust.likeness import contrast_of, noise_of
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
OTHER_GAIN, OTHER_BACKGROUND = 0.2, 0.35
"""Difference of the gains of two planes, as a logarithm, and root mean square of that of their
backgrounds, in standard deviations of the training input, up to which they are split alike: an
offset of 0.5 costs 1 to 2 dB."""


def estimate(normalization: Normalization, likeness: Likeness, windows: Windows) -> Acquisition:
    """Estimate how a recording was taken.

    Parameters
    ----------
    normalization, likeness
        Of the model.
    windows
        Of one plane of the recording, one at least.

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
    here, spread = (windows.y, windows.x), noise * likeness.noise
    places = dark_places(without_specks(y, spread), *here, spread)
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


def are_alike(one: Acquisition, other: Acquisition, input_std: float) -> bool:
    """Tell whether two planes can be split as if they were taken alike.

    Parameters
    ----------
    one, other
        As of `estimate`.
    input_std
        Standard deviation of the training input, grey levels.
    """
    if abs(log(one.gain / other.gain)) > OTHER_GAIN:
        return False
    levels = (a.offset + np.array(a.background or np.zeros((POINTS, POINTS))) for a in (one, other))
    differ = np.subtract(*levels)
    return float(np.sqrt((differ**2).mean())) <= OTHER_BACKGROUND * one.gain * input_std


def _gain(noise: float, contrast: float) -> float:
    """Choose the power of the noise ratio that is nearest to the ratio of the contrasts."""
    if not (noise > 0 and contrast > 0) or abs(log(noise)) < SAME_NOISE:
        return 1.0
    gain, squared = noise, noise**2
    return float(min((1.0, gain, squared), key=lambda power: abs(log(contrast / power))))
