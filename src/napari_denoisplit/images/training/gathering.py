"""Fields (C, Y, X) of images, put together by their channels."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, cast

import numpy as np

from napari_denoisplit.errors import REPLACE, ImageError
from napari_denoisplit.images.image import Image, no_image
from napari_denoisplit.images.training.noise_data import exposures_hint
from napari_denoisplit.images.training.unread import UnreadField, planes_of
from napari_denoisplit.images.units import pixel_edge
from napari_denoisplit.memory import free_memory
from napari_denoisplit.wording import not_finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.training.unread import Plane

    Images = Sequence[Image | Sequence[Image]] | Image


BYTES_PER_PIXEL = 8
"""Of a channel, in a training: once as float32, once more for masks, structure and copies of it;
measured: 7.6."""


def fit_in_memory(images: Iterable[Image]) -> bool:
    """Whether memory holds images as a training uses them; no pixel is read."""
    needed = BYTES_PER_PIXEL * sum(prod(image.shape) for image in images)
    return needed <= free_memory()


def groups_of(images: Images) -> list[list[Image]]:
    """Make a list of every image that stands for itself."""
    given = [images] if isinstance(images, Image) else images
    groups = [[one] if isinstance(one, Image) else one for one in given]
    for group in groups:
        for image in group if isinstance(group, list | tuple) else [group]:
            if not isinstance(image, Image):
                raise no_image(image)
    return [list(group) for group in groups]


def names_of(groups: Sequence[Sequence[Image]]) -> tuple[str, ...]:
    """Name of the structure that each group of single-channel images shows."""
    first = [group[0] for group in groups]
    return _distinct([i.channel_names[0] if i.channel_names else i.name for i in first])


def places_in_files(groups: Sequence[Sequence[Image]]) -> tuple[tuple[str, ...], ...]:
    """For each field that `gather` makes, where each of its channels, or all of them, come from.

    Nothing where two have the same name: it would not tell them apart.
    """
    each = [[place for image in group for place in _places(image)] for group in groups]
    together = all(image.n_channels >= 2 for group in groups for image in group)
    found = [(p,) for places in each for p in places] if together else zip(*each, strict=True)
    known = tuple(found)
    return known if len(set(known)) == len(known) else ()


def _places(image: Image) -> list[str]:
    """Name each plane of an image."""
    name, n = str(image.source or image.name), len(image.field_shapes)
    return [name] if n == 1 else [f"{name}, plane {i + 1}" for i in range(n)]


def pixel_edges(images: Sequence[Image]) -> tuple[float, ...]:
    """Edge of a pixel of the images that know theirs, µm."""
    edges = (pixel_edge(image.pixel_size, image.units) for image in images)
    return tuple(edge for edge in edges if edge is not None)


def gather(
    groups: Sequence[Sequence[Image]], *, as_needed: bool = False
) -> tuple[list[NDArray[np.float32]], tuple[str, ...]]:
    """Fields (C, Y, X) and channel names of groups of images; `UnreadField` if read `as_needed`."""
    images = [image for group in groups for image in group]
    if not images:
        raise ImageError("There is no image to train on: add at least one.")
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
        return fields_of_each(images, as_needed=as_needed), _distinct(names)
    if max(counts) > 1:
        listed = ", ".join(f"{i.name!r}: {i.n_channels}" for i in images)
        raise ImageError(
            f"Some images have a channel axis and some have not ({listed}): give either "
            "multi-channel images, or one single-channel image per structure."
        )
    sizes = [[f"{y}x{x}" for image in group for y, x in image.field_shapes] for group in groups]
    if any(found != sizes[0] for found in sizes):
        listed = ", ".join(
            f"{name!r}: {len(found)} planes of {' or '.join(sorted(set(found)))}"
            for name, found in zip(names_of(groups), sizes, strict=True)
        )
        raise ImageError(
            f"The channels differ in size ({listed}): they must show the same fields. Structures "
            "of different fields train as SeparateFields."
        )
    if as_needed:
        places = [[plane for image in group for plane in planes_of(image)] for group in groups]
        return [_unread(parts) for parts in zip(*places, strict=True)], names_of(groups)
    stacks = [(field for image in group for field in _finite(image)) for group in groups]
    fields = [np.concatenate(planes, axis=0) for planes in zip(*stacks, strict=True)]
    return fields, names_of(groups)


def fields_of_each(images: Sequence[Image], *, as_needed: bool) -> list[NDArray[np.float32]]:
    """Every field (C, Y, X) of images; `UnreadField` if read `as_needed`."""
    if as_needed:
        return [_unread([plane]) for image in images for plane in planes_of(image)]
    return [field for image in images for field in _finite(image)]


def _finite(image: Image) -> Iterator[NDArray[np.float32]]:
    """Make one field of an image after the other; refuse pixels that are no numbers."""
    for field in image.each_field():
        if bad := int((~np.isfinite(field)).sum()):
            raise ImageError(f"{image.source or image.name} has {not_finite(bad)}. {REPLACE}")
        yield field


def _unread(parts: Sequence[Plane], *, is_plane: bool = False) -> NDArray[np.float32]:
    """Take planes as an array: they are cut like one, and nothing else is done with them."""
    return cast("NDArray[np.float32]", UnreadField(parts, is_plane=is_plane))


def recorded_planes(
    superpositions: Sequence[Image],
    fields: Sequence[NDArray[np.float32]],
    *,
    as_needed: bool = False,
) -> tuple[NDArray[np.float32], ...]:
    """Every plane (Y, X) of recorded superpositions, one for each field; as of `gather`."""
    for image in superpositions:
        if image.n_channels > 1:
            raise ImageError(
                f"The superposition {image.name!r} has {image.n_channels} channels: choose the one "
                "that shows all structures at once."
            )
    if as_needed:
        found = [plane for image in superpositions for plane in planes_of(image)]
        planes = tuple(_unread([plane], is_plane=True) for plane in found)
    else:
        planes = tuple(field[0] for image in superpositions for field in _finite(image))
    if [plane.shape for plane in planes] != [field.shape[1:] for field in fields]:
        listed = ", ".join(f"{i.name!r}: {i.axes} {i.shape}" for i in superpositions)
        wanted = ", ".join(sorted({"x".join(map(str, field.shape[1:])) for field in fields}))
        raise ImageError(
            f"The superpositions ({listed}) have {len(planes)} planes, and the channels "
            f"{len(fields)} fields of {wanted} pixels: give one plane for each field, of its size, "
            "in their order."
        )
    return planes


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


def count_repeats(images: Sequence[Image]) -> int:
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
