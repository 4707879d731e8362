"""Layers that the Trust widget adds, in the place of the result that they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.images.layer_record import KEY, layer_metadata, layer_name, record_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.widgets.layers.found import FoundResult


def hide_results(viewer: Any, result: FoundResult) -> None:
    """Hide whatever shows the same split: layers that are added up show neither."""
    for layer in viewer.layers:
        if record_of(layer.metadata).get("input") == result.name:
            layer.visible = False


def show_image(
    viewer: Any, result: FoundResult, title: str, data: NDArray[Any], kind: str, **keywords: Any
) -> None:
    """Add an image layer, or bring the one of an earlier run up to date.

    Parameters
    ----------
    viewer
        Of napari.
    result
        The split that it is about.
    title
        What it shows, for its name.
    data
        Its pixels.
    kind
        The same in a word, for its record.
    keywords
        As of `add_image`; scale and translate among them.
    """
    name = layer_name(result.name, title)
    metadata = layer_metadata(image=result.name, kind=kind)
    for layer in viewer.layers:
        if layer.name == name and record_of(layer.metadata) == metadata[KEY]:
            layer.data, layer.visible = data, keywords.get("visible", True)
            layer.scale, layer.translate = keywords["scale"], keywords["translate"]
            layer.affine = keywords.get("affine", np.eye(layer.ndim + 1))
            return
    viewer.add_image(data, name=name, metadata=metadata, **keywords)
