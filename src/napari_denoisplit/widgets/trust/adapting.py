"""The part of the Trust widget that adapts the model to the image that was split."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.files import free_name
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import AdaptSettings
from napari_denoisplit.widgets.parts.controls import in_a_column
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.widgets.parts.worker import loading

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.adapt.job import Adapted
    from napari_denoisplit.widgets.parts.worker import Start

_HELP = (
    "Make a copy of the model for images as noisy as this one. It is kept only if it finds parts "
    "of this image better; the model itself stays as it is."
)


class AdaptPart(JobPart):
    """A button that adapts a model, shown where a verdict gives reason to.

    Parameters
    ----------
    take
        Returns the model's file and the image, as they are chosen.
    start
        How a job is run.
    """

    def __init__(self, take: Callable[[], tuple[Path, Image]], start: Start, parent: QWidget):
        super().__init__("Adapt to this recording", _HELP, start, parent)
        self._take = take
        self.setLayout(in_a_column(self.panel))
        self.hide()

    @property
    def problem(self) -> str:
        """Nothing: where it is shown, an image was checked with a model."""
        return ""

    def _order(self) -> tuple[Path, Image]:
        return self._take()

    def _begin(self, order: tuple[Path, Image]) -> None:
        model, image = order
        self.panel.run(
            partial(_adapt, model, image, _beside(model)),
            on_done=self._show,
            title=f"denoiSplit: adapting to {image.name}",
        )

    def _show(self, adapted: Adapted) -> None:
        (reason, *_) = adapted.verdict.reasons
        kept = f" Saved as {adapted.path}: split with it." if adapted.path is not None else ""
        self.panel.say(f"{reason}{kept}")


def _beside(model: Path) -> Path:
    """Name a file beside that of a model, or at home where nothing is to be written there."""
    from napari_denoisplit.images.example.cells import MODEL  # loads tifffile

    # A new version of the package would replace what lies beside the example.
    keeps = model != MODEL and os.access(model.parent, os.W_OK)
    folder = model.parent if keeps else Path.home()
    stem = f"{model.name.removesuffix(SUFFIX)}_adapted"
    free = free_name(stem, lambda name: (folder / f"{name}{SUFFIX}").exists())
    return folder / f"{free}{SUFFIX}"


def _adapt(
    model: Path, image: Image, path: Path, stop: threading.Event
) -> Job[StatusEvent, Adapted]:
    yield from loading(stop, "napari_denoisplit.jobs.adapt.job", what="the model")
    # Not at the top: torch is paid for when it is asked for, in the background.
    from napari_denoisplit.jobs.adapt.job import adapt_job

    return (yield from adapt_job(model, [image], AdaptSettings(), path=path, stop=stop))
