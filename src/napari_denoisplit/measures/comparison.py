"""Quality of a predicted image, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.measures.ms_ssim import SMALLEST_EDGE, ms_ssim, ssim
from napari_denoisplit.measures.psnr import psnr, range_invariant_psnr

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image


@dataclass(frozen=True, slots=True)
class ChannelScore:
    """How close one predicted channel is to the truth, averaged over planes."""

    name: str
    psnr: float
    """Range-invariant PSNR, dB: whatever the unit of the prediction."""
    ms_ssim: float | None
    """Range-invariant MS-SSIM; None where planes are too small for it."""
    plain_psnr: float
    """PSNR, dB, of the prediction as it is, in the unit of the truth."""
    ssim: float
    """SSIM of the prediction as it is."""
    n_planes: int


def compare(truth: Image, prediction: Image) -> tuple[ChannelScore, ...]:
    """PSNR and (MS-)SSIM of every channel: range-invariant, and of the prediction as it is.

    Parameters
    ----------
    truth
        Clean image.
    prediction
        Image of the same size along every axis; the order of the axes may differ, and that of
        the channels where both images name them alike.

    Raises
    ------
    ImageError
        The sizes differ, a pixel is not finite, or a plane of the truth is constant.
    """
    axes = "C" + "".join(axis for axis in "TZ" if axis in truth.axes + prediction.axes) + "YX"
    sizes = [{axis: image.size(axis) for axis in axes} for image in (truth, prediction)]
    if sizes[0] != sizes[1]:
        raise ImageError(
            f"The truth {truth.name!r} has {_text(sizes[0])}, the prediction "
            f"{prediction.name!r} {_text(sizes[1])}: give images of the same size, the truth of "
            "every structure as a channel or, to the command, as a file of its own."
        )
    names = truth.channel_names or prediction.channel_names
    g, p = (np.asarray(image.transposed(axes).data) for image in (truth, prediction))
    p = p[partners(truth.channel_names, prediction.channel_names) or slice(None)]
    try:
        return tuple(
            _score(names[i] if names else f"channel {i + 1}", g[i], p[i]) for i in range(len(g))
        )
    except ValueError as error:
        raise ImageError(f"{truth.name!r} against {prediction.name!r}: {error}") from error


def partners(truth: tuple[str, ...], prediction: tuple[str, ...]) -> list[int]:
    """Channel of the prediction for each of the truth; [] where names do not tell."""
    if len(set(truth)) < len(truth) or sorted(truth) != sorted(prediction):
        return []
    return [prediction.index(name) for name in truth]


def _score(
    name: str, truth: NDArray[np.floating], prediction: NDArray[np.floating]
) -> ChannelScore:
    """Score of one channel, (..., Y, X)."""
    height, width = truth.shape[-2:]
    planes = list(
        zip(truth.reshape(-1, height, width), prediction.reshape(-1, height, width), strict=True)
    )
    large_enough = min(height, width) >= SMALLEST_EDGE

    def mean(measure: Callable[[NDArray[np.floating], NDArray[np.floating]], float]) -> float:
        return float(np.mean([measure(g, p) for g, p in planes]))

    return ChannelScore(
        name=name,
        psnr=mean(range_invariant_psnr),
        ms_ssim=mean(ms_ssim) if large_enough else None,
        plain_psnr=mean(psnr),
        ssim=mean(ssim),
        n_planes=len(planes),
    )


def _text(sizes: dict[str, int]) -> str:
    return ", ".join(f"{axis} {size}" for axis, size in sizes.items())
