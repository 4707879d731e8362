"""A recording in the grey levels of the images that a model was trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.settings import Acquisition

    Floats = NDArray[np.float32]


def normalization_for(normalization: Normalization, acquisition: Acquisition) -> Normalization:
    """Statistics of a model as they would be in the grey levels of a recording.

    The network then sees what it would see in the training images, and its structures come out in
    the grey levels of the recording: times the gain, without offset and background. Up to those,
    their superposition is the recording without its noise.

    Parameters
    ----------
    normalization
        Of the training images.
    acquisition
        How the recording was taken; its background is taken from the pixels.
    """
    gain = acquisition.gain
    return normalization.model_copy(
        update={
            "input_mean": gain * normalization.input_mean + acquisition.offset,
            "input_std": gain * normalization.input_std,
            "channel_means": tuple(gain * mean for mean in normalization.channel_means),
            "channel_stds": tuple(gain * std for std in normalization.channel_stds),
        }
    )


def to_training(pixels: Floats, acquisition: Acquisition) -> Floats:
    """Take pixels of a recording, less its background, to the levels of the training images."""
    taken = pixels - np.float32(acquisition.offset)
    levels: Floats = taken / np.float32(acquisition.gain)
    return levels


def without_background(image: Image, acquisition: Acquisition) -> Image:
    """Return an image (..., Y, X) less its smooth background; nothing is read yet."""
    if not acquisition.background:
        return image
    return replace(image, data=_WithoutBackground(image.data, acquisition.background))


def spline_weights(n: int, n_points: int) -> NDArray[np.float64]:
    """Weights (n, P) of P spline values, evenly spread from the first to the last pixel, at each.

    A polynomial through two or three points, a cubic spline through more.
    """
    from scipy.interpolate import make_interp_spline  # takes 0.2 s; few images need it

    at = np.linspace(0, max(n - 1, 1), n_points)
    spline = make_interp_spline(at, np.eye(n_points), k=min(3, n_points - 1))
    return np.asarray(spline(np.arange(n)), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _WithoutBackground:
    """Pixels (..., Y, X) less a background; takes slices of Y and X, as of an array on disk."""

    data: Any
    background: tuple[tuple[float, ...], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def __getitem__(self, key: Any) -> Floats:
        whole = (slice(None),) * self.ndim
        key = key if isinstance(key, tuple) else (key,)
        rows, columns = (*key, *whole[len(key) :])[-2:]
        pixels = self.data[key]
        if hasattr(pixels, "compute"):
            # By threads of its own: in a worker of a cluster dask would ask the cluster, and wait.
            pixels = pixels.compute(scheduler="threads")
        points = np.asarray(self.background)
        y, x = (
            spline_weights(n, n_points)[at]
            for n, n_points, at in zip(self.shape[-2:], points.shape, (rows, columns), strict=True)
        )
        flat: Floats = np.asarray(pixels, np.float32) - (y @ points @ x.T).astype(np.float32)
        return flat
