"""The base of what runs one job, a page or a part of it: form, drop, obstacle, run, error."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.run_panel import RunPanel

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.parts.worker import Start


class RunsJob:
    """A widget with a button that runs a job.

    What stands in the way of the job, how far it is and what came of it is said beside the button.
    """

    panel: RunPanel

    def _take_panel(self, panel: RunPanel) -> None:
        self.panel = panel
        panel.start_clicked.connect(self.run)
        panel.finished.connect(self._refresh)

    @property
    @abstractmethod
    def problem(self) -> str:
        """Why the job cannot start; empty if it can."""

    @abstractmethod
    def _order(self) -> Any:
        """Take what was chosen.

        Raises
        ------
        DenoisplitError
            Something cannot be used; it says what.
        pydantic.ValidationError
            Settings do not go together.
        """

    @abstractmethod
    def _begin(self, order: Any) -> None:
        """Start the job by the panel."""

    def run(self) -> None:
        """Check the choices and run the job."""
        self._run_with(self._order)

    def _run_with(self, take_order: Callable[[], Any]) -> None:
        """Run the job with these choices, unless something stands in its way, which is said."""

        def checked() -> Any:
            if self.problem:
                raise DenoisplitError(self.problem)
            return take_order()

        order = self.panel.checked(checked)
        if order is not None:
            self._begin(order)
            self._refresh()

    def _refresh(self, *_: object) -> None:
        """Follow a choice that was changed, or the end of a job."""
        self.panel.set_obstacle(self.problem)


class JobWidget(RunsJob, DockedWidget):
    """A page whose form has a button below it that runs a job.

    Parameters
    ----------
    napari_viewer
        The viewer; it is held weakly.
    name
        What the widget is for.
    verb, help_text
        Text of the button, and its tooltip.
    start
        How a job is run.
    keeps_part
        Whether a job that is stopped keeps what there is so far.
    """

    def __init__(
        self,
        napari_viewer: Viewer,
        name: str,
        verb: str,
        help_text: str,
        start: Start,
        *,
        keeps_part: bool = True,
    ) -> None:
        super().__init__(napari_viewer, name)
        self._take_panel(RunPanel(verb, help_text, start, self, keeps_part=keeps_part))
        self.undocked.connect(self.panel.stop)


class JobPart(RunsJob, QWidget):
    """A part of a page that runs a job of its own; see `JobWidget` for the parameters."""

    def __init__(self, verb: str, help_text: str, start: Start, parent: QWidget) -> None:
        super().__init__(parent)
        self._take_panel(RunPanel(verb, help_text, start, self))
