"""The widget that browses posterior samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.fault_report import explained
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.settings import FilmSettings
from napari_denoisplit.widgets.parts.column import Fold
from napari_denoisplit.widgets.parts.controls import Text, big_button
from napari_denoisplit.widgets.parts.dialogs import ask_where_to_save
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.parts.job_widget import JobWidget
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.samples.browser import SampleBrowser
from napari_denoisplit.widgets.samples.choice import SampleChoice
from napari_denoisplit.widgets.samples.controls import DIFFERENCE, Transport, ViewChoice
from napari_denoisplit.widgets.samples.export import KINDS, FilmOrder
from napari_denoisplit.widgets.samples.measuring import SampleMeasuring
from napari_denoisplit.widgets.samples.pinned import PinnedSamples
from napari_denoisplit.widgets.samples.prior import PriorPart

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.layers.found import FoundResult

_SETTLE_MS = 100
_HELP = (
    "Write the plane in sight of all answers, as it is shown: a film (GIF, MP4), or all numbers "
    "(OME-TIFF, answers along time). Of a plane that is larger than the screen, the part in sight."
)


class SamplesWidget(JobWidget):
    """Browse the samples of a split like a film, compare them, and measure what they say.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        verb = "Save film or OME-TIFF…"
        super().__init__(
            napari_viewer, "Look at possible answers", verb, _HELP, start, keeps_part=False
        )
        self.choice = SampleChoice(self._viewer, start, self)
        self.view = ViewChoice(self)
        self.browser = SampleBrowser(self._viewer, self.view, start, self)
        self.player = self.browser.player
        self.transport = Transport(self.player, self)
        self.pins = PinnedSamples(self._viewer, self)
        self.measuring = SampleMeasuring(
            self._viewer, self.browser, self.choice.result.current, start, self
        )
        self.prior = PriorPart(self._viewer, start, self)
        self.show_button = big_button("", self)
        self.show_button.setCheckable(True)
        self.status = Text("What is in sight", self)
        self._seen: tuple[int, tuple[int, ...]] | None = None
        # The plot has its size only when the canvas was made, at its first showing.
        self._settle = timer(self, self._reveal, _SETTLE_MS)
        self._arrange()
        self._connect()
        self._on_choice()

    def _arrange(self) -> None:
        shown = (self.status, self.transport, self.view, self.pins)
        learned = Fold("What the model has learned", self.prior)
        # Before all parts: none is locked while a film is written.
        self._lay_out(
            self.panel,
            "Possible answers",
            self.choice,
            *shown,
            "Measure",
            self.measuring,
            learned,
            above=(self.show_button,),
        )

    def _connect(self) -> None:
        self._take_drops({READABLE: self.choice.add}, self.status)
        self.choice.result.changed.connect(self._on_choice)
        self.choice.result.updated.connect(self._on_updated)
        self.choice.failed.connect(self._fail)
        self.show_button.clicked.connect(self._on_button)
        self.browser.changed.connect(self._refresh)
        self.browser.reader.failed.connect(self._fail)
        self.player.moved.connect(self._on_moved)
        self.player.played.connect(self._on_moved)
        self.view.changed.connect(self._on_view)
        self.pins.pin_clicked.connect(self.pin)
        self.pins.chosen.connect(self._on_pinned)
        self.measuring.found.connect(self._on_found)
        self.measuring.failed.connect(self._fail)
        self.transport.bind_keys(self, self.view.toggle_blink)
        self.prior.model.known.connect(self.model_known)
        for end in (self.browser.hide, self.measuring.stop, self.prior.panel.stop):
            self.undocked.connect(end)
        viewer = self._viewer()
        if viewer is not None:
            viewer.dims.events.current_step.connect(self._on_dims)

    def offer_model(self, path: Path) -> None:
        """Take a model that another page knows of, to see what it has learned."""
        if not self.prior.panel.is_running:
            self.prior.model.offer(path)

    def pin(self) -> None:
        """Keep the sample in sight as layers."""
        chosen = self.browser.chosen
        if chosen is not None:
            self.browser.show()
            limits = self.browser.picture.sample_limits()
            self.pins.pin(
                self.player.index,
                limits or tuple(tuple(layer.contrast_limits) for layer in chosen.samples),
            )

    @property
    def problem(self) -> str:
        """Why nothing can be saved; empty if something can."""
        return "" if self.browser.chosen is not None else "There are no answers to save."

    def _order(self) -> FilmOrder:
        """Take what a film would show now."""
        chosen, picture = self.browser.chosen, self.browser.picture
        if chosen is None:
            raise DenoisplitError(self.problem)
        differs = self.view.what == DIFFERENCE
        settings = FilmSettings(
            **self.transport.settings.values(),
            show="difference" if differs else "sample",
            layout=self.view.layout_wanted,
        )
        as_shown = picture.is_shown and (picture.kind == "difference") == differs
        colours = picture.colours() if as_shown else None
        against = self.view.against if differs else None
        shown, numbers = self.browser.on_screen() or (chosen.split, chosen.split)
        return FilmOrder(shown, numbers, self.browser.plane, settings, against, colours)

    def _begin(self, order: FilmOrder) -> None:
        suggestion = f"{order.stack.name} answers"
        if path := ask_where_to_save(self, "Save answers", suggestion, KINDS):
            self.save(path)

    def save(self, path: Path) -> None:
        """Write a film of the samples, or their numbers; the ending of the name says which."""
        self.panel.run(
            partial(self._order().job, path),
            on_done=self._on_saved,
            title=f"denoiSplit: writing {path.name}",
        )

    def _on_saved(self, path: Path | None) -> None:
        self.panel.say("Stopped; nothing was written." if path is None else f"Saved {path}.")

    @property
    def subject(self) -> tuple[str, str]:
        """Names of the model and the image behind the split that is chosen."""
        return self.choice.result.subject

    def show_newest(self) -> None:
        """Turn to the samples that were made last."""
        self.choice.result.choose_newest()
        self.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        with self.browser.picture.removal.waiting(), self.measuring.marker.removal.waiting():
            self.choice.result.reset_choices()
            self.browser.layers_changed()
            self.measuring.reset_choices()
        self.pins.show_set(self.browser.chosen)

    def _on_choice(self) -> None:
        chosen: FoundResult | None = self.choice.result.chosen
        self.browser.choose(chosen)
        self.measuring.forget()
        self.measuring.reset_choices()
        viewer = self._viewer()
        if chosen is not None and viewer is not None:
            self._seen = chosen.position(viewer)
            self.view.set_size(chosen.split.n_kept, chosen.split.n_structures)
        self.pins.show_set(chosen)
        for part in (self.show_button, self.transport, self.view, self.pins, self.measuring):
            part.setEnabled(chosen is not None)
        self.status.say("")
        self.transport.refresh()
        self._refresh()
        self.subject_changed.emit()

    def _on_updated(self) -> None:
        if (chosen := self.choice.result.chosen) is not None:
            self.browser.update(chosen)
            self.pins.show_set(chosen)

    def _on_button(self) -> None:
        self.status.say("")
        if self.browser.is_shown:
            self.browser.hide()
        else:
            self.choice.result.reset_choices()  # the labels of axes may have changed
            self.browser.show()
        self._refresh()

    def _on_moved(self, *_: object) -> None:
        if self.player.is_playing or not self.browser.is_shown:
            # Whoever moves the slider or presses play wants to see something.
            self.browser.show()
        self._refresh()

    def _on_view(self) -> None:
        self.browser.show()
        self._refresh()

    def _on_pinned(self, index: int) -> None:
        self.player.pause()
        self.browser.show()
        self.player.go(index)

    def _on_found(self) -> None:
        self.status.say("")
        self._settle.start()

    def _reveal(self) -> None:
        self._column.reveal(self.measuring.plot)

    def _on_dims(self, event: object = None) -> None:
        """Follow the viewer's sliders: planes, and the sample where somebody moves that one."""
        viewer, chosen = self._viewer(), self.browser.chosen
        if viewer is None or chosen is None:
            return
        sample, plane = position = chosen.position(viewer)
        before, self._seen = self._seen, position
        if plane != self.browser.plane:
            self.browser.set_plane(plane)
            self.measuring.repeat()
        if before is not None and before[0] != sample and self.browser.is_shown:
            self.player.go(sample)

    def _refresh(self, *_: object) -> None:
        super()._refresh()
        shown = self.browser.is_shown
        self.show_button.setChecked(shown)
        self.show_button.setText("Hide the answers" if shown else "Show the answers")
        self.show_button.setToolTip(
            tooltip("Hide the answer and show again what was there before.")
            if shown
            else tooltip("Show one possible answer at a time in place of the layers of this split.")
        )
        if shown:
            waiting = " Reading…" if self.browser.is_waiting and not self.player.is_playing else ""
            self.status.setText(self.browser.title + waiting)
        self.status.setVisible(shown or bool(self.status.text()))

    def _fail(self, error: Exception) -> None:
        self.player.pause()
        self.panel.notify(error)  # what is said beside the button is about saving
        self.status.say(f"⚠ {explained(error)}")
