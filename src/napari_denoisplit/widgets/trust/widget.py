"""The widget that judges a split: whether to believe what it shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_denoisplit.images.layer_record import MMSE
from napari_denoisplit.widgets.choosers.result import ResultChoice
from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES
from napari_denoisplit.widgets.parts.fields import control_alone
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.trust.mask import MaskPart
from napari_denoisplit.widgets.trust.objects import ObjectsPart
from napari_denoisplit.widgets.trust.residual import ResidualPart
from napari_denoisplit.widgets.trust.samples import SamplesPart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.parts.fields import Control


class TrustWidget(DockedWidget):
    """Judge a split whose layers are in the viewer: residual, trust mask, agreement of samples.

    Parameters
    ----------
    napari_viewer
        The viewer; napari finds the parameter by its name.
    start
        How a job is run.
    """

    def __init__(self, napari_viewer: Viewer, start: Start = start_job) -> None:
        super().__init__(napari_viewer, "Trust")
        self.split = ResultChoice(
            self._viewer,
            MMSE,
            "Split",
            "Layers that a split has made of one image.",
            _title,
            self,
        )
        self.residual = ResidualPart(self._viewer, start, self)
        self.mask = MaskPart(self._viewer, self)
        self.objects = ObjectsPart(self._viewer, self.mask, start, self)
        self.samples = SamplesPart(self._viewer, start, self)
        self._lay_out(
            "Split",
            self.split,
            "Does the split explain the image?",
            self.residual,
            self.residual.panel,
            "Where does structure stand out?",
            self.mask,
            "How sure is the mean of an object?",
            self.objects,
            "What do the answers agree on?",
            self.samples,
        )
        self._connect()
        self.reset_choices()

    def _connect(self) -> None:
        self._take_drops({MODEL_SUFFIXES: self.residual.model.add}, self.residual.panel.status)
        self.split.changed.connect(self._on_split)
        self.residual.panel.finished.connect(partial(self._column.reveal, self.residual.verdict))
        parts = self.residual, self.residual.adapting, self.objects, self.samples
        for part in parts:
            self.undocked.connect(part.panel.stop)

    @property
    def settings_alone(self) -> Mapping[str, Control]:
        """What is trusted, and how many alternatives are looked for."""
        alone = {"limit": self.mask.slider, "n_alternatives": self.samples.n_answers}
        return {name: control_alone(widget) for name, widget in alone.items()}

    def offer_model(self, path: Path) -> None:
        """Take a model where the split does not know its own."""
        if self.residual.model.header is None:
            self.residual.model.offer(path)

    @property
    def subject(self) -> tuple[str, str]:
        """Names of the model and the image behind the split that is chosen."""
        return self.split.subject

    def show_newest(self) -> None:
        """Turn to the split that was made last."""
        self.split.choose_newest()
        self.reset_choices()

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        self.split.reset_choices()
        self._on_split()

    def _on_split(self, *_: object) -> None:
        for part in (self.residual, self.mask, self.objects, self.samples):
            part.set_result(self.split.chosen)
        self.subject_changed.emit()


def _title(result: FoundResult) -> str:
    kept = f", {result.split.n_kept} answers" if result.split.n_kept else ", no answers kept"
    return f"{result.name} ({' + '.join(result.split.structures)}{kept})"
