"""The part of the page that shows what a model has learned: images from its prior alone."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_denoisplit.events import Stage
from napari_denoisplit.images.layer_record import layer_metadata, layer_name
from napari_denoisplit.images.place import place_of_image
from napari_denoisplit.images.results.layers import contrast_limits, structure_colormap
from napari_denoisplit.settings import PriorSettings
from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.widgets.parts.worker import loading

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import JobFactory, Start

_HELP = (
    "Draw images of the structures from the model alone (its prior), with no image put in. They "
    "show what it has learned, and are no result."
)
_KIND = "prior"


class PriorPart(JobPart):
    """Images that a model draws without an input, as layers."""

    def __init__(self, viewer: ViewerRef, start: Start, parent: QWidget) -> None:
        super().__init__("Draw from the model alone", _HELP, start, parent)
        self._viewer = viewer
        self.model = ModelChoice(self)
        self.setLayout(in_a_column(self.model, self.panel))
        self.model.changed.connect(self._refresh)
        self._refresh()

    @property
    def problem(self) -> str:
        """Why nothing can be drawn; empty if it can."""
        return self.model.problem

    def _order(self) -> JobFactory[StatusEvent, Image]:
        return partial(_draw, self.model.path)

    def _begin(self, order: JobFactory[StatusEvent, Image]) -> None:
        title = f"denoiSplit: drawing from {self.model.path.stem}"
        self.panel.run(order, on_done=self._show, title=title)

    def _show(self, image: Image) -> Iterator[None]:
        """Add a layer for each structure, in which the images lie along T."""
        self.panel.say("")
        yield
        if (viewer := self._viewer()) is None:
            return
        for c, structure in enumerate(image.channel_names):
            channel, name = image.channel(c), layer_name(image.name, structure)
            if name in viewer.layers:
                viewer.layers.remove(name)
            viewer.add_image(
                channel.data,
                name=name,
                metadata=layer_metadata(image=image.name, kind=_KIND, structure=structure),
                colormap=structure_colormap(c),
                blending="additive",
                contrast_limits=contrast_limits(channel.data),
                **place_of_image(channel).keywords(channel.axes),
            )
            yield


def _draw(path: Path, stop: threading.Event) -> Job[StatusEvent, Image]:
    yield from loading(stop, "napari_denoisplit.jobs.prior")
    # Not at the top: torch is paid for when it is asked for, in the background.
    from napari_denoisplit.jobs.prior import prior_job

    yield Stage(f"Drawing from {path.name}")
    return (yield from prior_job(path, PriorSettings(), stop=stop))
