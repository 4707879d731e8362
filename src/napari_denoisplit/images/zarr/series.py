"""Which image of a Zarr folder is meant: of an image, a well or a series of images."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.zarr.nodes import ZarrNode, child, read_node

if TYPE_CHECKING:
    from pathlib import Path

SERIES = "bioformats2raw.layout"
"""Key of a group that holds several images."""
_SHOWN = 8  # of a long list


def ome_metadata(node: ZarrNode) -> dict[str, Any]:
    """OME metadata of a group: under a key of its own since 0.5, bare before."""
    ome = node.attributes.get("ome")
    return ome if isinstance(ome, dict) else node.attributes


def chosen_image(node: ZarrNode, series: int | None) -> ZarrNode:
    """Find the group of the image that is meant.

    Raises
    ------
    ImageError
        There is none, or several and `series` does not choose.
    """
    ome, at = ome_metadata(node), node.folder
    if "image-label" in ome:
        raise ImageError(
            f"{at} holds labels, numbers of objects, not intensities: choose the image itself."
        )
    if isinstance(ome.get("multiscales"), list) and ome["multiscales"]:
        if series not in (None, 0):
            raise ImageError(f"{at} has no image {series}; it holds one: leave series out.")
        return node
    if "plate" in ome:
        raise ImageError(_plate_message(node))
    folders = image_folders(node)
    if folders:
        return _one_of(node, folders, series)
    if "labels" in ome:
        raise ImageError(
            f"{at} is a group of labels ({_listed(ome['labels'])}), not an image: choose the "
            "folder of the image, which holds it."
        )
    raise ImageError(_foreign_message(node))


def image_folders(node: ZarrNode) -> list[Path]:
    """Folders of the images of a well or of a series; empty where the group is neither."""
    ome = ome_metadata(node)
    if isinstance(ome.get("well"), dict):
        images = ome["well"].get("images")
        images = images if isinstance(images, list) else []
        return [child(node.folder, i.get("path")) for i in images if isinstance(i, dict)]
    if SERIES not in ome:
        return []
    inner = read_node(node.folder / "OME")
    named = ome_metadata(inner).get("series") if inner is not None else None
    if isinstance(named, list):
        return [child(node.folder, name) for name in named]
    found: list[Path] = []
    for number in count():
        folder = child(node.folder, str(number))
        if read_node(folder) is None:
            return found
        found.append(folder)
    return found


def _one_of(node: ZarrNode, folders: list[Path], series: int | None) -> ZarrNode:
    names = [str(folder.relative_to(node.folder)) for folder in folders]
    if series is None and len(folders) > 1:
        raise ImageError(
            f"{node.folder} holds {len(folders)} images ({_listed(names)}): choose one with "
            f"series=0 to {len(folders) - 1}, or give the path of one, e.g. {folders[0]}."
        )
    if series is not None and not 0 <= series < len(folders):
        raise ImageError(f"{node.folder} has no image {series}; it holds {_listed(names)}.")
    folder = folders[series or 0]
    found = read_node(folder)
    if found is None or not isinstance(ome_metadata(found).get("multiscales"), list):
        raise ImageError(f"{folder} is listed as an image but holds none: copy the folder again.")
    return chosen_image(found, None)


def _plate_message(node: ZarrNode) -> str:
    plate = ome_metadata(node)["plate"]
    wells = plate.get("wells") if isinstance(plate, dict) else None
    paths = [well.get("path") for well in wells or [] if isinstance(well, dict)]
    if not paths:
        return f"{node.folder} is a plate without wells."
    well = read_node(child(node.folder, paths[0]))
    fields = image_folders(well) if well is not None and not well.is_array else []
    example = fields[0] if fields else child(node.folder, paths[0])
    wells_of = f"{len(paths)} well{'s' * (len(paths) > 1)} ({_listed(paths)})"
    return f"{node.folder} is a plate with {wells_of}: give the path of one field, e.g. {example}."


def _foreign_message(node: ZarrNode) -> str:
    arrays = []
    for folder in sorted(f for f in node.folder.iterdir() if f.is_dir()):
        inner = read_node(folder)
        if inner is not None and inner.is_array:
            arrays.append(f"{folder.name} {inner.metadata.get('shape')}")
    if not arrays:
        return f"{node.folder} is a Zarr group without an image in it: give the path of an image."
    return (
        f"{node.folder} is a Zarr group without OME metadata; it holds {_listed(arrays)}. Give the "
        f"path of an array, e.g. {node.folder / arrays[0].split()[0]}, and say what its axes are."
    )


def _listed(things: object) -> str:
    found = [str(thing) for thing in things] if isinstance(things, list) else [str(things)]
    return ", ".join(found[:_SHOWN]) + (", ..." if len(found) > _SHOWN else "")
