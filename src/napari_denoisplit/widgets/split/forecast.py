"""What a split will take, found in the background and shown before it begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.latest import LatestJob
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.split.opening import image_of

if TYPE_CHECKING:
    import threading
    from pathlib import Path
    from typing import Never

    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.events import Job
    from napari_denoisplit.jobs.preflight import Preflight
    from napari_denoisplit.settings import SplitSettings
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.parts.worker import Start

_WAIT_MS = 300  # for the next change, before anything is looked at
_LOOKED_AT = 50  # files; of more the line is of these


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What the user is about to split."""

    model: Path
    settings: SplitSettings
    inputs: tuple[ChosenImage, ...]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What it will take, both ways."""

    in_memory: Preflight
    on_disk: Preflight


Ask = Callable[[], Question | None]


class ForecastLine(Text):
    """A line that says what the split as chosen will take.

    Parameters
    ----------
    ask
        Takes down what is chosen; None where nothing can be told of it.
    start
        How the measurement is run.
    """

    found = Signal(object)  # a Forecast of what is chosen now

    def __init__(self, ask: Ask, start: Start, parent: QWidget | None = None) -> None:
        super().__init__("What it will take", parent)
        self._ask = ask
        self._job = LatestJob(start, self)
        self._job.answered.connect(self._done)
        self._job.failed.connect(self._failed)
        self.forecast: Forecast | None = None
        self._timer = timer(self, self._begin, _WAIT_MS)

    def refresh(self) -> None:
        """Tell anew, soon; an answer on its way is out of date."""
        self._job.forget()
        self._timer.start()

    def hold(self) -> None:
        """Let things be as they are while something else runs; say nothing that is out of date."""
        if self._timer.isActive():
            self.say("")
        self._timer.stop()

    def _begin(self) -> None:
        question = self._ask()
        if question is None:
            self._fail("")
        else:
            self._job.ask(partial(_tell, question))

    def _done(self, forecast: Forecast) -> None:
        self.forecast = forecast
        self.found.emit(forecast)

    def _failed(self, error: Exception) -> None:
        # What is wrong with the image itself is told when it is split.
        self._fail(f"⚠ {error}" if isinstance(error, DenoisplitError) else "")

    def _fail(self, text: str) -> None:
        self.forecast = None
        self.say(text)


def _tell(question: Question, stop: threading.Event) -> Job[Never, Forecast | None]:
    """Look at the images and the network."""
    # Not at the top: torch is loaded in the background, when there is something to split.
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.preflight import preflight, together

    yield from ()
    found: dict[bool, list[Preflight]] = {False: [], True: []}
    for chosen in question.inputs[:_LOOKED_AT]:
        if stop.is_set():
            return None
        axes, shape = _axes_and_shape(chosen)
        empty = Image(np.broadcast_to(np.float32(0), shape), axes)
        for on_disk, parts in found.items():
            parts.append(preflight(question.model, empty, question.settings, on_disk=on_disk))
    told = [together(parts, results_stay=True) for parts in found.values()]
    return Forecast(in_memory=told[0], on_disk=told[1])


def _axes_and_shape(chosen: ChosenImage) -> tuple[str, tuple[int, ...]]:
    """Axes and sizes of an image without its channels; no pixel is read."""
    image = image_of(chosen, lazy_above=0)
    axes = image.axes.replace("C", "")
    return axes, tuple(image.size(axis) for axis in axes)
