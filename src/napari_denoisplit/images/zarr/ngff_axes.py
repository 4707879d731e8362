"""What OME-NGFF metadata says of the axes of an image, of versions 0.1 to 0.5."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.pixel_size import ImageMetadata
from napari_denoisplit.images.units import in_known_unit

if TYPE_CHECKING:
    from pathlib import Path

LEFT_OUT = "?"
"""Stands for an axis of length 1 that has no letter."""

_BY_TYPE = {"time": "T", "channel": "C"}


NEWEST = (0, 5)
"""Version of OME-NGFF up to which metadata is understood."""


def check_version(at: Path, ome: dict[str, Any], multiscale: dict[str, Any]) -> None:
    """Refuse metadata by rules that are not known: in 0.6 axes went elsewhere.

    Raises
    ------
    ImageError
        The version is newer than `NEWEST`.
    """
    version = str(ome.get("version") or multiscale.get("version") or "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    newer = numbers is not None and tuple(map(int, numbers.groups())) > NEWEST
    if newer or "coordinateSystems" in multiscale:
        raise ImageError(
            f"{at} is OME-Zarr {version or 'newer than 0.5'}, whose rules are not known here: save "
            "it as OME-Zarr 0.4 or 0.5, or as OME-TIFF."
        )


def given_letters(at: Path, axes: str, shape: tuple[int, ...]) -> str:
    """Letter of each stored axis as the caller says, with or without those of length 1."""
    letters = axes.upper()
    kept = [n > 1 or i >= len(shape) - 2 for i, n in enumerate(shape)]
    if len(letters) != len(shape) and len(letters) == sum(kept):
        rest = iter(letters)
        letters = "".join(next(rest) if keep else LEFT_OUT for keep in kept)
    named = letters.replace(LEFT_OUT, "")
    fits = len(letters) == len(shape) and len(set(named)) == len(named)
    if not fits or not {"Y", "X"} <= set(named) <= set(AXES):
        raise ImageError(
            f"{at}: axes={axes!r} do not fit its {len(shape)} axes of "
            f"{' x '.join(map(str, shape))}. Give one letter of {AXES} for each, in this order, "
            "with Y and X among them."
        )
    return letters


def axis_letters(at: Path, metadata: object, shape: tuple[int, ...]) -> str:
    """Letter of each stored axis by the metadata of a multiscale image.

    Parameters
    ----------
    at
        For messages.
    metadata
        The value of ``axes``: dictionaries since 0.4, names in 0.3; None before, when there were
        always five.
    shape
        Of the full resolution.

    Raises
    ------
    ImageError
        An axis of several steps is none of T, C, Z, Y, X, or Y or X is missing.
    """
    axes = metadata if isinstance(metadata, list) else list(AXES.lower())
    if len(axes) != len(shape):
        raise ImageError(
            f"{at} names {len(axes)} axes, its pixels have {len(shape)} "
            f"({' x '.join(map(str, shape))}): give one letter of {AXES} for each, with axes=."
        )
    named = [_name_and_type(axis) for axis in axes]
    letters = [name.upper() if name.upper() in set(AXES) else _BY_TYPE.get(t) for name, t in named]
    # Spaces may bear any names; the last two are the plane.
    free = [a for a in AXES[2:] if a not in letters]
    for i in reversed(range(len(letters))):
        if letters[i] is None and named[i][1] == "space" and free:
            letters[i] = free.pop()
    strange = [
        name for (name, _), a, n in zip(named, letters, shape, strict=True) if not a and n > 1
    ]
    found = "".join(a or LEFT_OUT for a in letters)
    known = found.replace(LEFT_OUT, "")
    if strange or len(set(known)) < len(known) or not {"Y", "X"} <= set(known):
        raise ImageError(
            f"{at} has axes {', '.join(name for name, _ in named)} of "
            f"{' x '.join(map(str, shape))}, of which {AXES} can be used, each once. Give one "
            "letter for each with axes=, or save a part that has no others."
        )
    return found


def _name_and_type(axis: object) -> tuple[str, str]:
    if isinstance(axis, dict):
        return str(axis.get("name", "")), str(axis.get("type") or "").lower()
    return str(axis), ""


def ngff_metadata(
    ome: dict[str, Any], multiscale: dict[str, Any], dataset: dict[str, Any], letters: str
) -> ImageMetadata:
    """Pixel size, units, origin and channel names of the full resolution.

    Parameters
    ----------
    ome
        OME metadata of the group, in which ``omero`` names the channels.
    multiscale, dataset
        The image in it, and its full resolution.
    letters
        Of the stored axes.
    """
    axes = multiscale.get("axes")
    axes = axes if isinstance(axes, list) else []
    # Where nothing is scaled the size is unknown; a level alone may lean on the image's scale.
    unscaled = 1.0 if multiscale.get("coordinateTransformations") else math.nan
    scales = [
        step(dataset, "scale", len(letters), unscaled),
        step(multiscale, "scale", len(letters), 1.0),
    ]
    shifts = [step(holder, "translation", len(letters), 0.0) for holder in (dataset, multiscale)]
    sizes, units, origin = {}, {}, {}
    for i, letter in enumerate(letters):
        if letter in (LEFT_OUT, "C"):
            continue
        axis = axes[i] if i < len(axes) and isinstance(axes[i], dict) else {}
        known = in_known_unit(math.prod(scale[i] for scale in scales), axis.get("unit"))
        if known is None:
            continue
        size, unit = known
        # 1 without a unit is what programs write that know nothing.
        if math.isfinite(size) and size > 0 and (unit or size != 1):
            sizes[letter] = size
            if unit:
                units[letter] = unit
        # The level is scaled and moved first, then the image that it is of.
        place = in_known_unit(shifts[0][i] * scales[1][i] + shifts[1][i], axis.get("unit"))
        if place is not None and math.isfinite(place[0]) and place[0]:
            origin[letter] = place[0]
    return ImageMetadata(sizes, units, _channel_names(ome.get("omero")), origin)


def step(holder: dict[str, Any], kind: str, n_axes: int, default: float) -> list[float]:
    """Scale or translation among the transformations of an image or a level, if there is one.

    One that cannot be read (of another length, or kept in an array of its own) is unknown: NaN.
    """
    found = holder.get("coordinateTransformations")
    for step in found if isinstance(found, list) else []:
        if not isinstance(step, dict) or (step.get("type") != kind and kind not in step):
            continue
        values = step.get(kind)
        if not isinstance(values, list) or len(values) != n_axes:
            return [math.nan] * n_axes
        return [float(n) if isinstance(n, int | float) else math.nan for n in values]
    return [default] * n_axes


def _channel_names(omero: object) -> tuple[str, ...]:
    """Labels of the channels, where each has one."""
    channels = omero.get("channels") if isinstance(omero, dict) else None
    labels = [c.get("label") for c in channels or [] if isinstance(c, dict)]
    names = tuple(label.strip() for label in labels if isinstance(label, str))
    return names if len(names) == len(labels) and all(names) else ()
