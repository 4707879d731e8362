"""The part of the Trust widget that asks what samples agree on; to users they are answers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import DenoisplitError, ImageError
from napari_denoisplit.images.layer_record import layer_metadata, layer_name
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.measures.samples.interpretations import LARGEST
from napari_denoisplit.widgets.choosers.region import region_choice
from napari_denoisplit.widgets.layers.region import region_of_shapes
from napari_denoisplit.widgets.parts.boxes import WholeNumberBox, guard_wheel
from napari_denoisplit.widgets.parts.controls import Text, in_a_column
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, show_row, tooltip
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.widgets.trust.showing import hide_results, show_image

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.jobs.trust.consensus import ConsensusStack
    from napari_denoisplit.measures.samples.interpretations import Interpretations
    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start

    Floats = NDArray[np.float32]
    from napari_denoisplit.widgets.layers.found import FoundResult

MODE = "most probable image"
ALTERNATIVES = "alternatives in a region"
CONSENSUS = "consensus segmentation"
_HELP = {
    MODE: "Where answers disagree, the best estimate is a faint compromise; this takes the side of "
    "most answers (approximate MAP). It is as sharp as an answer, and can be wrong like one.",
    ALTERNATIVES: "Sorts the answers for a small region into a few alternatives, each with the "
    "share of answers behind it. Draw the region in a Shapes layer.",
    CONSENSUS: "Segments every answer by a local threshold, and keeps what more than half of them "
    "see; the confidence is the share of answers.",
}


class SamplesPart(JobPart):
    """Choice of a question to the samples, and the run that replies to it."""

    def __init__(self, viewer: ViewerRef, start: Start, parent: QWidget) -> None:
        super().__init__(
            "Ask the answers",
            "Compare the possible answers (posterior samples) with each other.",
            start,
            parent,
        )
        self._viewer = viewer
        self._result: FoundResult | None = None
        self.tool = narrow_box(
            "Question to the answers", "What to ask; the text below tells what comes of it.", self
        )
        self.tool.addItems([MODE, ALTERNATIVES, CONSENSUS])
        self.structure = narrow_box("Structure", "Whose objects the answers are to agree on.", self)
        self.region = region_choice(viewer, self)
        self.n_answers = WholeNumberBox(self)
        self.n_answers.setRange(2, 9)
        self.n_answers.setValue(3)
        self.n_answers.setAccessibleName("Alternatives")
        self.n_answers.setToolTip(tooltip("How many alternatives to sort the answers into."))
        guard_wheel(self.n_answers)
        self.help = Text("What the question is", self)
        self._lay_out()
        self._connect()
        self._refresh()

    def _lay_out(self) -> None:
        self._form = form_layout()
        self._form.addRow("Question", self.tool)
        self._form.addRow("Structure", self.structure)
        self._form.addRow("Region", self.region)
        self._form.addRow("Alternatives", self.n_answers)
        self.setLayout(in_a_column(self._form, self.help, self.panel))

    def _connect(self) -> None:
        self.tool.currentIndexChanged.connect(self._refresh)
        self.region.changed.connect(self._refresh)

    def set_result(self, result: FoundResult | None) -> None:
        """Take another split."""
        if (result and result.key) != (self._result and self._result.key):
            self.structure.clear()
            self.structure.addItems(() if result is None else result.split.structures)
        self._result = result
        self.region.reset_choices()
        self._refresh()

    def _refresh(self, *_: object) -> None:
        """Show what the question needs, and say what is missing."""
        tool = self.tool.currentText()
        self.help.say(_HELP[tool])
        for widget, question in (
            (self.structure, CONSENSUS),
            (self.region, ALTERNATIVES),
            (self.n_answers, ALTERNATIVES),
        ):
            show_row(self._form, widget, tool == question)
        super()._refresh()

    @property
    def problem(self) -> str:
        """Why the samples cannot be asked; empty if they can."""
        result, tool = self._result, self.tool.currentText()
        if result is None:
            return "Split an image first (step Split)."
        needed = 5 if tool == MODE else 2
        if result.split.n_kept < needed:
            return (
                f"Needs {needed} answers or more among the layers; this split has "
                f"{result.split.n_kept}. Set 'Answers to keep' at the step Split."
            )
        if tool == ALTERNATIVES and self.region.layer is None:
            return "Draw a rectangle in a Shapes layer and choose it as region."
        return ""

    def _begin(self, order: tuple[FoundResult, Any, Any]) -> None:
        result, job, show = order
        title = f"denoiSplit: {self.tool.currentText()} of {result.name}"
        self.panel.run(job, on_done=show, title=title)

    def _order(self) -> tuple[FoundResult, Any, Any]:
        if self._result is None:
            raise DenoisplitError(self.problem)
        return self._result, *self._question(self._result, self.tool.currentText())

    def _question(self, result: FoundResult, tool: str) -> tuple[Any, Any]:
        """Return the job that answers a question, and what shows the answer."""
        if tool == MODE:
            return partial(_mode, result), partial(self._show_mode, result)
        if tool == CONSENSUS:
            channel = max(self.structure.currentIndex(), 0)
            return partial(_consensus, result, channel), partial(
                self._show_consensus, result, channel
            )
        plane, region = self._place(result)
        job = partial(_answers, result, plane, region, self.n_answers.value())
        return job, partial(self._show_answers, result, (*plane, region.y[0], region.x[0]))

    def _place(self, result: FoundResult) -> tuple[tuple[int, ...], PlaneRegion]:
        """Plane in view (T, Z) and rectangle around the drawn region."""
        viewer, shapes, layer = self._viewer(), self.region.layer, result.mmse[0]
        if viewer is None or shapes is None:
            raise ImageError("The viewer or the region is gone: draw it again.")
        corners = np.concatenate(region_of_shapes(shapes, layer, result.axes).outlines)
        sizes = [result.shape[result.axes.index(a)] for a in "YX"]
        low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, None)
        high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, None, sizes)
        if (high - low < 2).any() or (high - low > LARGEST).any():
            raise ImageError(
                f"The region has {tuple(high - low)} pixels (Y, X): draw one of 2 to {LARGEST} "
                "pixels along each edge, on the image."
            )
        (y0, x0), (y1, x1) = low.tolist(), high.tolist()
        return result.position(viewer)[1], PlaneRegion((y0, y1), (x0, x1))

    def _show_mode(self, result: FoundResult, mode: Floats) -> Iterator[None]:
        self.panel.say(
            f"The most probable image (approximate MAP) of {result.split.n_kept} answers, in "
            "windows of 10 x 10 pixels. It takes sides where the best estimate compromises; where "
            "few answers decide, another draw may take the other side."
        )
        yield
        hide_results(self._viewer, result)
        for c, structure in enumerate(result.split.structures):
            data, title = result.as_in_viewer(mode[c]), f"{structure} · most probable"
            show_image(self._viewer, result, title, data, like=result.mmse[c])
            yield

    def _show_consensus(
        self, result: FoundResult, channel: int, found: ConsensusStack
    ) -> Iterator[None]:
        self.panel.say(found.summary)
        yield
        hide_results(self._viewer, result)
        structure = result.split.structures[channel]
        confidence, title = result.as_in_viewer(found.confidence), f"{structure} · confidence"
        show_image(self._viewer, result, title, confidence, contrast_limits=(0, 1))
        yield
        if (viewer := self._viewer()) is not None:
            viewer.add_labels(
                result.as_in_viewer(found.labels),
                name=layer_name(result.name, structure, "consensus"),
                metadata=layer_metadata(image=result.name, kind="consensus"),
                **result.place.keywords(result.axes),
            )

    def _show_answers(
        self, result: FoundResult, corner: tuple[int, ...], found: Interpretations
    ) -> Iterator[None]:
        self.panel.say(found.summary)
        yield
        hide_results(self._viewer, result)
        for layer in result.mmse:
            layer.visible = True  # what lies around the region
        at = dict(zip(result.split.axes, corner, strict=True))
        place = result.place.keywords(result.axes, at)
        for i, answer in reversed(list(enumerate(found.answers, start=1))):
            for c, structure in reversed(list(enumerate(result.split.structures))):
                data = answer.mean[c].reshape((1,) * (len(result.axes) - 2) + answer.mean[c].shape)
                name = f"{structure} · alt {i} ({answer.support:.0%})"  # a list of layers is narrow
                look: dict[str, Any] = {"visible": i == 1}
                if c == len(result.split.structures) - 1:
                    look["blending"] = (
                        "opaque"  # the lowest: neither MMSE nor drawing shines through
                    )
                mmse = result.mmse[c]
                show_image(self._viewer, result, name, data, like=mmse, place=place, **look)
                yield


def _mode(result: FoundResult, stop: threading.Event) -> Job[StatusEvent, Floats]:
    from napari_denoisplit.jobs.trust.consensus import map_job  # only who asks waits for it

    return (yield from map_job(result.split, stop=stop))


def _consensus(
    result: FoundResult, channel: int, stop: threading.Event
) -> Job[StatusEvent, ConsensusStack]:
    from napari_denoisplit.jobs.trust.consensus import consensus_job  # imports scipy

    return (yield from consensus_job(result.split, channel, stop=stop))


def _answers(
    result: FoundResult,
    plane: tuple[int, ...],
    region: PlaneRegion,
    n_answers: int,
    stop: threading.Event,
) -> Job[StatusEvent, Interpretations]:
    from napari_denoisplit.jobs.trust.alternatives import alternatives_job

    job = alternatives_job(result.split, region, plane, n_alternatives=n_answers, stop=stop)
    return (yield from job)
