"""Images to learn the noise of one channel from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_denoisplit.errors import ImageError, NoiseModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import NoiseSource


@dataclass(frozen=True, slots=True, eq=False)
class NoiseData:
    """What the noise of one channel is learned from; pixels may be lazy.

    Raises
    ------
    NoiseModelError
        Shapes do not go together.
    """

    source: NoiseSource
    """'repeats': `observation` is (T, ..., Y, X), exposures of a static field. 'pairs': `signal`
    is the clean image of `observation`, (..., Y, X) both. 'bootstrap': the signal of
    `observation` (..., Y, X) is found by a self-supervised denoiser. 'single': the noise is
    estimated from `observation` (..., Y, X) at once."""
    observation: Any
    """Noisy grey levels; numpy, or sliceable like it (dask, zarr)."""
    signal: Any = None
    """Clean grey levels, for 'pairs': the shape of the observation, or its last axes."""
    mask: NDArray[np.bool_] | None = None
    """(Y, X), True where pixels are used: a region of interest; None uses all."""
    name: str = ""
    """Name of the channel."""
    files: tuple[str, ...] = ()
    """Where the pixels come from."""

    def __post_init__(self) -> None:
        shape = tuple(self.observation.shape)
        if len(shape) < (3 if self.source == "repeats" else 2):
            raise NoiseModelError(
                f"{self.name or 'The image'!r} has shape {shape}: "
                + (
                    "repeats need a time axis, (T, Y, X). Give two exposures or more."
                    if self.source == "repeats"
                    else "a noise model needs at least (Y, X). Give a whole image."
                )
            )
        for image in (self.observation, self.signal):
            _check_values(image, self.name or "The image")
        if self.source == "repeats" and shape[0] < 2:
            raise NoiseModelError(
                f"{self.name or 'The image'!r} holds one exposure (shape {shape}): give at least "
                "two of the same field, or estimate the noise from the single image."
            )
        if (self.signal is not None) != (self.source == "pairs"):
            raise NoiseModelError(
                "A clean image goes with the source 'pairs' and with no other: "
                f"{self.source!r} was asked for. Give both, or neither."
            )
        if self.signal is not None:
            clean = tuple(self.signal.shape)
            if clean != shape[len(shape) - len(clean) :] or len(clean) < 2:
                raise NoiseModelError(
                    f"The clean image has shape {clean}, the noisy one {shape}: they must show "
                    "the same field, pixel by pixel. Crop them alike."
                )
        if self.mask is not None and self.mask.shape != shape[-2:]:
            raise NoiseModelError(
                f"The region of interest has shape {self.mask.shape}, the image {shape[-2:]}: draw "
                "it on this image."
            )

    @classmethod
    def from_image(
        cls,
        image: Image,
        source: NoiseSource,
        *,
        channel: int | None = None,
        clean: Image | None = None,
        mask: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Take one channel of an image; lazy pixels stay lazy.

        Parameters
        ----------
        image
            Noisy image. T and Z are planes to learn from alike; for 'repeats' T counts the
            exposures.
        source
            Where the signal comes from.
        channel
            Which channel, from 0; may be left out of an image that has one.
        clean
            For 'pairs': the same field without noise, with one channel or as many as `image`. It
            may lack the axes along which only the noise changes.
        mask
            (Y, X), True where pixels are used.

        Raises
        ------
        ImageError
            The channel or the repeats are missing, or the clean image shows another field.
        NoiseModelError
            The source and the images do not go together.
        """
        noisy = _one_channel(image, channel)
        if source == "repeats" and image.size("T") < 2:
            raise ImageError(
                f"{image.name!r} has axes {image.axes} {image.shape}: repeats are read from a T "
                f"axis of 2 or more steps.{exposures_hint(image)} Otherwise take another source of "
                "the signal."
            )
        signal = None if clean is None else _signal(clean, noisy, channel)
        return cls(
            source,
            noisy.data,
            signal,
            mask,
            name=(noisy.channel_names or (image.name,))[0],
            files=(image.name if image.source is None else str(image.source),),
        )


def _check_values(image: Any, name: str) -> None:
    """Refuse images without pixels, or whose pixels are not numbers."""
    if image is None:
        return
    if 0 in image.shape:
        raise NoiseModelError(
            f"{name!r} has shape {tuple(image.shape)} and holds no pixels: take another."
        )
    kind = getattr(image.dtype, "kind", "f")
    if kind not in "biuf":
        raise NoiseModelError(
            f"{name!r} holds values of type {image.dtype}: noise is measured on real numbers. "
            "Take one part of a complex image, or read the file anew."
        )


def _one_channel(image: Image, channel: int | None) -> Image:
    """Return one channel with its axes in the order T, Z, Y, X, as far as it has them."""
    if channel is None and image.n_channels > 1:
        names = ", ".join(image.channel_names) or f"{image.n_channels} without names"
        raise ImageError(
            f"{image.name!r} has axes {image.axes} {image.shape} and several channels ({names}), "
            "each with a noise of its own: choose one."
        )
    chosen = image.channel(channel or 0)
    return chosen.transposed("".join(axis for axis in "TZYX" if axis in chosen.axes))


def _signal(clean: Image, noisy: Image, channel: int | None) -> Any:
    """Return pixels of a clean image, once its axes are known to be the last of the noisy one."""
    one = _one_channel(clean, channel if clean.n_channels > 1 else None)
    if not noisy.axes.endswith(one.axes) or noisy.shape[-len(one.axes) :] != one.shape:
        raise ImageError(
            f"The clean image {clean.name!r} is {one.axes} {one.shape}, the noisy {noisy.name!r} "
            f"{noisy.axes} {noisy.shape}: they must show the same field, pixel by pixel."
        )
    return one.data


def exposures_hint(image: Image) -> str:
    """Say how the planes of an image are read as exposures of one field, if it has some."""
    other = next((axis for axis in "ZC" if image.size(axis) > 1), "")
    if not other:
        return ""
    axes = image.axes.replace("T", "").replace(other, "T")
    return f" If its planes along {other} are exposures of one field, read it with axes={axes!r}."


def stack_over_time(images: Sequence[Image]) -> Image:
    """Put images one behind the other along T, axes in the order T, C, Z, Y, X.

    Parameters
    ----------
    images
        At least one; they may have T axes of their own, and must agree in all others. Where one
        of them is lazy, so is the result.

    Raises
    ------
    ImageError
        The images differ in size or in their number of channels.
    """
    first = images[0]
    axes = "T" + "".join(axis for axis in "CZYX" if any(axis in i.axes for i in images))
    views = [image.transposed(axes) for image in images]
    for view, image in zip(views, images, strict=True):
        if view.shape[1:] != views[0].shape[1:]:
            raise ImageError(
                f"{image.name!r} is {image.axes} {image.shape}, {first.name!r} {first.axes} "
                f"{first.shape}: images that are taken together must agree in all but T. Give "
                "each group in a call of its own."
            )
    names = (
        first.channel_names
        if all(image.channel_names == first.channel_names for image in images)
        else ()
    )
    notes = tuple(note for image in images for note in image.notes)
    return replace(
        first, data=_concatenated([view.data for view in views]), axes=axes, notes=notes
    ).with_channel_names(names)


def _concatenated(arrays: list[Any]) -> Any:
    if all(isinstance(array, np.ndarray) for array in arrays):
        return np.concatenate(arrays)
    import dask.array  # only for arrays on disk

    return dask.array.concatenate([dask.array.asarray(array) for array in arrays])
