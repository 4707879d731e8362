"""A part of every plane of an image, in rows and columns of its full resolution."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TYPE_CHECKING, Self

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import sliceable

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image

_WRITTEN = re.compile(r"\s*(\d*):(\d*)\s*,\s*(\d*):(\d*)\s*", re.ASCII)
_HOW = "give rows and columns in pixels, counted from 0, as in 100:300,50:250"


@dataclass(frozen=True, slots=True)
class PlaneRegion:
    """A rectangle of pixels.

    Raises
    ------
    ImageError
        It holds no pixel, or begins before the first.
    """

    y: tuple[int, int | None]
    x: tuple[int, int | None]
    """Rows and columns, half-open; None reaches to the end of the image."""

    def __post_init__(self) -> None:
        for first, last in (self.y, self.x):
            if first < 0 or (last is not None and last < 0):
                raise ImageError(f"The region {self} begins or ends before pixel 0: {_HOW}.")
            if last is not None and last <= first:
                raise ImageError(
                    f"The region {self} holds no pixel, since {first}:{last} does not: {_HOW}."
                )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read 'Y0:Y1,X0:X1'; ends may be left out.

        Raises
        ------
        ImageError
            The text says something else.
        """
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ImageError(f"{text!r} is not a region: {_HOW}.")
        y0, y1, x0, x1 = (int(number) if number else None for number in found.groups())
        return cls((y0 or 0, y1), (x0 or 0, x1))

    @classmethod
    def of_slices(cls, *index: slice) -> Self:
        """Take what an array is indexed with, e.g. ``*np.s_[100:300, 50:250]``.

        Raises
        ------
        ImageError
            These are not two slices; or there is a step, an end that is counted from behind, or one
            between two pixels.
        """
        if len(index) != 2 or not all(isinstance(each, slice) for each in index):
            kinds = ", ".join(sorted({type(each).__name__ for each in index}))
            raise ImageError(
                f"A region is rows and columns, as two slices; given were {len(index)} of type "
                f"{kinds}: write np.s_[100:300, 50:250]."
            )
        rows, columns = index
        for each in index:
            if each.step not in (None, 1):
                raise ImageError(f"A region has every pixel, not each {each.step}th: {_HOW}.")
            for end in (each.start, each.stop):
                if not (end is None or isinstance(end, Integral)):
                    raise ImageError(f"A region ends at whole pixels, not at {end!r}: {_HOW}.")
        return cls((rows.start or 0, rows.stop), (columns.start or 0, columns.stop))

    def __str__(self) -> str:
        """Read e.g. '100:300,50:250'; open ends stay open."""
        return ",".join(f"{a}:{'' if b is None else b}" for a, b in (self.y, self.x))

    @property
    def label(self) -> str:
        """The region in the name of a file, e.g. 'y100-300_x50-end'."""
        spans = (("y", self.y), ("x", self.x))
        return "_".join(f"{axis}{a}-{'end' if b is None else b}" for axis, (a, b) in spans)

    def spans(self, height: int, width: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return rows and columns, half-open, in a plane of this size that holds the region."""
        (y0, y1), (x0, x1) = self.y, self.x
        return (y0, height if y1 is None else y1), (x0, width if x1 is None else x1)

    def within(self, image: Image) -> PlaneRegion:
        """Return the same with its ends closed, as it lies in an image.

        Raises
        ------
        ImageError
            It reaches beyond the image.
        """
        for axis, (first, last) in (("Y", self.y), ("X", self.x)):
            if max(first, (last or 1) - 1) >= (size := image.size(axis)):
                raise ImageError(
                    f"The region {self} lies outside of {image.name!r}, which has {size} pixels "
                    f"along {axis}: choose a part of 0:{size}; an end that is left out reaches "
                    "to the edge."
                )
        return PlaneRegion(*self.spans(image.size("Y"), image.size("X")))

    def cut(self, image: Image) -> Image:
        """Return this part of an image, which knows where it lay; nothing is read.

        Raises
        ------
        ImageError
            The region reaches beyond the image.
        """
        rows, columns = self.within(image).spans(image.size("Y"), image.size("X"))
        origin = dict(image.origin)
        for axis, (first, _) in (("Y", rows), ("X", columns)):
            if first:
                origin[axis] = origin.get(axis, 0.0) + first * image.pixel_size.get(axis, 1.0)
        data = sliceable(image.data)[..., slice(*rows), slice(*columns)]
        return replace(image, data=data, origin=origin)
