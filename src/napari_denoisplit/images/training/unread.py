"""Fields of which a part is read when it is asked for, since memory does not hold them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import REPLACE, ImageError
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.wording import not_finite

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

    Plane = tuple[Image, int, int]
    """An image, and the T and Z of one of its planes."""


class UnreadField:
    """A field (C, Y, X), or a plane (Y, X), cut like an array, each cut being read anew.

    Parameters
    ----------
    parts
        Planes whose channels lie one behind the other.
    is_plane
        Whether it has no channel axis.
    """

    def __init__(self, parts: Sequence[Plane], *, is_plane: bool = False) -> None:
        self._parts = tuple(parts)
        n = sum(image.n_channels for image, _, _ in parts)
        plane = parts[0][0].shape[-2:]
        self.shape: tuple[int, ...] = plane if is_plane else (n, *plane)
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[Any, slice, slice]) -> NDArray[np.float32]:
        _, rows, columns = index  # all channels, as `Region.of` cuts them
        found = []
        for image, t, z in self._parts:
            at = {"T": t, "Z": z, "C": slice(None), "Y": rows, "X": columns}
            pixels = _read(image, tuple(at[axis] for axis in image.axes))
            if not np.isfinite(pixels).all():
                raise ImageError(
                    f"{image.source or image.name} holds pixels that are NaN or infinite. {REPLACE}"
                )
            found.append(pixels.reshape(-1, *pixels.shape[-2:]))
        return np.concatenate(found) if self.ndim == 3 else found[0][0]


def _read(image: Image, index: tuple[Any, ...]) -> NDArray[np.float32]:
    """Read a part of an image, or say which image cannot be read."""
    try:
        pixels = np.asarray(image.data[index], np.float32)
    except ImageError:
        raise
    except DAMAGE as error:
        raise ImageError(
            f"{image.source or image.name} cannot be read ({type(error).__name__}: {error}). Copy "
            "it again, from where it was acquired."
        ) from error
    # What is absent of a Zarr folder is darkness by its rules, and so would be all of it.
    if not (isinstance(image.data, np.ndarray) or image.source is None or image.source.exists()):
        raise ImageError(f"{image.source} does not exist any more: put it back.")
    return pixels


def planes_of(image: Image) -> Iterator[Plane]:
    """Every plane of an image, in the order of `Image.fields`; no pixel is read."""
    return ((image, t, z) for t, z in np.ndindex(image.size("T"), image.size("Z")))


def float32(data: Any) -> Any:
    """Take pixels as float32; those that are not read yet as they are."""
    return data if isinstance(data, UnreadField) else np.asarray(data, np.float32)


def check_finite(what: str, data: Any) -> None:
    """Refuse pixels that are no numbers; those that are not read yet are looked at then."""
    if isinstance(data, UnreadField):
        return
    if bad := int((~np.isfinite(data)).sum()):
        raise ImageError(f"{what} has {not_finite(bad)}. {REPLACE}")
