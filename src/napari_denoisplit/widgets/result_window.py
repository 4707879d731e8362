"""A napari window with image files of a result: `python -m ...result_window FILE...`.

A process of its own, so that a missing library of the window system, at which Qt ends the whole
process, costs no result.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.images.reading import read_image
from napari_denoisplit.widgets.layers import place_of_image
from napari_denoisplit.widgets.result_layers import contrast_limits, structure_colormap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari import Viewer

    from napari_denoisplit.images.image import Image

__all__ = ["add_image", "show_files"]


def add_image(viewer: Viewer, image: Image) -> None:
    """Add an image to the viewer, one layer for each channel."""
    axes = image.axes.replace("C", "")
    planes = (
        np.moveaxis(image.data, image.axes.index("C"), 0) if "C" in image.axes else [image.data]
    )
    kind = image.name.rpartition("_")[2]
    for channel, data in enumerate(planes):
        structure = image.channel_names[channel] if image.channel_names else str(channel + 1)
        colormap = "magma" if kind == "sigma" else structure_colormap(channel)
        viewer.add_image(
            data,
            name=f"{image.name} {structure}" if len(planes) > 1 else image.name,
            colormap=colormap if len(planes) > 1 else "gray",
            blending="additive",
            contrast_limits=contrast_limits(data),
            visible=kind not in ("sigma", "truth"),  # one look at a time
            metadata={"denoisplit": {"source": str(image.source)}},
            **place_of_image(image).keywords(axes),
        )


def show_files(paths: Sequence[Path]) -> None:
    """Open napari with the images and the Split widget; return when its window is closed."""
    import napari

    viewer = napari.Viewer(title="denoiSplit")
    for path in paths:
        add_image(viewer, read_image(path))
    viewer.window.add_plugin_dock_widget("napari-denoisplit", "Split")
    napari.run()


if __name__ == "__main__":
    show_files([Path(word) for word in sys.argv[1:]])
