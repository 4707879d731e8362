"""Layers out of results of a split, and of other images that are read here."""

from __future__ import annotations

import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.layer_record import RESULT_KINDS, SAMPLES_ALONG, layer_metadata
from napari_denoisplit.memory import LAZY_ABOVE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_denoisplit.images.image import Image

    LayerData = tuple[Any, dict[str, Any], str]

_LOOK = 1024  # edge of the part that is looked at for the contrast


def get_reader(path: str | list[str]) -> Callable[[object], list[LayerData]] | None:
    """Say how a file or folder becomes layers, as napari asks its readers.

    Parameters
    ----------
    path
        A result of a split, an image that this program has written, or another image. Several
        files that are to be stacked are left to other readers.

    Returns
    -------
    What reads the layers; None, and a warning that says why, where this is no image that can be
    read here. Pixels are not read before.
    """
    from napari_denoisplit.images.files.reading import read_image  # loads tifffile
    from napari_denoisplit.images.results.files import is_result

    if not isinstance(path, str):
        return None
    place = Path(path)
    try:
        if is_result(place):
            return partial(_layers_of_result, place)
        return partial(_layers_of_image, place, read_image(place, lazy_above=0))
    except ImageError as error:
        # napari says no more than that the file was refused.
        warnings.warn(str(error), stacklevel=2)
        return None


def _layers_of_result(path: Path, _: object) -> list[LayerData]:
    """Show a split: MMSE, sigma and samples, as far as they are kept."""
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.images.results.layers import layers_of, levels_of

    split = open_split(path)
    levels = levels_of(split, split.axes)
    return [(data, keywords, "image") for _, data, keywords in layers_of(split, levels)]


def _layers_of_image(path: Path, image: Image, _: object) -> list[LayerData]:
    """Show an image, a layer for each channel."""
    from napari_denoisplit.images.results.files import read_record

    records = read_record(path) or {}
    # Saved layers lie as they did, the lowest first; of other images the first channel is on top.
    saved = any(isinstance(records.get(name), dict) for name in image.channel_names or ())
    order = range(image.n_channels) if saved else reversed(range(image.n_channels))
    return [_layer(path, image, c, records, saved=saved) for c in order]


def _layer(
    path: Path, image: Image, channel: int, records: Mapping[str, Any], *, saved: bool
) -> LayerData:
    """Show one channel: with the look and the record of the layer that was saved, if it was one."""
    import numpy as np

    from napari_denoisplit.images.place import SAMPLE, place_of_image
    from napari_denoisplit.images.results.layers import (
        contrast_limits,
        result_layer,
        structure_colormap,
    )

    one = image.channel(channel)
    title = f"{image.name} {channel + 1}" if image.n_channels > 1 else image.name
    name = image.channel_names[channel] if image.channel_names else title
    # Of this one of the saved layers, which may have none; else of the whole file.
    record = records.get(name) if saved else records
    record = dict(record) if isinstance(record, dict) else {}
    along = record.pop(SAMPLES_ALONG, None)
    axes = one.axes.replace(along, SAMPLE) if along in ("T", "Z") else one.axes
    levels = _levels(path, one, channel)
    middle = [slice(max(0, n - _LOOK) // 2, (n + _LOOK) // 2) for n in one.shape[-2:]]
    first = np.asarray(one.data[(*(0,) * (len(axes) - 2), *middle)], np.float32)
    several = image.n_channels > 1
    look: dict[str, Any] = {
        "colormap": structure_colormap(channel) if several else "gray",
        "blending": "additive" if several else "translucent",
        "metadata": layer_metadata(record) if record else {},
    }
    if record.get("kind") in RESULT_KINDS and isinstance(record.get("channel"), int):
        look = result_layer(
            str(record.get("input")),
            str(record.get("structure")),
            record["channel"],
            record["kind"],
            record,
            calibrated=record.get("sigma") == "calibrated",
            lowest=record["channel"] == max(_channels(records), default=record["channel"]),
        )
    keywords = {
        **look,
        "name": name,
        "multiscale": len(levels) > 1,
        "contrast_limits": contrast_limits(first),
        **place_of_image(one).keywords(axes),
    }
    return levels if len(levels) > 1 else levels[0], keywords, "image"


def _channels(records: Mapping[str, Any]) -> list[int]:
    """Numbers of the structures that records of layers are of."""
    found = (one.get("channel") for one in records.values() if isinstance(one, dict))
    return [number for number in found if isinstance(number, int)]


def _levels(path: Path, one: Image, channel: int) -> list[Any]:
    """Pixels of a channel, of OME-Zarr at all resolutions that are stored; small ones are read."""
    import numpy as np

    from napari_denoisplit.images.zarr.levels import channel_levels
    from napari_denoisplit.images.zarr.nodes import is_zarr

    if one.data.nbytes <= LAZY_ABOVE:
        return [np.asarray(one.data)]
    if is_zarr(path):
        try:
            return channel_levels(path, channel, one.axes)
        except ImageError:  # a plain array, or one of a series
            pass
    return [one.data]
