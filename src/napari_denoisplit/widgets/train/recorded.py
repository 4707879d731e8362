"""The choice of images that show all structures together, to learn from in place of mixed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.widgets.choosers.images import ImageChooser
from napari_denoisplit.widgets.choosers.roles import RECORDED
from napari_denoisplit.widgets.parts.controls import check_box
from napari_denoisplit.widgets.parts.fields import form_layout

if TYPE_CHECKING:
    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.place import ViewerRef


class RecordedChoice(QWidget):
    """A box to tick, and below it the images.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    """

    changed = Signal()  # something else is chosen

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.use = check_box(
            "Recorded together, too",
            "The network learns from images of the same fields that show all structures at once, "
            "as those that it will split, in place of mixed channels; how they are mixed is "
            "measured.",
            self,
        )
        self.source = ImageChooser(viewer, RECORDED, self)
        form = form_layout(self)
        form.addRow(self.use)
        form.addRow(self.source)
        self.source.hide()
        self.use.toggled.connect(self._refresh)
        self.source.changed.connect(self.changed)

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can, or none are wanted."""
        return self.source.problem if self.use.isChecked() else ""

    def chosen(self) -> tuple[ChosenImage, ...]:
        """Take the images; none where they are not wanted.

        Raises
        ------
        ImageError
            They cannot be used.
        """
        return self.source.chosen() if self.use.isChecked() else ()

    def _refresh(self, wanted: bool) -> None:
        self.source.setVisible(wanted)
        self.changed.emit()
