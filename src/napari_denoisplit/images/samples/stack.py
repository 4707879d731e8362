"""Posterior samples of one image, structure by structure, in memory or on disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import sliceable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

    Frame = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class SampleStack:
    """Samples of every structure; nothing is read before it is asked for.

    C structures, K samples.

    Raises
    ------
    ImageError
        There is no sample, the arrays differ in shape, or the axes do not fit.
    """

    samples: tuple[Any, ...]
    """C arrays (K, ...), the other axes as in `axes`: numpy, dask or zarr."""
    axes: str
    """One letter for each axis after that of the samples; the last two are YX."""
    structures: tuple[str, ...]
    """C names."""
    mmse: tuple[Any, ...] = ()
    """C arrays (...): mean of all samples that were drawn; empty where only the kept are known."""
    sigma: tuple[Any, ...] = ()
    """C arrays (...): sigma of all samples that were drawn; empty where it is not known."""
    n_drawn: int | None = None
    """Samples behind `mmse` and `sigma`; None where it is not known."""
    factors: tuple[float, ...] | None = None
    """Calibration factor of each structure, by which a spread becomes sigma; None: uncalibrated."""
    mirrored: bool = False
    """Whether every second sample was drawn with the mirrored noise of the one before it."""
    name: str = "samples"
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    """Where the first pixel lies along each axis, as in `Image`."""
    coarser: tuple[SampleStack, ...] = ()
    """The same at coarser resolutions where they are stored, the finest first: with fewer rows and
    columns, and all else alike."""

    def __post_init__(self) -> None:
        shapes = {tuple(array.shape) for array in self.samples}
        if len(shapes) != 1 or len(self.structures) != len(self.samples):
            raise ImageError(
                f"{self.name!r}: samples of {len(self.structures)} structures have the shapes "
                f"{sorted(shapes)}: they must be one array of the same shape for each structure."
            )
        shape = shapes.pop()
        if len(shape) != len(self.axes) + 1 or self.axes[-2:] != "YX" or 0 in shape:
            raise ImageError(
                f"{self.name!r}: samples of shape {shape} do not have a sample axis and the axes "
                f"{self.axes!r}, with at least one sample."
            )
        if any(tuple(array.shape) != shape[1:] for array in (*self.mmse, *self.sigma)):
            raise ImageError(f"{self.name!r}: MMSE or sigma has another shape than the samples.")

    @classmethod
    def of_image(cls, samples: Any, image: Image, **more: Any) -> SampleStack:
        """Take samples (K, ...) whose other axes, channels among them, are those of an image."""
        channel = image.axes.find("C")
        data = sliceable(samples)
        if channel < 0:
            parts: tuple[Any, ...] = (data,)
        else:
            before = (slice(None),) * (channel + 1)
            parts = tuple(data[(*before, c)] for c in range(image.n_channels))
        names = image.channel_names or tuple(f"structure {n + 1}" for n in range(len(parts)))
        own = ("name", "pixel_size", "units", "origin")
        given: dict[str, Any] = {name: getattr(image, name) for name in own}
        return cls(parts, image.axes.replace("C", ""), names, **(given | more))

    def __len__(self) -> int:
        """Count the samples, K."""
        return int(self.samples[0].shape[0])

    @property
    def n_structures(self) -> int:
        """Number of structures, C."""
        return len(self.samples)

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Pixels along Y and X."""
        y, x = self.samples[0].shape[-2:]
        return int(y), int(x)

    @property
    def leading_shape(self) -> tuple[int, ...]:
        """Size of each axis before Y and X: the planes of a sample."""
        return tuple(int(n) for n in self.samples[0].shape[1:-2])

    @property
    def is_lazy(self) -> bool:
        """Whether a frame must be read or computed: it may take long, and is better read ahead."""
        return any(type(array) is not np.ndarray for array in (*self.samples, *self.mmse))

    @property
    def frame_bytes(self) -> int:
        """Memory of one frame as it is read, float32."""
        y, x = self.plane_shape
        return 4 * self.n_structures * y * x

    def checked_plane(self, plane: Sequence[int] | None) -> tuple[int, ...]:
        """Return the index of a plane as it was given; of the first plane for None.

        Raises
        ------
        ImageError
            There is no such plane.
        """
        sizes = self.leading_shape
        found = (0,) * len(sizes) if plane is None else tuple(plane)
        if len(found) != len(sizes) or any(
            not 0 <= i < n for i, n in zip(found, sizes, strict=True)
        ):
            axes = dict(zip(self.axes[:-2], sizes, strict=True))
            raise ImageError(
                f"{self.name!r} has no plane {found}: before Y and X it has the axes {axes}, "
                "counted from 0."
            )
        return found

    def frame(self, index: int, plane: tuple[int, ...]) -> Frame:
        """One sample of one plane, (C, Y, X) in image units.

        Parameters
        ----------
        index
            Number of the sample, from 0.
        plane
            Index along each axis before Y and X.
        """
        return np.stack(self.parts(index, plane))

    def parts(
        self, index: int, plane: tuple[int, ...], box: tuple[slice, ...] = ()
    ) -> tuple[NDArray[np.float32], ...]:
        """Return the same structure by structure, each (Y, X); views where that is possible.

        Parameters
        ----------
        index, plane
            As of `frame`.
        box
            Part of Y and X; () is the whole plane.
        """
        return tuple(pixels_of(array[(index, *plane, *box)]) for array in self.samples)

    def mean(self, plane: tuple[int, ...], box: tuple[slice, ...] = ()) -> Frame:
        """MMSE of one plane, (C, Y, X): of all samples drawn where known, else of those kept.

        Without a known MMSE every kept sample is read, one at a time.

        Parameters
        ----------
        plane, box
            As of `parts`.
        """
        if self.mmse:
            return np.stack([pixels_of(array[(*plane, *box)]) for array in self.mmse])
        total = np.asarray(self.parts(0, plane, box), dtype=np.float64)
        for index in range(1, len(self)):
            total += self.parts(index, plane, box)
        return (total / len(self)).astype(np.float32)

    def crops(self, plane: tuple[int, ...], box: tuple[slice, slice]) -> Iterator[Frame]:
        """Read a part of one plane, (C, y, x), sample by sample."""
        for index in range(len(self)):
            yield np.stack([pixels_of(array[(index, *plane, *box)]) for array in self.samples])


def pixels_of(part: Any) -> NDArray[np.float32]:
    """Read a part of an array that may be lazy, in the thread that asks for it."""
    if hasattr(part, "dask"):
        # dask's own threads would take the processor from the window while a film is played.
        part = part.compute(scheduler="synchronous")
    return np.asarray(part, dtype=np.float32)


def drawn_in_pairs(record: Mapping[str, Any]) -> bool:
    """Whether a result's record says that its samples were drawn in mirrored pairs."""
    settings = record.get("settings")
    return isinstance(settings, dict) and settings.get("antithetic") is True
