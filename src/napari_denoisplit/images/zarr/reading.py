"""Images from OME-Zarr folders, of OME-NGFF 0.1 to 0.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.blocks import lazily
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.images.pixel_size import Calibration
from napari_denoisplit.images.zarr.arrays import array_facts
from napari_denoisplit.images.zarr.layout import KEY
from napari_denoisplit.images.zarr.ngff_axes import (
    LEFT_OUT,
    axis_letters,
    given_letters,
    ngff_calibration,
)
from napari_denoisplit.images.zarr.nodes import ZarrNode, child, image_name, read_node
from napari_denoisplit.images.zarr.series import chosen_image, ome_metadata
from napari_denoisplit.images.zarr.stores import ConfinedStore, ZarrLevel

if TYPE_CHECKING:
    from pathlib import Path

MOST_COUNTED = 1_000_000
"""Regions of an unfinished image whose files are looked for, to say how many there are."""


def read_ome_zarr(path: Path, *, axes: str | None = None, series: int | None = None) -> Image:
    """Open the full resolution of an OME-Zarr image, or a plain Zarr array, lazily.

    Axes of length 1 are left out, Y and X come last. Chunks that are not stored have the value
    that the array declares for them. Nothing in the folder is executed, and nothing outside of it
    is read.

    Parameters
    ----------
    path
        Folder of an image, of a field of a plate, or of a single array.
    axes
        One letter of T, C, Z, Y, X for each stored axis, in place of what the metadata says.
    series
        Which image of a folder of several, from 0.

    Raises
    ------
    ImageError
        There is no image: a plate, labels, a group of something else, an array whose axes nobody
        has named; or the metadata is damaged or not to be trusted.
    """
    node = read_node(path)
    if node is None:
        if not path.exists():
            raise ImageError(f"{path} does not exist: check the name and the folder.")
        raise ImageError(f"{path} is empty or no Zarr folder: copy it again, as a whole.")
    if node.is_array:
        return _plain_image(node, axes)
    return _ome_image(chosen_image(node, series), axes)


def _plain_image(node: ZarrNode, axes: str | None) -> Image:
    """Image of an array without OME metadata."""
    facts = array_facts(node)
    letters = "".join(facts.dimension_names).upper()
    if axes is None and (len(letters) != len(facts.shape) or not _usable(letters)):
        raise ImageError(
            f"{node.folder} is a Zarr array of {' x '.join(map(str, facts.shape))} without OME "
            f"metadata: say what its axes are, with one letter of {AXES} for each, e.g. "
            f"axes={_example(len(facts.shape))!r}."
        )
    if axes is not None:
        letters = given_letters(node.folder, axes, facts.shape)
    return _image(node.folder, _open_array(node.folder), letters, Calibration())


def _usable(letters: str) -> bool:
    return len(set(letters)) == len(letters) and {"Y", "X"} <= set(letters) <= set(AXES)


def _example(n_axes: int) -> str:
    return {2: "YX", 3: "CYX", 4: "TCYX"}.get(n_axes, AXES)


def _ome_image(node: ZarrNode, axes: str | None) -> Image:
    """Image of a group with the key ``multiscales``."""
    ome = ome_metadata(node)
    multiscale, dataset = _full_resolution(node)
    folder = child(node.folder, dataset.get("path"))
    inner = read_node(folder)
    if inner is None or not inner.is_array:
        raise ImageError(f"{folder}, the full resolution, is missing: copy the folder again.")
    facts = array_facts(inner)
    if axes is not None:
        letters = given_letters(node.folder, axes, facts.shape)
    else:
        letters = axis_letters(node.folder, multiscale.get("axes"), facts.shape)
    array = _open_array(folder)
    notes = _unfinished(node, folder, array)
    if len(ome["multiscales"]) > 1:
        notes += (f"{node.folder.name} is several images in one; the first was read.",)
    calibration = ngff_calibration(ome, multiscale, dataset, letters)
    return _image(node.folder, array, letters, calibration, notes)


def _full_resolution(node: ZarrNode) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metadata of the image and of its first, finest level."""
    multiscale = ome_metadata(node)["multiscales"][0]
    datasets = multiscale.get("datasets") if isinstance(multiscale, dict) else None
    dataset = datasets[0] if isinstance(datasets, list) and datasets else None
    if not isinstance(dataset, dict):
        raise ImageError(f"{node.folder} names no array with its pixels: copy the folder again.")
    return multiscale, dataset


def _open_array(folder: Path) -> zarr.Array[Any]:
    try:
        return zarr.open_array(ConfinedStore(folder), mode="r")
    except DAMAGE as error:
        raise ImageError(
            f"{folder} cannot be opened as a Zarr array ({type(error).__name__}: {error}). Copy it "
            "again."
        ) from error


def _image(
    source: Path,
    array: zarr.Array[Any],
    letters: str,
    calibration: Calibration,
    notes: tuple[str, ...] = (),
) -> Image:
    """Image of an array whose axes have these letters; those of length 1 are left out."""
    sizes = zip(letters, array.shape, strict=True)
    kept = [a for a, n in sizes if a in "YX" or (n > 1 and a != LEFT_OUT)]
    order = "".join(a for a in kept if a not in "YX") + "YX"
    calibration = calibration.of(order)
    image = Image(
        lazily(array, [letters.index(a) for a in order], source),
        order,
        calibration.pixel_size,
        calibration.units,
        name=image_name(source.absolute()),
        source=source,
        notes=notes,
        origin=calibration.origin,
    )
    return image.with_channel_names(calibration.channel_names)


def _unfinished(node: ZarrNode, folder: Path, array: zarr.Array[Any]) -> tuple[str, ...]:
    """Say how much of an image is there that was begun here and not finished."""
    own = node.attributes.get(KEY)
    if not isinstance(own, dict) or own.get("complete") is not False:
        return ()
    written = ""
    if array.metadata.zarr_format == 3 and array.metadata.dimension_names:
        level = ZarrLevel(folder, array)
        if len(level.grid) <= MOST_COUNTED:
            n_done = sum(level.done(region) for region in level.grid)
            written = f": {n_done} of {len(level.grid)} regions"
    return (f"{node.folder.name} is unfinished{written}. Run the same command again to go on.",)
