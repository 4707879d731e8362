"""Image layers into OME-TIFF files or OME-Zarr folders."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.layer_record import SAMPLES_ALONG, record_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_denoisplit.images.image import Image

LayerData = tuple[Any, "Mapping[str, Any]", str]

_LETTERS = {
    **{"time": "T", "t": "T", "channel": "C", "channels": "C", "c": "C"},
    **{"answer": "S", "sample": "S"},
    **{"z": "Z", "y": "Y", "x": "X"},
}
# What axes mean that nobody has named, by their number.
_UNNAMED = {2: "YX", 3: "ZYX", 4: "TZYX", 5: "TCZYX"}


def write_layers(path: str, layer_data: Sequence[LayerData]) -> list[str]:
    """Write image layers to OME-TIFF or OME-Zarr, with their axes, scale, units and names.

    Layers of one shape and scale become the channels of one file, each under its layer's name.
    Where there are layers of several shapes, the first shape goes into the file asked for and
    each other one into a file beside it, called after its first layer. Posterior samples lie along
    T (along Z where there is time): neither format has an axis for them.

    Parameters
    ----------
    path
        File or .ome.zarr folder to write; it is replaced as a whole or left as it is.
    layer_data
        (data, attributes, type) of each layer, as napari hands them to a writer.

    Returns
    -------
    list of str
        The files written.

    Raises
    ------
    ImageError
        A layer is an RGB picture or has axes that the formats do not know, a further file exists
        already, or writing fails.
    """
    from napari_denoisplit.images.files.writing import write_image  # loads tifffile

    groups: dict[object, list[tuple[Image, Mapping[str, Any]]]] = {}
    for data, attributes, _ in layer_data:
        image = _image(data, attributes)
        groups.setdefault(_likeness(image), []).append((image, attributes))
    files = _file_names(Path(path), [group[0][0].name for group in groups.values()])
    for file, group in zip(files, groups.values(), strict=True):
        image = _joined([image for image, _ in group])
        write_image(file, image, description=_provenance([kept for _, kept in group]))
    return [str(file) for file in files]


def _image(data: Any, attributes: Mapping[str, Any]) -> Image:
    """Make an image of a layer's data and attributes, without reading lazy data."""
    from napari_denoisplit.images.image import Image, sliceable
    from napari_denoisplit.images.units import normal_unit

    name = str(attributes.get("name", "image"))
    if attributes.get("rgb"):
        raise ImageError(
            f"{name!r} is a colour (RGB) picture: right-click it, choose 'Split RGB', and save the "
            "parts."
        )
    if turned := [k for k in ("rotate", "shear", "affine") if not _is_plain(attributes.get(k))]:
        warnings.warn(
            f"{name!r} is placed by {' and '.join(turned)}. Files keep its pixels, their size and "
            "where it begins, and not that: set it again when the file is opened.",
            stacklevel=2,
        )
    data = sliceable(data[0] if attributes.get("multiscale") else data)
    letters = _letters(name, data.ndim, attributes.get("axis_labels") or ())
    steps, unit_names = attributes.get("scale", ()), attributes.get("units") or ()
    sizes = {a: float(n) for a, n in zip(letters, steps, strict=False)}
    units = {a: normal_unit(unit) for a, unit in zip(letters, unit_names, strict=False)}
    starts = zip(letters, attributes.get("translate", ()), strict=False)
    origin = {a: float(start) for a, start in starts if a != "S" and start}
    sizes = {a: n for a, n in sizes.items() if a != "S" and (n != 1 or units.get(a))}
    letters = letters.replace("S", _place_of_samples(letters))
    order = [*(a for a in letters if a not in "YX"), "Y", "X"]
    return Image(
        data.transpose([letters.index(a) for a in order]),
        "".join(order),
        sizes,
        {a: unit for a, unit in units.items() if a in sizes and unit},
        name=name,
        origin=origin,
    )


def _is_plain(transform: Any) -> bool:
    """Whether a transform of a layer, a matrix or a vector of shears, leaves all as it is."""
    import numpy as np

    matrix = np.asarray([] if transform is None else transform, float)
    still = np.eye(len(matrix)) if matrix.ndim == 2 else 0
    return bool(np.allclose(matrix, still))


def _letters(name: str, n_axes: int, labels: Sequence[object]) -> str:
    """Letter of each axis of a layer, S for posterior samples."""
    letters = "".join(_LETTERS.get(str(label).lower(), "?") for label in labels)
    if len(letters) != n_axes or "?" in letters or len(set(letters)) < n_axes:
        letters = _UNNAMED.get(n_axes, "")
    if not {"Y", "X"} <= set(letters) or {"S", "T", "Z"} <= set(letters):
        raise ImageError(
            f"{name!r} has axes {tuple(map(str, labels))}: an image file has Y, X and at most "
            "time, channel and z. Save one sample, or one time point, at a time."
        )
    return letters


def _likeness(image: Image) -> object:
    """Key that is equal for layers that can be channels of one file."""
    if "C" in image.axes:
        return object()  # equal to nothing else
    sizes, origin = (
        tuple(sorted((a, f"{n:.6g}") for a, n in numbers.items()))
        for numbers in (image.pixel_size, image.origin)
    )
    return image.axes, image.shape, sizes, origin, tuple(sorted(image.units.items()))


def _joined(images: Sequence[Image]) -> Image:
    """Stack images of one likeness as channels, lazily."""
    from dataclasses import replace

    first = images[0]
    if len(images) == 1:
        return first if "C" in first.axes else first.with_channel_names((first.name,))
    import dask.array  # only to join several layers without a copy

    parts = [dask.array.asarray(image.data, name=False) for image in images]
    return replace(
        first,
        data=dask.array.stack(parts),
        axes="C" + first.axes,
        channel_names=tuple(image.name for image in images),
    )


def _file_names(path: Path, names: Sequence[str]) -> list[Path]:
    """Return the path itself for the first name, and files beside it for the others."""
    ending = "".join(path.suffixes[-2:]) if path.stem.lower().endswith(".ome") else path.suffix
    stem = path.name.removesuffix(ending)
    files = [path]
    for name in names[1:]:
        part = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "layer"
        file = path.with_name(f"{stem}_{part}{ending}")
        if file.exists() or file in files:
            raise ImageError(
                f"{path.name} cannot hold layers of several shapes, and {file}, which would hold "
                f"{name!r}, exists already: choose another name, or save {name!r} by itself."
            )
        files.append(file)
    return files


def _provenance(kept: Sequence[Mapping[str, Any]]) -> str:
    """Return what the layers say of their making, as JSON; '' where they say nothing."""
    said = {}
    for attributes in kept:
        name = str(attributes.get("name", "image"))
        if record := record_of(attributes.get("metadata")):
            labels = attributes.get("axis_labels") or ()
            letters = _letters(name, len(labels), labels) if labels else ""
            along = {SAMPLES_ALONG: _place_of_samples(letters)} if "S" in letters else {}
            said[name] = record | along
    return json.dumps(said, default=str) if said else ""


def _place_of_samples(letters: str) -> str:
    """Axis of a file that samples lie along: neither format has one for them."""
    return "Z" if "T" in letters else "T"
