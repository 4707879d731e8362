"""Pixel size, units and channel names of an image, as its file has them."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.image import Image
from napari_denoisplit.images.ome_header import ome_elements, tag
from napari_denoisplit.images.results.record import PROGRAM
from napari_denoisplit.images.units import in_known_unit, normal_unit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from xml.etree import ElementTree

    import tifffile

# Resolution tags of plain TIFFs mostly speak of paper: 72 per inch is 353 µm, 2400 per inch
# 10.6 µm. Coarser values than this are not taken for the size of a camera pixel.
_COARSEST_PLAIN_PIXEL = 10.0
_MICROMETRES = {2: 25_400.0, 3: 10_000.0}  # TIFF's ResolutionUnit: inch, centimetre


@dataclass(frozen=True, slots=True)
class ImageMetadata:
    """What a file says about its axes beyond their order."""

    pixel_size: dict[str, float] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    channel_names: tuple[str, ...] = ()
    origin: dict[str, float] = field(default_factory=dict)
    """Where the first pixel lies, where that is not 0."""

    def image(
        self, data: Any, axes: str, *, name: str, source: Path, notes: tuple[str, ...] = ()
    ) -> Image:
        """Make an image of pixels with some of the axes; names that do not fit are left out."""
        sizes = {a: size for a, size in self.pixel_size.items() if a in axes}
        image = Image(
            data,
            axes,
            sizes,
            {a: unit for a, unit in self.units.items() if a in sizes},
            name=name,
            source=source,
            notes=notes,
            origin={a: place for a, place in self.origin.items() if a in axes},
        )
        return image.with_channel_names(self.channel_names)


def tiff_metadata(file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> ImageMetadata:
    """Read the metadata of one series, from the richest source that the file has."""
    if file.is_ome and file.ome_metadata:
        return _from_ome(file.ome_metadata, series, file.series.index(series))
    tags = file.pages.first.tags
    if file.is_imagej and file.imagej_metadata:
        return _from_imagej(file.imagej_metadata, tags)
    shaped = file.shaped_metadata
    if shaped and "unit" in shaped[0]:
        return _from_imagej(shaped[0], tags)
    return _metadata(_plain_sizes(tags))


def _metadata(
    values: Mapping[str, tuple[Any, object]], channel_names: tuple[str, ...] = ()
) -> ImageMetadata:
    """Keep sizes that are positive numbers, and the units of those."""
    sizes, units = {}, {}
    for axis, (value, unit) in values.items():
        size = _positive(value)
        known = None if size is None else in_known_unit(size, unit)
        if known is not None:
            sizes[axis], name = known
            if name:
                units[axis] = name
    return ImageMetadata(sizes, units, channel_names)


def _positive(value: Any) -> float | None:
    if isinstance(value, str):  # written where the decimal sign is a comma
        value = value.replace(",", ".")
    try:
        number = abs(float(value))  # ImageJ writes a negative spacing for a stack from the top
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


# --- OME-XML -----------------------------------------------------------------------------------


def _from_ome(text: str, series: tifffile.TiffPageSeries, index: int) -> ImageMetadata:
    pixels = _ome_pixels(text, series, index)
    if pixels is None:
        return ImageMetadata()
    values: dict[str, tuple[Any, object]] = {
        axis: (pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        for axis in "ZYX"
    }
    values["T"] = (pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    names = [child.get("Name", "") for child in pixels if tag(child) == "Channel"]
    found = _metadata(values, _complete(names))
    # In files of other programs the stage may run the other way than the pixels.
    return replace(found, origin=_origin(pixels)) if PROGRAM in text else found


def _origin(pixels: ElementTree.Element) -> dict[str, float]:
    """Where the first pixel lies along Y and X, in the unit of the pixel size."""
    found = {}
    for plane in [child for child in pixels if tag(child) == "Plane"][:1]:
        for axis in "YX":
            if plane.get(f"Position{axis}Unit") == pixels.get(f"PhysicalSize{axis}Unit", "pixel"):
                with suppress(ValueError):
                    found[axis] = float(plane.get(f"Position{axis}", ""))
    return {axis: start for axis, start in found.items() if start and math.isfinite(start)}


def _ome_pixels(
    text: str, series: tifffile.TiffPageSeries, index: int
) -> ElementTree.Element | None:
    """Element Pixels of the image that a series shows."""
    images = [element for element in ome_elements(text) if tag(element) == "Image"]
    named = [image for image in images if image.get("Name", "") == series.name]
    if len(named) == 1:
        images = named
    elif index < len(images):  # names that do not tell them apart
        images = images[index : index + 1]
    return next((p for image in images for p in image if tag(p) == "Pixels"), None)


def _complete(names: list[str]) -> tuple[str, ...]:
    """Channel names; () where no channel has one, a number where only some have."""
    if not any(name.strip() for name in names):
        return ()
    return tuple(name.strip() or f"channel {i}" for i, name in enumerate(names, start=1))


# --- ImageJ, and tifffile's own remarks in the same words --------------------------------------


def _from_imagej(metadata: Mapping[str, Any], tags: tifffile.TiffTags) -> ImageMetadata:
    unit = normal_unit(metadata.get("unit"))
    if unit in {"in", "cm", ""}:  # what ImageJ writes where nobody has set a scale
        values = _plain_sizes(tags)
    else:
        values = {
            axis: (_per_pixel(tags, f"{axis}Resolution"), metadata.get(f"{axis.lower()}unit", unit))
            for axis in "YX"
        }
    if values and unit:
        values["Z"] = (metadata.get("spacing"), metadata.get("zunit", unit))
    values["T"] = (metadata.get("finterval"), metadata.get("tunit", "s"))
    return _metadata(values, _imagej_channel_names(metadata))


def _imagej_channel_names(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Labels of the planes, where they tell the channels apart and nothing else.

    ImageJ keeps one label per plane, channels fastest. Bio-Formats begins each with a count of
    planes, 'c:1/2 t:4/9 - ', which is left out.
    """
    labels = metadata.get("Labels") or []
    n_channels = int(metadata.get("channels", 1))
    if isinstance(labels, str) or n_channels < 2 or len(labels) % n_channels or not labels:
        return ()
    plain = [re.sub(r"^(?:[czt]:\d+/\d+[;,]?\s*)+(?:-\s*)?", "", str(text)) for text in labels]
    plain = [text.strip() for text in plain]
    first = plain[:n_channels]
    names_channels = plain == first * (len(plain) // n_channels)
    return tuple(first) if names_channels and len(set(first)) == n_channels and all(first) else ()


# --- tags of plain TIFFs -----------------------------------------------------------------------


def _per_pixel(tags: tifffile.TiffTags, name: str) -> float | None:
    """Length of a pixel in the file's unit: the inverse of a resolution tag."""
    value = tags.valueof(name)
    if not isinstance(value, tuple) or len(value) != 2 or not value[0]:
        return None
    return float(value[1]) / float(value[0])


def _plain_sizes(tags: tifffile.TiffTags) -> dict[str, tuple[Any, object]]:
    """Y and X in µm from resolution tags, where they can be the pixels of a microscope."""
    factor = _MICROMETRES.get(int(tags.valueof("ResolutionUnit") or 0))
    sizes = {axis: _per_pixel(tags, f"{axis}Resolution") for axis in "YX"}
    if factor is None or not all(s and s * factor <= _COARSEST_PLAIN_PIXEL for s in sizes.values()):
        return {}
    return {axis: (size * factor, "µm") for axis, size in sizes.items() if size}
