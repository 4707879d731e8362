"""Layers that show a denoised image where the noisy one lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.widgets.layers.place import place_of_image
from napari_denoisplit.widgets.layers.results import contrast_limits, structure_colormap

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.choosers.images import SplitInput
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["show_denoised"]


def show_denoised(
    viewer: ViewerRef,
    chosen: SplitInput,
    noisy: Image,
    denoised: Image,
    provenance: Mapping[str, Any],
) -> None:
    """Add the denoised image to the viewer; for a file also the noisy one, below it.

    Parameters
    ----------
    viewer
        Where to show it.
    chosen
        What was denoised: a layer, whose place and colours the result takes, or a file.
    noisy, denoised
        Before and after, axes alike.
    provenance
        How it was made; kept in the layers' metadata.
    """
    metadata = {"denoisplit": dict(provenance)}
    if chosen.layer is None:
        _show_channels(viewer, noisy, {})
        _show_channels(viewer, denoised, metadata)
        return
    if (window := viewer()) is None or chosen.place is None:
        return
    axes = chosen.place.axes
    data = denoised.data.transpose([denoised.axes.index(axis) for axis in axes])
    colors = {"colormap": chosen.layer.colormap, "blending": chosen.layer.blending}
    window.add_image(
        data,
        name=f"{chosen.layer.name} denoised",
        contrast_limits=contrast_limits(data),
        metadata=metadata,
        **colors,
        **chosen.place.keywords(axes),
    )
    # The same place in the same colours: added up they would look like neither.
    chosen.layer.visible = False


def _show_channels(viewer: ViewerRef, image: Image, metadata: dict[str, Any]) -> None:
    """Add one layer for each channel of an image."""
    if (window := viewer()) is None:
        return
    place = place_of_image(image)
    is_result = bool(metadata)
    several = image.n_channels > 1
    for channel, one in enumerate(_channels(image)):
        names = image.channel_names
        title = f" {names[channel] if names else channel + 1}" if several else ""
        limits = contrast_limits(np.asarray(one.data[(0,) * (len(one.axes) - 2)], np.float32))
        window.add_image(
            one.data,
            name=f"{image.name}{title}",
            contrast_limits=limits,
            colormap=structure_colormap(channel) if several else "gray",
            blending="additive" if several else "translucent",
            # Channels add up: the noisy ones would shine through the denoised.
            visible=is_result or not several,
            metadata=dict(metadata),
            **place.keywords(one.axes),
        )


def _channels(image: Image) -> list[Image]:
    """Take each channel as an image without a channel axis."""
    if "C" not in image.axes:
        return [image]
    at = image.axes.index("C")
    rest = image.axes.replace("C", "")
    return [
        replace(image, data=image.data[(slice(None),) * at + (c,)], axes=rest, channel_names=())
        for c in range(image.n_channels)
    ]
