"""Images from OME-Zarr folders, of OME-NGFF 0.1 to 0.5."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.blocks import lazily
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.pixel_size import ImageMetadata
from napari_denoisplit.images.zarr.arrays import open_level, open_pixels
from napari_denoisplit.images.zarr.completeness import notes_of_files, notes_of_image
from napari_denoisplit.images.zarr.ngff_axes import (
    LEFT_OUT,
    axis_letters,
    check_version,
    given_letters,
    ngff_metadata,
)
from napari_denoisplit.images.zarr.nodes import image_name, read_node
from napari_denoisplit.images.zarr.series import chosen_image, ome_metadata

if TYPE_CHECKING:
    from pathlib import Path

    import zarr

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.zarr.nodes import ZarrNode


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
        raise ImageError(f"{path} is empty or not a Zarr folder: copy it again, as a whole.")
    if node.is_array:
        return _plain_image(node, axes)
    return _ome_image(chosen_image(node, series), axes)


def _plain_image(node: ZarrNode, axes: str | None) -> Image:
    """Image of an array without OME metadata."""
    array, names = open_pixels(node)
    letters = "".join(names).upper()
    if axes is not None:
        letters = given_letters(node.folder, axes, array.shape)
    elif len(letters) != array.ndim or not _usable(letters):
        example = {2: "YX", 3: "CYX", 4: "TCYX"}.get(array.ndim, AXES)
        raise ImageError(
            f"{node.folder} is a Zarr array of {' x '.join(map(str, array.shape))} without OME "
            f"metadata: say what its axes are, with one letter of {AXES} for each, e.g. "
            f"axes={example!r}."
        )
    notes = notes_of_files(node.folder.name, node.folder, array)
    return _image(node.folder, array, letters, ImageMetadata(), notes)


def _usable(letters: str) -> bool:
    return len(set(letters)) == len(letters) and {"Y", "X"} <= set(letters) <= set(AXES)


def _ome_image(node: ZarrNode, axes: str | None) -> Image:
    """Image of a group with the key ``multiscales``."""
    ome = ome_metadata(node)
    multiscale = ome["multiscales"][0]
    datasets = multiscale.get("datasets") if isinstance(multiscale, dict) else None
    dataset: Any = datasets[0] if isinstance(datasets, list) and datasets else None
    if isinstance(multiscale, dict):
        check_version(node.folder, ome, multiscale)
    array = open_level(node.folder, dataset)
    if axes is not None:
        letters = given_letters(node.folder, axes, array.shape)
    else:
        letters = axis_letters(node.folder, multiscale.get("axes"), array.shape)
    notes = notes_of_image(node, multiscale, array)
    if len(ome["multiscales"]) > 1:
        notes += (f"{node.folder.name} is several images in one; the first was read.",)
    metadata = ngff_metadata(ome, multiscale, dataset, letters)
    return _image(node.folder, array, letters, metadata, notes)


def _image(
    source: Path,
    array: zarr.Array[Any],
    letters: str,
    metadata: ImageMetadata,
    notes: tuple[str, ...] = (),
) -> Image:
    """Image of an array whose axes have these letters; those of length 1 are left out."""
    sizes = zip(letters, array.shape, strict=True)
    kept = [a for a, n in sizes if a in "YX" or (n > 1 and a != LEFT_OUT)]
    order = "".join(a for a in kept if a not in "YX") + "YX"
    data = lazily(array, [letters.index(a) for a in order], source)
    return metadata.image(
        data, order, name=image_name(source.absolute()), source=source, notes=notes
    )
