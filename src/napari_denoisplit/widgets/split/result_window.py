"""A napari window with the files of a result: `python -m ...result_window FILE...`.

A process of its own, so that a missing library of the window system, at which Qt ends the whole
process, costs no result.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_denoisplit.checkpoint import SUFFIX
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.layer_record import layer_metadata
from napari_denoisplit.images.place import place_of_image
from napari_denoisplit.images.results.layers import contrast_limits, structure_colormap
from napari_denoisplit.widgets.parts.docked import open_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari import Viewer

    from napari_denoisplit.images.image import Image

GAP = 0.03
"""Between pictures, as a share of their size."""
ROWS = {"truth": 1, "sigma": 2}
"""Row of a kind of image; all others stand in row 0."""


def add_image(viewer: Viewer, image: Image) -> None:
    """Add an image to the viewer, one layer for each channel, side by side.

    A single channel stands first, the structures to its right, truth and sigma below them.
    """
    axes = image.axes.replace("C", "")
    kind = image.name.rpartition("_")[2]
    channels = image.transposed("C" + axes).data
    for channel, data in enumerate(channels):
        if "C" in image.axes:
            structure = image.channel_names[channel] if image.channel_names else str(channel + 1)
            name, column = f"{image.name} {structure}", channel + 1
            # No input of a split; its place beside the others is not that of a result.
            shows = "truth" if kind == "truth" else "picture"
            colormap = "magma" if kind == "sigma" else structure_colormap(channel)
        else:
            name, colormap, column, shows = image.name, "gray", 0, ""
        where = place_of_image(image).keywords(axes)
        for axis, steps in ((-2, ROWS.get(kind, 0)), (-1, column)):
            where["translate"][axis] += steps * (1 + GAP) * data.shape[axis] * where["scale"][axis]
        viewer.add_image(
            data,
            name=name,
            colormap=colormap,
            contrast_limits=contrast_limits(data),
            metadata=layer_metadata(source=str(image.source), kind=shows),
            **where,
        )


def show_files(paths: Sequence[Path]) -> None:
    """Open napari with images, and a model in the Split widget; return when it is closed."""
    import napari

    viewer = napari.Viewer(title="denoiSplit")
    for path in paths:
        if path.suffix != SUFFIX:
            add_image(viewer, read_image(path))
    widget = open_page(viewer, "Split")
    for path in paths:
        if path.suffix == SUFFIX:
            widget.open_model(path)
    # The canvas has its final size only when the window has been laid out.
    QTimer.singleShot(500, viewer.reset_view)
    napari.run()


if __name__ == "__main__":
    show_files([Path(word) for word in sys.argv[1:]])
