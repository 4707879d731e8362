"""What a split gives: MMSE, sigma and posterior samples, structure by structure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image, sliceable
from napari_denoisplit.images.results.arrays import by_channel, joined, pixels_of
from napari_denoisplit.images.results.record import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari_denoisplit.calibration_record import CalibrationRecord
    from napari_denoisplit.images.results.arrays import Arrays, Frame

KINDS = ("mmse_arrays", "sigma_arrays", "sample_arrays")
"""Fields of `Split` that hold pixels."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """MMSE, sigma and posterior samples of one image, in memory or on disk, and how they were made.

    Nothing is read before it is asked for. C structures, K samples that were kept.

    Raises
    ------
    ImageError
        There are neither MMSE nor samples, arrays differ in shape, or the axes do not fit.
    """

    axes: str
    """One letter for each axis of an array, without that of samples; the last two are YX."""
    structures: tuple[str, ...]
    """C names."""
    mmse_arrays: Arrays | None = None
    """Mean of all samples that were drawn: C arrays (..., Y, X), numpy, dask or zarr, or one array
    (C, ..., Y, X); None where only the samples are known."""
    sigma_arrays: Arrays | None = None
    """Spread of all samples that were drawn, image units, calibrated if the model is: as
    `mmse_arrays`; None where it is not known, as after a single sample."""
    sample_arrays: Arrays | None = None
    """The kept samples: C arrays (K, ..., Y, X); None where none was kept."""
    n_samples: int = 0
    """Samples behind each plane of MMSE and sigma that is complete, or behind the only one that was
    begun. With a target error planes differ: the largest."""
    calibration: CalibrationRecord | None = None
    """By which a spread becomes sigma, a channel for each structure; None: sigma is the spread."""
    mirrored: bool = False
    """Whether every second sample was drawn with the mirrored noise of the one before it."""
    stopped_early: bool = False
    """Whether planes, blocks or samples are missing. Planes that were not begun are NaN."""
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """How it was made, as its files tell: see `images.results.record`."""
    notes: tuple[str, ...] = ()
    """What a user should know before trusting the result; a job also yields each as a Stage."""
    name: str = "split"
    """What was split."""
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    origin: Mapping[str, float] = field(default_factory=dict)
    """Where the first pixel lies along each axis; these three as in `Image`."""
    path: Path | None = None
    """Where it lies on disk; None for one in memory."""
    coarser: tuple[Split, ...] = ()
    """The same at coarser resolutions where they are stored, the finest first: with fewer rows and
    columns, and all else alike."""

    def __post_init__(self) -> None:
        known = {kind: arrays for kind in KINDS if (arrays := getattr(self, kind)) is not None}
        shapes = {
            tuple(array.shape)[kind == "sample_arrays" :]
            for kind, arrays in known.items()
            for array in arrays
        }
        n_kept = {int(array.shape[0]) for array in known.get("sample_arrays", ())}
        numbers = {len(arrays) for arrays in known.values()}
        if len(shapes) != 1 or len(n_kept) > 1 or numbers != {len(self.structures)}:
            raise ImageError(
                f"{self.name!r}: MMSE, sigma and samples of {len(self.structures)} structures have "
                f"the shapes {sorted(shapes)}: they must be one array of the same shape for each "
                "structure, and there must be an MMSE or samples."
            )
        (shape,) = shapes
        if len(shape) != len(self.axes) or self.axes[-2:] != "YX" or 0 in (*shape, *n_kept):
            raise ImageError(
                f"{self.name!r}: samples of shape {(*n_kept, *shape)} do not have the axes "
                f"{self.axes!r} behind that of samples, with at least one sample and pixel."
            )

    @classmethod
    def of_image(
        cls,
        image: Image,
        *,
        mmse: Any = None,
        sigma: Any = None,
        samples: Any = None,
        record: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Self:
        """Put together arrays with the axes of an image, channels among them.

        Parameters
        ----------
        image
            Any image of the result: it tells axes, place, names of structures.
        mmse, sigma
            With the axes of `image`.
        samples
            (K, ...), the other axes as of `image`.
        record
            How the result was made; tells the number of samples, calibration and pairs.
        more
            Other fields, in place of what image and record tell.
        """
        names = image.channel_names or tuple(f"structure {n + 1}" for n in range(image.n_channels))
        facts: dict[str, Any] = {
            "mmse_arrays": by_channel(mmse, image.axes),
            "sigma_arrays": by_channel(sigma, image.axes),
            "sample_arrays": by_channel(samples, "K" + image.axes),
            **fields_of(record or {}),
            **{name: getattr(image, name) for name in ("name", "pixel_size", "units", "origin")},
        }
        return cls(image.axes.replace("C", ""), names, **(facts | more))

    @property
    def mmse(self) -> Image:
        """Mean of all samples drawn where it is known, else of those kept: a channel per structure.

        The other axes are those of the image that was split.
        """
        arrays = self.mmse_arrays
        if arrays is None and self.sample_arrays is not None:
            arrays = [sliceable(array).mean(axis=0) for array in self.sample_arrays]
        return self._image(arrays, "MMSE")

    @property
    def sigma(self) -> Image:
        """Spread of the samples, calibrated if the model is; NaN where it is not known."""
        arrays = self.sigma_arrays
        if arrays is None:
            arrays = np.broadcast_to(np.float32(np.nan), (self.n_structures, *self.shape))
        return self._image(arrays, "sigma")

    @property
    def samples(self) -> Any:
        """The kept samples (K, ...), with the axes of `mmse` behind K; None if none was kept."""
        if self.sample_arrays is None:
            return None
        return joined(self.sample_arrays, 1 + self._channel_axis)

    @property
    def calibrated(self) -> bool:
        """Whether sigma was fitted to measured errors, or is the plain spread of the samples."""
        return self.calibration is not None

    @property
    def n_kept(self) -> int:
        """Number of samples that were kept, K."""
        return 0 if self.sample_arrays is None else int(self.sample_arrays[0].shape[0])

    @property
    def n_structures(self) -> int:
        """Number of structures, C."""
        return len(self.structures)

    @property
    def shape(self) -> tuple[int, ...]:
        """Size of each of `axes`."""
        if self.mmse_arrays is not None:
            return tuple(int(n) for n in self.mmse_arrays[0].shape)
        return tuple(int(n) for n in self.need_samples()[0].shape[1:])

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Pixels along Y and X."""
        return self.shape[-2], self.shape[-1]

    @property
    def leading_shape(self) -> tuple[int, ...]:
        """Size of each axis before Y and X: the planes."""
        return self.shape[:-2]

    @property
    def is_lazy(self) -> bool:
        """Whether a plane must be read or computed: it may take long, and is better read ahead."""
        known = (self.mmse_arrays, self.sample_arrays)
        every = (array for arrays in known if arrays is not None for array in arrays)
        return any(type(array) is not np.ndarray for array in every)

    def need_samples(self, least: int = 1) -> Arrays:
        """Return `sample_arrays`; refuse a result that keeps fewer than `least` samples.

        Raises
        ------
        ImageError
            With the way to samples.
        """
        if self.sample_arrays is None:
            raise ImageError(
                f"{self.path or self.name}: no posterior samples are kept with it. Split again, "
                "and keep samples (--keep-samples, or 'Answers to keep' at the step Split)."
            )
        if self.n_kept < least:
            raise ImageError(
                f"{self.name!r} keeps too few samples ({self.n_kept}): split again, and keep "
                f"{least} or more."
            )
        return self.sample_arrays

    def index_of(self, structure: int | str) -> int:
        """Return the place of a structure: its number from 0, its name, or "1" for the first.

        Raises
        ------
        ImageError
            There is none.
        """
        if isinstance(structure, int) and 0 <= structure < self.n_structures:
            return structure
        numbers = tuple(str(n) for n in range(1, self.n_structures + 1))
        for names in (self.structures, numbers):
            if structure in names:
                return names.index(str(structure))
        raise ImageError(
            f"{self.name!r} has no structure {structure!r}: choose one of "
            f"{', '.join((*self.structures, *numbers))}."
        )

    def ordered(self, structures: tuple[str, ...]) -> Split:
        """Return the same with its structures in another order, where the names are the same."""
        if structures == self.structures or sorted(structures) != sorted(self.structures):
            return self
        order = [self.structures.index(name) for name in structures]
        arrays: dict[str, Any] = {
            kind: tuple(known[n] for n in order)
            for kind in KINDS
            if (known := getattr(self, kind)) is not None
        }
        calibration = None if self.calibration is None else self.calibration.of_channels(order)
        coarser = tuple(one.ordered(structures) for one in self.coarser)
        return replace(
            self, structures=structures, calibration=calibration, coarser=coarser, **arrays
        )

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

    def read_sample(
        self, index: int, plane: tuple[int, ...], box: tuple[slice, ...] = ()
    ) -> tuple[Frame, ...]:
        """Read a plane of one sample, (Y, X) of each structure; views where that is possible.

        Parameters
        ----------
        index
            Number of the sample, from 0.
        plane
            Index along each axis before Y and X.
        box
            Part of Y and X; () is the whole plane.
        """
        return tuple(pixels_of(array[(index, *plane, *box)]) for array in self.need_samples())

    def read_samples(
        self, structure: int, plane: tuple[int, ...], box: tuple[slice, ...] = ()
    ) -> Frame:
        """Read a plane of all samples of one structure, (K, Y, X); `plane` and `box` as before."""
        array = self.need_samples()[structure]
        return np.stack([pixels_of(array[(k, *plane, *box)]) for k in range(self.n_kept)])

    def read_mmse(self, plane: tuple[int, ...], box: tuple[slice, ...] = ()) -> tuple[Frame, ...]:
        """Read a plane of the MMSE: of all samples drawn where it is known, else of those kept.

        In the latter case every kept sample is read, one at a time. Parameters as of `read_sample`.
        """
        if self.mmse_arrays is not None:
            return tuple(pixels_of(array[(*plane, *box)]) for array in self.mmse_arrays)
        total = np.asarray(self.read_sample(0, plane, box), dtype=np.float64)
        for index in range(1, self.n_kept):
            total += self.read_sample(index, plane, box)
        return tuple((total / self.n_kept).astype(np.float32))

    @property
    def _channel_axis(self) -> int:
        return int(self.axes.startswith("T"))

    def _image(self, arrays: Any, kind: str) -> Image:
        at = self._channel_axis
        return Image(
            joined(arrays, at),
            f"{self.axes[:at]}C{self.axes[at:]}",
            self.pixel_size,
            self.units,
            self.structures,
            f"{self.name} {kind}",
            origin=self.origin,
        )
