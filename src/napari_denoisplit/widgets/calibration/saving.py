"""What becomes of a calibration: into the model, on to Split, its plot and table to files."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.widgets.calibration.run import save_calibration, save_table
from napari_denoisplit.widgets.parts.controls import button, in_a_column, in_a_row
from napari_denoisplit.widgets.parts.dialogs import ask_where_to_save, save_button

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.events import StatusEvent
    from napari_denoisplit.jobs.calibrate.job import Calibrated
    from napari_denoisplit.widgets.parts.plot import ThemePlot
    from napari_denoisplit.widgets.parts.run_panel import RunPanel
    from napari_denoisplit.widgets.parts.worker import JobFactory

_TABLE = "Write the points of the plots as CSV."


class CalibrationSaving(QWidget):
    """Buttons for a calibration that is there.

    Parameters
    ----------
    panel
        Runs the jobs that write.
    plot
        The plot to save.
    use_in_split
        Opens the Split widget with the model that was saved.
    """

    saved = Signal(object)  # the model was written to this path

    def __init__(
        self,
        panel: RunPanel,
        plot: ThemePlot,
        use_in_split: Callable[[], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._result: Calibrated | None = None
        self.saved_as: Path | None = None
        """File that has this calibration; None before it was saved."""
        self.save_button = button(
            "Save in the model…",
            "Write the model with its calibration: the uncertainty of later splits is then "
            "calibrated.",
            self.ask_and_save,
        )
        self.split_button = button(
            "Use in Split", "Open the step Split with this model.", use_in_split
        )
        self.plot_button = plot.save_button("calibration")
        self.table_button = save_button(
            "Save table…", _TABLE, "calibration.csv", {".csv": "Tables"}, self.save_table_to
        )
        model = in_a_row(self.save_button, self.split_button)
        self.setLayout(in_a_column(model, in_a_row(self.plot_button, self.table_button)))
        self.refresh()

    def show_result(self, result: Calibrated | None) -> None:
        """Offer to save this calibration, or nothing."""
        self._result, self.saved_as = result, None
        self.refresh()

    def refresh(self) -> None:
        """Follow what there is, and whether a job runs."""
        self.setVisible(self._result is not None and not self._panel.is_running)
        self.split_button.setEnabled(self.saved_as is not None)

    def save_to(self, path: Path) -> None:
        """Write the calibrated model, in the background."""
        if self._result is not None:
            job = partial(save_calibration, self._result.model, path)
            self._write(job, path, partial(self._saved, path))

    def save_table_to(self, path: Path) -> None:
        """Write the points of the plots, in the background."""
        if self._result is not None:
            said = partial(self._panel.say, f"Table saved as {path}.")
            self._write(partial(save_table, self._result, path), path, said)

    def ask_and_save(self) -> None:
        """Let the user choose where to write the model; by default it is replaced."""
        if self._result is None or not self._is_meant(self._result):
            return
        from napari_denoisplit.images.example.cells import MODEL

        suggestion = self._result.model.path or Path()
        if suggestion == MODEL:  # a new version of the package would replace it
            suggestion = Path.home() / MODEL.name
        kinds = {SUFFIX: "Models"}
        if path := ask_where_to_save(self, "Save in the model", str(suggestion), kinds):
            self.save_to(path)

    def _is_meant(self, result: Calibrated) -> bool:
        """Whether the user wants to save a sigma that is not to be used, if it is such a one."""
        bad = [c.curves.channel for c in result.channels if c.verdict.grade == "do not use"]
        if not bad:
            return True
        answer = QMessageBox.question(
            self,
            "Save nevertheless?",
            f"The verdict on the uncertainty of {' and '.join(bad)} is: do not use. Save it "
            "nevertheless?",
        )
        return bool(answer == QMessageBox.StandardButton.Yes)

    def _write(
        self, job: JobFactory[StatusEvent, Any], path: Path, done: Callable[[], None]
    ) -> None:
        title = f"denoiSplit: saving {path.name}"
        self._panel.run(job, on_done=lambda _: done(), title=title)
        self.refresh()

    def _saved(self, path: Path) -> None:
        self.saved_as = path
        self._panel.say(f"Saved in {path}. Splits by this model now have a calibrated uncertainty.")
        self.saved.emit(path)
