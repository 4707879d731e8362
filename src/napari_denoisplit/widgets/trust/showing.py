"""Layers that the Trust widget adds, in the place of the result that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.layer_record import KEY, layer_metadata, layer_name, record_of
from napari_denoisplit.images.results.layers import contrast_limits
from napari_denoisplit.widgets.layers.removal import remove_in_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari.layers import Image as ImageLayer
    from numpy.typing import NDArray

    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef


def hide_results(viewer: ViewerRef, result: FoundResult) -> None:
    """Hide whatever shows the same split: layers that are added up show neither."""
    alive = viewer()
    for layer in () if alive is None else alive.layers:
        if record_of(layer.metadata).get("input") == result.name:
            layer.visible = False


def remove_shown(viewer: ViewerRef, result: FoundResult, kind: str) -> None:
    """Take away what an earlier run showed of the same split."""
    alive = viewer()
    about = {"input": result.name, "kind": kind}
    layers = [
        layer
        for layer in (() if alive is None else alive.layers)
        if about.items() <= record_of(layer.metadata).items()
    ]
    remove_in_turn(viewer, layers)


def show_image(
    viewer: ViewerRef,
    result: FoundResult,
    title: str,
    data: NDArray[Any],
    *,
    kind: str = "",
    like: ImageLayer | None = None,
    place: Mapping[str, Any] | None = None,
    **look: Any,
) -> None:
    """Add an image layer, or bring the one of an earlier run up to date.

    Parameters
    ----------
    viewer
        Where to show it.
    result
        The split that it is about.
    title
        What it shows, for its name.
    data
        Its pixels.
    kind
        The same in a word, for its record; by default the last part of the title.
    like
        A layer whose colours and limits it takes.
    place
        Where it lies; by default where the split does.
    look
        As of `add_image`.
    """
    if (alive := viewer()) is None:
        return
    name, place = (
        layer_name(result.name, *title.split(" · ")),
        place or result.place.keywords(result.axes),
    )
    metadata = layer_metadata(image=result.name, kind=kind or title.rpartition(" · ")[2])
    for layer in alive.layers:
        if layer.name == name and record_of(layer.metadata) == metadata[KEY]:
            layer.data, layer.visible = data, look.get("visible", True)
            layer.scale, layer.translate = place["scale"], place["translate"]
            layer.affine = place.get("affine", np.eye(layer.ndim + 1))
            return
    if like is not None:
        look = {"colormap": like.colormap, "blending": like.blending} | look
        look.setdefault("contrast_limits", tuple(like.contrast_limits))
    if "contrast_limits" not in look:
        look["contrast_limits"] = contrast_limits(data)
    alive.add_image(data, name=name, metadata=metadata, **look, **place)
