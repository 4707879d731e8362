"""Samples that are kept as layers of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QListWidget,
    QListWidgetItem,
    QSizePolicy,
    QWidget,
)

from napari_denoisplit.images.layer_record import (
    PINNED_SAMPLE,
    layer_metadata,
    layer_name,
    record_of,
)
from napari_denoisplit.images.place import SAMPLE
from napari_denoisplit.images.results.layers import turned
from napari_denoisplit.widgets.layers.results import same_selection
from napari_denoisplit.widgets.parts.controls import button, in_a_row
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.samples.picture import colormap_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.results.pictures import Limits
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

_ROW = 22  # pixels of a row of the list, about
_INDEX = Qt.ItemDataRole.UserRole


class PinnedSamples(QWidget):
    """A list of the samples that were pinned; the layers themselves say which these are.

    Parameters
    ----------
    viewer
        Where the layers are.
    """

    chosen = Signal(int)  # a pinned sample was chosen in the list: its number, from 0
    pin_clicked = Signal()

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._set: FoundResult | None = None
        self.button = button(
            "Pin", "Keep this answer (posterior sample) as layers of its own, in all planes."
        )
        self.list = QListWidget(self)
        self.list.setAccessibleName("Pinned answers")
        self.list.setToolTip(tooltip("Pinned answers: click one to see it again."))
        self.list.setFlow(QListWidget.Flow.LeftToRight)
        self.list.setFixedHeight(_ROW + 8)
        self.list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.hide()  # empty, it looks like a button without a name
        self.setLayout(in_a_row(self.button, self.list))
        self.button.clicked.connect(self.pin_clicked)
        self.list.itemClicked.connect(lambda item: self.chosen.emit(item.data(_INDEX)))

    @property
    def indices(self) -> tuple[int, ...]:
        """Samples that are pinned, from 0."""
        return tuple(self.list.item(row).data(_INDEX) for row in range(self.list.count()))

    def show_set(self, chosen: FoundResult | None) -> None:
        """List what is pinned of a set."""
        self._set = chosen
        found = sorted({record["index"] for record in self._records()})
        if found != list(self.indices):
            self.list.clear()
            for index in found:
                item = QListWidgetItem(f"{index + 1}")
                item.setToolTip(f"answer {index + 1}")
                item.setData(_INDEX, index)
                self.list.addItem(item)
        self.list.setVisible(bool(found))

    def pin(self, index: int, limits: Sequence[Limits]) -> None:
        """Add layers of one sample, in the colours of the samples; nothing is copied.

        Parameters
        ----------
        index
            Number of the sample, from 0.
        limits
            Display limits of each structure.
        """
        viewer, chosen = self._viewer(), self._set
        if viewer is None or chosen is None or index in self.indices:
            return
        axes = chosen.sample_axes.replace(SAMPLE, "")
        turn = [chosen.split.axes.index(axis) for axis in axes]
        with same_selection(viewer.layers.selection):
            for number in reversed(range(chosen.split.n_structures)):
                levels = [
                    turned(one.need_samples()[number][index], turn)
                    for one in (chosen.split, *chosen.split.coarser)
                ]
                structure, source = chosen.split.structures[number], chosen.samples[number]
                viewer.add_image(
                    levels if len(levels) > 1 else levels[0],
                    multiscale=len(levels) > 1,
                    name=layer_name(chosen.name, structure, f"answer {index + 1}"),
                    colormap=colormap_of(chosen, number),
                    blending="additive",
                    contrast_limits=limits[number],
                    visible=False,
                    metadata=layer_metadata(
                        record_of(source.metadata),
                        image=chosen.name,
                        structure=structure,
                        kind=PINNED_SAMPLE,
                        index=index,
                    ),
                    **chosen.place.keywords(axes),
                )
        self.show_set(chosen)

    def _records(self) -> list[dict[str, Any]]:
        viewer = self._viewer()
        if viewer is None or self._set is None:
            return []
        kind = PINNED_SAMPLE, self._set.name
        every = [record_of(layer.metadata) for layer in viewer.layers]
        return [x for x in every if (x.get("kind"), x.get("input")) == kind]
