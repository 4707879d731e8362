"""Channels of the same fields of view, as training reads them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import prod
from typing import TYPE_CHECKING, Any, Self

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.gathering import (
    BYTES_PER_PIXEL,
    count_repeats,
    fields_of_each,
    fit_in_memory,
    gather,
    groups_of,
    pixel_edges,
    places_in_files,
    recorded_planes,
)
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.partition import partition
from napari_denoisplit.images.training.sources import source_line
from napari_denoisplit.images.training.unread import UnreadField, check_finite, float32
from napari_denoisplit.memory import free_memory
from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.training.gathering import Images
    from napari_denoisplit.images.training.partition import Partition, Region
    from napari_denoisplit.settings import MixSettings

    Masks = Sequence[NDArray[np.bool_]]

MOST_CHANNELS = 16
"""As many as a network may predict."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingFields:
    """Fields of view, each with every channel, registered to one another.

    Raises
    ------
    ImageError
        No field, no channel or more than 16, channels or masks that do not fit, or pixels that are
        not finite.
    """

    fields: tuple[NDArray[np.float32], ...]
    """(C, Y, X) each; Y and X may differ between fields. Where memory does not hold the images,
    `UnreadField` stands for each, and for what goes with it: see `cut`."""
    channel_names: tuple[str, ...]
    sources: tuple[str, ...] = ()
    """Where the fields came from, for the record in the model file."""
    clean: tuple[NDArray[np.float32], ...] | None = None
    """The same fields without noise, where they exist; used to fit noise models and to judge
    validation, never as a target."""
    superpositions: tuple[NDArray[np.float32], ...] | None = None
    """(Y, X) each, the same fields recorded with all structures at once; None: they are mixed from
    the channels."""
    masks: tuple[NDArray[np.bool_], ...] | None = None
    """(Y, X) each, pixels that may be used; None: all."""
    parts: Partition | None = None
    """Which pixels are set aside, where that was decided before; None: it is by `partition`."""
    repeats: int = 1
    """So many fields in a row are exposures of one place: they share their blocks for validation
    and test, and their differences are noise."""
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    pixel_edges: tuple[float, ...] = ()
    """Of the images that know theirs, µm."""
    places: tuple[tuple[str, ...], ...] = ()
    """File and plane of each field, of all its channels or of each; where they are known."""
    recorded_places: tuple[tuple[str, ...], ...] = ()
    """The same of the superpositions."""

    def __post_init__(self) -> None:
        # Whatever numbers a caller has: everything behind this point counts on float32.
        for name in ("fields", "clean", "superpositions"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(map(float32, given)))
        if not self.fields:
            raise ImageError("There is no image to train on: add at least one.")
        n = len(self.channel_names)
        check_count(n)
        for i, data in enumerate(self.fields):
            if data.ndim != 3 or data.shape[0] != n:
                raise ImageError(
                    f"Field {i + 1} has shape {data.shape}, expected ({n}, Y, X): "
                    f"every field must show all of {', '.join(self.channel_names)}."
                )
            check_finite(f"Field {i + 1}", data)
        for i, data in enumerate(self.superpositions or ()):
            check_finite(f"Superposition {i + 1}", data)
        if self.repeats < 1 or len(self.fields) % self.repeats:
            raise ImageError(
                f"{len(self.fields)} fields do not make groups of {self.repeats} repeats: give "
                "every place equally often."
            )
        planes = [f.shape[1:] for f in self.fields]
        self._check_companions("clean images", self.clean, [f.shape for f in self.fields])
        self._check_companions("superpositions", self.superpositions, planes)
        self._check_companions("masks", self.masks, planes)

    def _check_companions(
        self, what: str, arrays: Sequence[np.ndarray] | None, shapes: list[tuple[int, ...]]
    ) -> None:
        if arrays is not None and [a.shape for a in arrays] != shapes:
            raise ImageError(
                f"The {what} have shapes {[a.shape for a in arrays]}, the fields {shapes}: give "
                "one of the same shape for each field."
            )

    @property
    def n_channels(self) -> int:
        """Number of channels, C."""
        return len(self.channel_names)

    @classmethod
    def from_images(
        cls,
        images: Images,
        clean: Images | None = None,
        *,
        superpositions: Sequence[Image] | Image | None = None,
        t_is_repeats: bool = False,
    ) -> Self:
        """Gather fields from images with a channel axis, or from one image or stack per channel.

        Parameters
        ----------
        images
            Either images that all have the same two or more channels, or single-channel images
            of equal shape, one per structure, or a list of them per structure; a single image need
            not be a list. T and Z planes are fields of their own. A single image of one channel
            trains a model that denoises it.
        clean
            The same images without noise, in the same order.
        superpositions
            The same fields recorded with all structures at once, in the order of the fields.
        t_is_repeats
            Whether the T axis holds repeated exposures of one place rather than a time-lapse.

        Raises
        ------
        ImageError
            The images do not belong together, or repeats have Z planes or differ in number.
        """
        groups, others = groups_of(images), groups_of(clean or ())
        recorded = [superpositions] if isinstance(superpositions, Image) else superpositions
        every = [image for group in groups for image in group]
        cleaned = [image for group in others for image in group]
        late = not fit_in_memory([*every, *(recorded or ()), *cleaned])
        fields, names = gather(groups, as_needed=late)
        clean_fields = gather(others, as_needed=late)[0] if others else None
        first = every[0]
        return cls(
            fields=tuple(fields),
            channel_names=names,
            sources=tuple(source_line(image, hashed=not late) for image in every),
            clean=None if clean_fields is None else tuple(clean_fields),
            superpositions=recorded_planes(recorded, fields, as_needed=late) if recorded else None,
            repeats=count_repeats(every) if t_is_repeats else 1,
            pixel_size=first.pixel_size,
            units=first.units,
            pixel_edges=pixel_edges(every),
            places=places_in_files(groups),
            recorded_places=places_in_files([recorded]) if recorded else (),
        )

    @classmethod
    def of_structure(
        cls,
        name: str,
        images: Sequence[Image] | Image,
        clean: Sequence[Image] | Image | None = None,
        *,
        t_is_repeats: bool = False,
        as_needed: bool | None = None,
    ) -> Self:
        """Gather the fields of one structure from images of one channel, of any size.

        Parameters
        ----------
        name
            Of the structure.
        images, clean, t_is_repeats
            As of `from_images`.
        as_needed
            Whether pixels are read only as they are needed; None: if memory does not hold them.

        Raises
        ------
        ImageError
            There is no image, or one has several channels.
        """
        images = [images] if isinstance(images, Image) else images
        clean = [clean] if isinstance(clean, Image) else clean or ()
        for image in (*images, *clean):
            if image.n_channels > 1:
                raise ImageError(
                    f"{image.name!r}, an image of {name}, has {image.n_channels} channels: choose "
                    "the one that shows it."
                )
        late = not fit_in_memory([*images, *clean]) if as_needed is None else as_needed
        return cls(
            fields=tuple(fields_of_each(images, as_needed=late)),
            channel_names=(name,),
            sources=tuple(source_line(image, hashed=not late) for image in images),
            clean=tuple(fields_of_each(clean, as_needed=late)) or None,
            repeats=count_repeats(images) if t_is_repeats else 1,
            pixel_size=images[0].pixel_size if images else {},
            units=images[0].units if images else {},
            pixel_edges=pixel_edges(images),
            places=places_in_files([images]),
        )

    @property
    def shows(self) -> None:
        """None: every field shows every structure."""
        return

    @property
    def is_unread(self) -> bool:
        """Whether memory does not hold the fields: they are read as they are needed."""
        return isinstance(self.fields[0], UnreadField)

    @property
    def n_bytes(self) -> int:
        """Memory that a training on all of them takes, at most."""
        arrays: tuple[Any, ...] = (*self.fields, *(self.clean or ()), *(self.superpositions or ()))
        return BYTES_PER_PIXEL * sum(int(prod(array.shape)) for array in arrays)

    def held(self) -> Self:
        """Return the same, where memory holds them.

        Raises
        ------
        ImageError
            It does not, and what is asked for needs all of them at once.
        """
        if self.is_unread:
            raise ImageError(
                f"The images take up to {gib(self.n_bytes)} of memory ({BYTES_PER_PIXEL} bytes for "
                f"each pixel of a channel), and {gib(free_memory())} are free: "
                "take fewer of them, or parts of them that show all that there is."
            )
        return self

    def cut(self, regions: Sequence[Region], on_read: Callable[[], None] = lambda: None) -> Self:
        """Read regions, each of which is a field then; `on_read` is called before each."""
        given = (self.fields, self.clean, self.superpositions, self.masks)

        def read(region: Region) -> list[NDArray[Any] | None]:
            on_read()
            return [None if arrays is None else region.of(arrays) for arrays in given]

        found: Any = [
            c if c[0] is not None else None for c in zip(*map(read, regions), strict=True)
        ]
        names = ("fields", "clean", "superpositions", "masks")
        known = [self.places[region.field] for region in regions] if self.places else []
        return replace(self, **dict(zip(names, found, strict=True)), places=tuple(known))

    def place_of(self, i: int, c: int | None = None) -> str:
        """Say where a field, or a channel of it, comes from; empty where that is not known."""
        if not self.places:
            return ""
        each = self.places[i]
        return " and ".join(dict.fromkeys(each)) if c is None else each[c % len(each)]

    def named(self, names: Sequence[str]) -> Self:
        """Return the same with other names of the channels, if there are any.

        Raises
        ------
        ImageError
            They are not as many as the channels.
        """
        return replace(self, channel_names=names_for(self.channel_names, names))

    def alone(self, c: int, masks: Masks) -> tuple[TrainingFields, Masks]:
        """Fields of one channel, and the masks that are theirs."""
        clean = None if self.clean is None else tuple(f[c : c + 1] for f in self.clean)
        one = replace(
            self,
            fields=tuple(f[c : c + 1] for f in self.fields),
            channel_names=self.channel_names[c : c + 1],
            clean=clean,
            superpositions=None,
            places=tuple((each[c % len(each)],) for each in self.places),
        )
        return one, masks

    def partition(self, **how: Any) -> Partition:
        """Set pixels aside; `how` is as of `images.training.partition`."""
        return self.parts or partition(
            self.fields,
            masks=self.masks,
            repeats=self.repeats,
            names=[self.place_of(i) for i in range(len(self.fields))],
            **how,
        )

    def normalization(self, masks: Masks, mix: MixSettings) -> Normalization:
        """Measure channels and superpositions, mixed or recorded, where the masks are True."""
        weights = mix.channel_weights(self.n_channels)
        found = Normalization.of(self.fields, masks, weights, self.channel_names, mix.offset)
        if self.superpositions is None:
            return found
        return found.of_inputs(self.superpositions, masks)

    def blocks(
        self, regions: Sequence[Region], *, clean: bool = False
    ) -> list[NDArray[np.float32]] | None:
        """Cut blocks (C, Y, X); None where `clean` ones are wanted and there are none."""
        fields = self.clean if clean else self.fields
        return None if fields is None else [region.of(fields) for region in regions]


def check_count(n: int) -> None:
    """Refuse fewer channels than one, or more than a network may predict."""
    if not 1 <= n <= MOST_CHANNELS:
        raise ImageError(
            f"Training takes 1 to {MOST_CHANNELS} channels, {n} found: give one image per "
            "structure, or an image with a channel axis."
        )


def names_for(own: Sequence[str], given: Sequence[str]) -> tuple[str, ...]:
    """Names as they were given, one for each structure; where none are, its own."""
    if given and len(given) != len(own):
        raise ImageError(
            f"{len(given)} names ({', '.join(given)}) for {len(own)} structures: give one for "
            "each, or none."
        )
    return tuple(given or own)
