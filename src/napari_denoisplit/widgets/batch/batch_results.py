"""Results of a batch, opened as layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.layers.place import place_of_image
from napari_denoisplit.widgets.layers.results import (
    SIGMA_COLORMAP,
    OwnLayers,
    contrast_limits,
    structure_colormap,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_denoisplit.events import Event
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["OpenedResults", "ResultImage", "read_results"]

_LAZY_ABOVE = 2**28  # bytes; of a larger result only what is looked at is read


@dataclass(frozen=True, slots=True)
class ResultImage:
    """One file of a result."""

    kind: str
    """'MMSE', 'sigma' or 'sigma (uncalibrated)'"""
    image: Image
    limits: tuple[tuple[float, float], ...]
    """Of each channel."""
    record: dict[str, Any]
    """How it was made."""


def read_results(
    outputs: Sequence[Path], stop: threading.Event
) -> Generator[Event, None, tuple[ResultImage, ...]]:
    """Read MMSE and sigma of one image; large ones are only opened."""
    yield Stage("Reading")
    # Not at the top: readers are needed when a result is opened.
    from napari_denoisplit.images.files.reading import read_image
    from napari_denoisplit.jobs.batch.result_files import read_record

    images = []
    for path in outputs:
        kind = path.name.rpartition("_")[2].partition(".")[0]
        if kind not in ("mmse", "sigma"):
            continue  # the folder of samples
        image = read_image(path, lazy_above=_LAZY_ABOVE)
        record = read_record(path) or {}
        title = "MMSE" if kind == "mmse" else "sigma"
        if kind == "sigma" and record.get("sigma") == "uncalibrated":
            title = "sigma (uncalibrated)"
        images.append(ResultImage(title, image, _limits(image), record))
    return tuple(images)


def _limits(image: Image) -> tuple[tuple[float, float], ...]:
    """Display limits of each channel, by its middle plane."""
    view = image.transposed("TZCYX")
    middle = np.asarray(view.data[view.shape[0] // 2, view.shape[1] // 2], dtype=np.float32)
    return tuple(contrast_limits(channel) for channel in middle)


class OpenedResults:
    """Layers of the results that were opened; the one opened last is in sight.

    Parameters
    ----------
    viewer
        Where to show them.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._layers: dict[str, OwnLayers] = {}

    def show(self, name: str, images: Sequence[ResultImage]) -> None:
        """Add the layers of one result, in the place of those of the same name."""
        for other in self._layers.values():
            other.hide()  # they lie on top of each other
        own = self._layers.get(name)
        if own is None or not any(own.alive(key) for key in own.keys()):
            # Whoever removed its layers and opens it again wants to see it again.
            own = self._layers[name] = OwnLayers(self._viewer)
        for result in images:
            self._add(own, name, result)
        for key in own.keys():
            if key.endswith("MMSE") and (layer := own.alive(key)) is not None:
                layer.visible = True

    def _add(self, own: OwnLayers, name: str, result: ResultImage) -> None:
        image = result.image
        axes = image.axes.replace("C", "")
        data = image.transposed("C" + axes).data
        for channel in reversed(range(len(data))):
            structure = image.channel_names[channel] if image.channel_names else f"{channel + 1}"
            is_mmse = result.kind == "MMSE"
            own.show(
                f"{channel} {result.kind}",
                data[channel],
                limits=result.limits[channel],
                name=f"{name} · {structure} · {result.kind}",
                colormap=structure_colormap(channel) if is_mmse else SIGMA_COLORMAP,
                blending="additive" if is_mmse else "translucent",
                visible=is_mmse,
                metadata={
                    "denoisplit": {
                        **result.record,
                        "structure": structure,
                        "kind": result.kind,
                        "file": str(image.source),
                    }
                },
                **place_of_image(image).keywords(axes),
            )
