"""Posterior samples out of the files of a split."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.samples.stack import SampleStack, drawn_in_pairs
from napari_denoisplit.images.zarr.nodes import is_zarr

if TYPE_CHECKING:
    from os import PathLike

    from napari_denoisplit.images.image import Image

_LAZY_ABOVE = 2**22  # bytes; of many samples only the one in sight is read
_RESULT = re.compile(r"(.+)_(mmse|sigma|sigma-uncalibrated|sample-\d+)\.ome\.tiff?", re.IGNORECASE)
_NUMBERED = re.compile(r"(\d+)\.ome\.tiff?$", re.IGNORECASE)
_SAMPLES = "_samples"


def open_samples(path: str | PathLike[str]) -> SampleStack:
    """Open the samples of a split lazily, with MMSE and sigma where they lie beside them.

    Parameters
    ----------
    path
        Result of a split: an OME-Zarr folder, a folder ``NAME_samples``, or one of the files
        ``NAME_mmse.ome.tif``, ``NAME_sigma.ome.tif``, ``NAME_sample-001.ome.tif``.

    Raises
    ------
    ImageError
        There are no samples, or they differ in shape.
    """
    path = Path(path)
    return _from_zarr(path) if is_zarr(path) else _from_files(path)


def result_files(path: Path) -> tuple[str, list[Path], Path]:
    """Name of a result, its sample files in order, and what the names of the others begin with."""
    if path.is_dir():
        if not path.name.endswith(_SAMPLES):
            found = sorted(path.glob(f"*{_SAMPLES}"))
            if len(found) != 1:
                raise ImageError(
                    f"{path} is no folder of samples: choose a folder NAME_samples, a file "
                    "NAME_mmse.ome.tif or an OME-Zarr folder that a split has written."
                )
            path = found[0]
        name, folder, files = path.name.removesuffix(_SAMPLES), path.parent, path.glob("*.ome.tif")
    else:
        match = _RESULT.fullmatch(path.name)
        inside = path.parent.name.endswith(_SAMPLES) and path.is_file()
        if match is None and inside:
            return result_files(path.parent)
        if match is None or not path.exists():
            raise ImageError(
                f"{path} is no result of a split: choose NAME_mmse.ome.tif, a folder NAME_samples "
                "or an OME-Zarr folder."
            )
        name, folder = match[1], path.parent
        beside = folder / f"{name}{_SAMPLES}"
        if beside.is_dir():
            files = beside.glob("*.ome.tif")
        else:
            files = folder.glob(f"{_escaped(name)}_sample-*.ome.tif")
    chosen = sorted(files, key=lambda file: (_number(file), file.name))
    if not chosen:
        raise ImageError(
            f"{path}: no posterior samples are kept with it. Split again, and keep samples "
            "(--keep-samples, or 'Samples to keep' in the Split widget)."
        )
    return name, chosen, folder / name


def _number(file: Path) -> int:
    """Return the number of a sample, from 1; 0 for a file that has another name."""
    found = _NUMBERED.search(file.name)
    return int(found[1]) if found else 0


def _escaped(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


def _from_files(path: Path) -> SampleStack:
    import dask.array  # only to stack what is not read

    name, files, target = result_files(path)
    images = [read_image(file, lazy_above=_LAZY_ABOVE) for file in files]
    first = images[0]
    if any(image.shape != first.shape for image in images):
        raise ImageError(f"{path}: its samples differ in shape. Split the image again.")
    parts = [image.data for image in images]
    data = dask.array.stack([dask.array.asarray(part) for part in parts])
    record = _record(files[0]) or _record_beside(target)
    more: dict[str, Any] = {}
    for kind, endings in (("mmse", ("mmse",)), ("sigma", ("sigma", "sigma-uncalibrated"))):
        for ending in endings:
            file = target.with_name(f"{target.name}_{ending}.ome.tif")
            if file.exists():
                more[kind] = _channels(read_image(file, lazy_above=_LAZY_ABOVE), first)
    known = _known(more, record)
    # Where somebody has taken samples away, it cannot be told which ones are pairs.
    known["mirrored"] &= [_number(file) for file in files] == list(range(1, len(files) + 1))
    return SampleStack.of_image(data, first, name=name, **known)


def _from_zarr(path: Path) -> SampleStack:
    from napari_denoisplit.images.samples.levels import with_coarser
    from napari_denoisplit.images.samples.on_disk import read_samples, sample_levels
    from napari_denoisplit.images.zarr.layout import KEY  # loads zarr
    from napari_denoisplit.images.zarr.nodes import read_node

    _, first = read_samples(path)
    node = read_node(path)
    own = {} if node is None else node.attributes.get(KEY)
    record = own.get("provenance") if isinstance(own, dict) else None
    axes, n_channels = first.axes.replace("C", ""), first.n_channels
    levels = sample_levels(path, axes, n_channels)
    more: dict[str, Any] = {
        kind: levels[kind][0]
        for kind in ("mmse", "sigma")
        if kind in levels and levels[kind][0][0].shape == levels["samples"][0][0].shape[1:]
    }
    name = path.name.removesuffix(".zarr").removesuffix(".ome")
    stack = SampleStack(
        levels["samples"][0],
        axes,
        first.channel_names or tuple(f"structure {n + 1}" for n in range(n_channels)),
        name=name,
        pixel_size=first.pixel_size,
        units=first.units,
        origin=first.origin,
        **_known(more, record),
    )
    return with_coarser(stack, **{kind: arrays[1:] for kind, arrays in levels.items()})


def _channels(image: Image, like: Image) -> tuple[Any, ...]:
    """Return one array for each structure; none where the image is of another shape."""
    if image.shape != like.shape or image.axes != like.axes:
        return ()
    return tuple(image.channel(c).data for c in range(image.n_channels))


def _known(more: dict[str, Any], record: Any) -> dict[str, Any]:
    """Add what a result's record says of the number of samples and of the calibration."""
    record = record if isinstance(record, dict) else {}
    settings = record.get("settings")
    n_drawn = record.get("samples")
    if n_drawn is None and isinstance(settings, dict):
        n_drawn = settings.get("n_samples")
    return more | {
        "n_drawn": n_drawn if isinstance(n_drawn, int) else None,
        "factors": calibration_factors(record),
        "mirrored": drawn_in_pairs(record),
    }


def calibration_factors(record: dict[str, Any]) -> tuple[float, ...] | None:
    """Factors by which a spread becomes sigma, one for each channel; None: not calibrated."""
    calibration = record.get("calibration")
    factors = calibration.get("factors") if isinstance(calibration, dict) else calibration
    return tuple(float(f) for f in factors) if isinstance(factors, (list, tuple)) else None


def _record(path: Path) -> dict[str, Any] | None:
    """Read how a result was made from the description in the file; None where it does not say."""
    try:
        with tifffile.TiffFile(path) as file:
            root = ElementTree.fromstring(file.pages.first.description)
        texts = [e.text for e in root.iter() if e.tag.rpartition("}")[2] == "Description"]
        record = json.loads(texts[0] or "")
    except (OSError, ValueError, LookupError, ElementTree.ParseError):
        return None
    return record if isinstance(record, dict) else None


def _record_beside(target: Path) -> dict[str, Any] | None:
    """Read the record that the Split widget has saved in a file of its own."""
    try:
        record = json.loads(target.with_name(f"{target.name}_split.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
