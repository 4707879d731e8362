"""The switch of the lens, which splits what is on screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.fault_report import explained
from napari_denoisplit.widgets.parts.controls import Text, check_box, in_a_column
from napari_denoisplit.widgets.split.lens_run import LensChoice, LensRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.parts.worker import Start

_HELP = (
    "Split only the part of the layer that is on screen, and again after each move, zoom or step "
    "through T and Z. It shows what a split of the whole image will show there, better and better "
    "while the view rests."
)
_KEEP = "Otherwise the layers of the lens go with it."


class Lens(QWidget):
    """Switches the lens on and off, and says how far it is.

    Parameters
    ----------
    viewer
        Whose screen to follow.
    start
        How a job is run.
    choose
        Says what to split; raises a DenoisplitError that says what is missing.
    """

    failed = Signal(object)  # the error that ended a session

    def __init__(
        self,
        viewer: ViewerRef,
        start: Start,
        choose: Callable[[], LensChoice],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._start, self._choose = viewer, start, choose
        self._run: LensRun | None = None
        self.switch = check_box("Split what is on screen", _HELP, self)
        self.keep = check_box("Keep its layers when switched off", _KEEP, self)
        self.status = Text("Status of the lens", self)
        self.setLayout(in_a_column(self.switch, self.keep, self.status))
        self.switch.toggled.connect(self._follow)

    @property
    def is_on(self) -> bool:
        """Whether a session follows the screen."""
        return self._run is not None and self._run.is_open

    @property
    def is_busy(self) -> bool:
        """Whether a session has not ended yet."""
        return self._run is not None

    def refresh(self) -> None:
        """Follow the choices: a session under way begins anew if it would show something else."""
        self._follow()

    def close_session(self) -> None:
        """End the session, if there is one."""
        self.switch.setChecked(False)

    def _follow(self, *_: object) -> None:
        """Begin, end or change the session as the switch and the choices ask for."""
        wanted, obstacle = None, ""
        if self.switch.isChecked():
            try:
                wanted = self._choose()
            except DenoisplitError as error:
                obstacle = str(error)
        self.keep.setVisible(self.switch.isChecked())
        if self._run is None:
            if wanted is not None:
                self._begin(wanted)
        elif self._run.is_open and (wanted is None or wanted.key != self._run.choice.key):
            # Another one begins when the thread of this one is free.
            self._run.close(keep_layers=self.keep.isChecked() and not self.switch.isChecked())
        if wanted is None:
            self.status.say(obstacle)

    def _begin(self, choice: LensChoice) -> None:
        self.status.say("Starting…")
        self._run = LensRun(self._viewer, self._start, choice, self)
        self._run.said.connect(self.status.say)
        self._run.outdated.connect(self._begin_anew)
        self._run.ended.connect(self._on_ended)
        self._run.begin()

    def _begin_anew(self) -> None:
        if self._run is not None:
            self._run.close(keep_layers=False)

    def _on_ended(self, error: Exception | None) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.deleteLater()
        if error is None:
            self._follow()
            return
        self.switch.setChecked(False)
        self.status.say(f"⚠ {explained(error)}")
        self.failed.emit(error)
