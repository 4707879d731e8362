"""Metadata of OME-NGFF 0.5 for an image that this package writes.

Source: the OME-Zarr specification, https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.units import normal_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = "0.5"

_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}
_UNIT_NAMES = {
    **{"pm": "picometer", "Å": "angstrom", "nm": "nanometer", "µm": "micrometer"},
    **{"mm": "millimeter", "cm": "centimeter", "m": "meter", "in": "inch"},
    **{"ns": "nanosecond", "µs": "microsecond", "ms": "millisecond", "s": "second"},
    **{"min": "minute", "h": "hour", "d": "day"},
}
# Orange and blue can be told apart by nearly everybody; then what is left.
_COLOURS = ("F9A72B", "2F8CFF", "2BD98F", "E85FD0", "F2F23C", "5FE3F2", "FF6A5A", "A98BFF")
_GREY = "FFFFFF"


def image_metadata(
    *,
    name: str,
    axes: str,
    factors: Sequence[int],
    pixel_size: Mapping[str, float],
    units: Mapping[str, str],
    channels: Sequence[Mapping[str, Any]],
    origin: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return what goes under the key ``ome`` of an image's group.

    Parameters
    ----------
    name
        Name of the image.
    axes
        Letters in the order of T, C, Z, Y, X.
    factors
        How much coarser each resolution level is in Y and X, 1 first.
    pixel_size, units
        Size of a step along an axis and its unit, where known.
    channels
        As `channel_metadata` makes them.
    origin
        Where the first pixel lies along an axis, in the unit of `pixel_size`.
    """
    places = [_transformations(axes, factor, pixel_size, origin or {}) for factor in factors]
    datasets = [
        {"path": str(i), "coordinateTransformations": place} for i, place in enumerate(places)
    ]
    multiscale = {
        "name": name,
        "type": "mean",
        "metadata": {"description": "mean of 2 x 2 pixels in Y and X"},
        "axes": [_axis(letter, units.get(letter)) for letter in axes],
        "datasets": datasets,
    }
    return {"version": VERSION, "multiscales": [multiscale], "omero": {"channels": list(channels)}}


def _axis(letter: str, unit: str | None) -> dict[str, str]:
    axis = {"name": letter.lower(), "type": _TYPES[letter]}
    known = _UNIT_NAMES.get(normal_unit(unit))
    if known is not None and letter != "C":
        axis["unit"] = known
    return axis


def _transformations(
    axes: str, factor: int, pixel_size: Mapping[str, float], origin: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Scale of a level, and where the centre of its first pixel lies."""
    sizes = [1.0 if a == "C" else float(pixel_size.get(a, 1.0)) for a in axes]
    coarser = [factor if a in "YX" else 1 for a in axes]
    scale = [size * n for size, n in zip(sizes, coarser, strict=True)]
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    places = zip(axes, sizes, coarser, strict=True)
    shift = [float(origin.get(a, 0.0)) + size * (n - 1) / 2 for a, size, n in places]
    if factor > 1 or any(shift):
        found.append({"type": "translation", "translation": shift})
    return found


def channel_metadata(
    names: Sequence[str], n_channels: int, windows: Sequence[tuple[float, float, float, float]] = ()
) -> list[dict[str, Any]]:
    """Return name, colour and contrast of each channel.

    Parameters
    ----------
    names
        Names of the channels; empty where unknown.
    n_channels
        Number of channels.
    windows
        (lowest value, start of the contrast, its end, highest value) of each channel; empty where
        not known yet.
    """
    found = []
    for i in range(n_channels):
        low, start, end, high = windows[i] if windows else (0.0, 0.0, 1.0, 1.0)
        channel: dict[str, Any] = {
            "active": True,
            "color": _GREY if n_channels == 1 else _COLOURS[i % len(_COLOURS)],
            "window": {"min": low, "start": start, "end": end, "max": high},
        }
        if names:
            channel["label"] = names[i]
        found.append(channel)
    return found
