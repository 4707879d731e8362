"""The widget that judges a split: whether to believe what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.widgets.parts.docked import DockedWidget
from napari_denoisplit.widgets.parts.dropping import MODEL_SUFFIXES
from napari_denoisplit.widgets.parts.fields import narrow_box
from napari_denoisplit.widgets.parts.worker import Start, start_job
from napari_denoisplit.widgets.trust.layers import split_groups
from napari_denoisplit.widgets.trust.mask import MaskPart
from napari_denoisplit.widgets.trust.objects import ObjectsPart
from napari_denoisplit.widgets.trust.residual import ResidualPart
from napari_denoisplit.widgets.trust.samples import SamplesPart

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer

    from napari_denoisplit.widgets.trust.layers import SplitGroup


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
        self._groups: tuple[SplitGroup, ...] = ()
        self.split = narrow_box(
            "Split", "Layers that the Split widget has made of one image.", self
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
            "Where is structure above its σ?",
            self.mask,
            "How sure is the mean of an object?",
            self.objects,
            "What do the samples agree on?",
            self.samples,
        )
        self._connect()
        self.reset_choices()

    def _connect(self) -> None:
        self._take_drops(MODEL_SUFFIXES, self.residual.panel.say)
        self.split.currentIndexChanged.connect(self._on_split)
        for panel in (self.residual.panel, self.objects.panel, self.samples.panel):
            self.undocked.connect(panel.stop)

    @property
    def group(self) -> SplitGroup | None:
        """The split that is judged."""
        row = self.split.currentIndex()
        return self._groups[row] if 0 <= row < len(self._groups) else None

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        viewer, before = self._viewer(), self.group
        self._groups = () if viewer is None else split_groups(viewer.layers)
        keys = [group.key for group in self._groups]
        self.split.blockSignals(True)
        self.split.clear()
        self.split.addItems([_title(group) for group in self._groups])
        if before is not None and before.key in keys:
            self.split.setCurrentIndex(keys.index(before.key))
        self.split.blockSignals(False)
        self.residual.input.reset_choices()
        self._on_split()

    def _on_split(self, *_: object) -> None:
        for part in (self.residual, self.mask, self.objects, self.samples):
            part.set_group(self.group)

    def open_files(self, paths: list[Path]) -> None:
        """Take the model of the split, as if it was dropped here."""
        self.residual.model.open(paths[-1])


def _title(group: SplitGroup) -> str:
    kept = f", {group.n_samples} samples" if group.n_samples else ", no samples kept"
    return f"{group.name} ({' + '.join(group.structures)}{kept})"
