"""Metadata of OME-NGFF 0.5 for an image that this package writes.

Source: the OME-Zarr specification, https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.units import normal_unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.zarr.layout import OmeZarrLayout

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


def image_metadata(layout: OmeZarrLayout, name: str, n_levels: int) -> dict[str, Any]:
    """Return what goes under the key ``ome`` of an image's group.

    Each of the resolution levels is half as fine in Y and X as the one before.
    """
    multiscale = {
        "name": name,
        "type": "mean",
        "metadata": {"description": "mean of 2 x 2 pixels in Y and X"},
        "axes": [_axis(letter, layout.units.get(letter)) for letter in layout.axes],
        "datasets": [
            {"path": str(level), "coordinateTransformations": _transformations(layout, 2**level)}
            for level in range(n_levels)
        ],
    }
    channels = channel_metadata(layout.channel_names, layout.n_channels)
    return {"version": VERSION, "multiscales": [multiscale], "omero": {"channels": channels}}


def _axis(letter: str, unit: str | None) -> dict[str, str]:
    axis = {"name": letter.lower(), "type": _TYPES[letter]}
    known = _UNIT_NAMES.get(normal_unit(unit))
    if known is not None and letter != "C":
        axis["unit"] = known
    return axis


def _transformations(layout: OmeZarrLayout, factor: int) -> list[dict[str, Any]]:
    """Scale of a level, and where the centre of its first pixel lies."""
    scale, shift = [], []
    for letter in layout.axes:
        size = 1.0 if letter == "C" else float(layout.pixel_size.get(letter, 1.0))
        coarser = factor if letter in "YX" else 1
        scale.append(size * coarser)
        shift.append(float(layout.origin.get(letter, 0.0)) + size * (coarser - 1) / 2)
    found: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
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
