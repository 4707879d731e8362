"""Channels of the same fields of view, as training reads them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image, no_image
from napari_denoisplit.images.training.noise_data import exposures_hint
from napari_denoisplit.images.training.sources import source_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


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
    """(C, Y, X) each; Y and X may differ between fields."""
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
    repeats: int = 1
    """So many fields in a row are exposures of one place: they share their blocks for validation
    and test, and their differences are noise."""
    pixel_size: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Whatever numbers a caller has: everything behind this point counts on float32.
        for name in ("fields", "clean", "superpositions"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(np.asarray(f, np.float32) for f in given))
        if not self.fields:
            raise ImageError("There is no image to train on: add at least one.")
        n = len(self.channel_names)
        if not 1 <= n <= MOST_CHANNELS:
            raise ImageError(
                f"Training takes 1 to {MOST_CHANNELS} channels, {n} found: give one image per "
                "structure, or an image with a channel axis."
            )
        for i, data in enumerate(self.fields):
            if data.ndim != 3 or data.shape[0] != n:
                raise ImageError(
                    f"Field {i + 1} has shape {data.shape}, expected ({n}, Y, X): "
                    f"every field must show all of {', '.join(self.channel_names)}."
                )
            _check_finite(f"Field {i + 1}", data)
        for i, data in enumerate(self.superpositions or ()):
            _check_finite(f"Superposition {i + 1}", data)
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
        images: Sequence[Image] | Image,
        clean: Sequence[Image] | Image | None = None,
        *,
        superpositions: Sequence[Image] | Image | None = None,
        t_is_repeats: bool = False,
    ) -> Self:
        """Gather fields from images with a channel axis, or from one image or stack per channel.

        Parameters
        ----------
        images
            Either images that all have the same two or more channels, or single-channel images
            of equal shape, one per structure; a single image need not be a list. T and Z planes
            are fields of their own. A single image of one channel trains a model that denoises it.
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
        images = [images] if isinstance(images, Image) else images
        clean = [clean] if isinstance(clean, Image) else clean
        fields, names = _gather(images)
        recorded = [superpositions] if isinstance(superpositions, Image) else superpositions
        clean_fields = None
        if clean:
            clean_fields, _ = _gather(clean)
        first = images[0]
        return cls(
            fields=tuple(fields),
            channel_names=names,
            sources=tuple(source_line(image) for image in images),
            clean=None if clean_fields is None else tuple(clean_fields),
            superpositions=_recorded(recorded, fields) if recorded else None,
            repeats=_count_repeats(images) if t_is_repeats else 1,
            pixel_size=first.pixel_size,
            units=first.units,
        )


def _gather(images: Sequence[Image]) -> tuple[list[NDArray[np.float32]], tuple[str, ...]]:
    """Fields (C, Y, X) and channel names of a list of images."""
    if not images:
        raise ImageError("There is no image to train on: add at least one.")
    for image in images:
        if not isinstance(image, Image):
            raise no_image(image)
    counts = [image.n_channels for image in images]
    if min(counts) >= 2:
        if len(set(counts)) > 1:
            listed = ", ".join(f"{i.name!r}: {i.n_channels}" for i in images)
            raise ImageError(
                f"The images differ in their number of channels ({listed}): choose the same "
                "channels of each."
            )
        _check_order(images)
        names = images[0].channel_names or tuple(f"channel {c + 1}" for c in range(counts[0]))
        return [f for image in images for f in image.fields()], _distinct(names)
    if max(counts) > 1:
        listed = ", ".join(f"{i.name!r}: {i.n_channels}" for i in images)
        raise ImageError(
            f"Some images have a channel axis and some have not ({listed}): give either "
            "multi-channel images, or one single-channel image per structure."
        )
    stacks = [image.fields() for image in images]
    shapes = [(len(s), *s[0].shape[1:]) for s in stacks]
    if len(set(shapes)) > 1:
        listed = ", ".join(
            f"{i.name!r}: {s[0]} planes of {s[1]}x{s[2]}"
            for i, s in zip(images, shapes, strict=True)
        )
        raise ImageError(f"The channels differ in size ({listed}): they must show the same fields.")
    fields = [np.concatenate(planes, axis=0) for planes in zip(*stacks, strict=True)]
    names = tuple((i.channel_names[0] if i.channel_names else i.name) for i in images)
    return fields, _distinct(names)


def _recorded(
    superpositions: Sequence[Image], fields: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], ...]:
    """Every plane (Y, X) of recorded superpositions, one for each field."""
    for image in superpositions:
        if image.n_channels > 1:
            raise ImageError(
                f"The superposition {image.name!r} has {image.n_channels} channels: choose the one "
                "that shows all structures at once."
            )
    planes = tuple(field[0] for image in superpositions for field in image.fields())
    if [plane.shape for plane in planes] != [field.shape[1:] for field in fields]:
        listed = ", ".join(f"{i.name!r}: {i.axes} {i.shape}" for i in superpositions)
        wanted = ", ".join(sorted({"x".join(map(str, field.shape[1:])) for field in fields}))
        raise ImageError(
            f"The superpositions ({listed}) have {len(planes)} planes, and the channels "
            f"{len(fields)} fields of {wanted} pixels: give one plane for each field, of its size, "
            "in their order."
        )
    return planes


def _check_finite(what: str, data: NDArray[np.float32]) -> None:
    if bad := int((~np.isfinite(data)).sum()):
        raise ImageError(f"{what} has {bad} pixels that are NaN or infinite: replace them first.")


def _check_order(images: Sequence[Image]) -> None:
    """Refuse the same channels in another order: each would be learned as the other."""
    first = images[0]
    for image in images[1:]:
        same = sorted(image.channel_names) == sorted(first.channel_names)
        if same and image.channel_names != first.channel_names:
            raise ImageError(
                f"{image.name!r} has its channels in another order "
                f"({', '.join(image.channel_names)}) than {first.name!r} "
                f"({', '.join(first.channel_names)}): bring them into the same order."
            )


def _count_repeats(images: Sequence[Image]) -> int:
    """Exposures of one place, from the T axis that all images must have alike."""
    counts = {image.size("T") for image in images}
    if len(counts) > 1 or min(counts) < 2 or any(image.size("Z") > 1 for image in images):
        listed = ", ".join(f"{i.name!r}: {i.axes} {i.shape}" for i in images)
        raise ImageError(
            f"Repeats are read from a T axis of 2 or more steps, the same in every image and "
            f"without Z ({listed}).{exposures_hint(images[0])} Otherwise train without repeats."
        )
    return counts.pop()


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names, numbered where two are the same."""
    return tuple(
        f"{name} {c + 1}" if list(names).count(name) > 1 else name for c, name in enumerate(names)
    )
