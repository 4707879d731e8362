"""The part of the Trust widget that marks where structure stands out from its uncertainty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.images.sample_stack import drawn_in_pairs
from napari_denoisplit.widgets.fields import form_layout, guard_wheel, tooltip
from napari_denoisplit.widgets.layers import plain_array
from napari_denoisplit.widgets.trust_objects import ObjectTable

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_denoisplit.measures.trust import ObjectSummary
    from napari_denoisplit.widgets.layers import ViewerRef
    from napari_denoisplit.widgets.trust_layers import SplitGroup

__all__ = ["MaskPart"]

_PERCENT = 33  # at first: structure three sigma above the background
_MOST = 150
_SETTLE_MS = 40  # a slider moves faster than large labels are drawn
_OWN = "parts of the mask"  # no wider than a narrow dock shows
_LEAST_PIXELS = 20
_COLORS = {None: (0.0, 0.0, 0.0, 0.0), 1: (0.2, 0.85, 0.35, 1.0)}  # seen on dark and on bright


class MaskPart(QWidget):
    """Slider, Labels layer and table of objects."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._group: SplitGroup | None = None
        self._ratio: NDArray[np.float32] | None = None
        self._layer: Labels | None = None
        self._objects: tuple[ObjectSummary, ...] = ()
        self.structure = _box("Structure", "Which structure to look at.", self)
        self.slider, self.background = _slider(self), _background(self)
        self.show_button = QPushButton("Show the trust mask", self)
        self.show_button.setToolTip("Add the mask as a Labels layer that follows the slider.")
        self.status = QLabel(self)
        self.about = QLabel(self)
        for label in (self.status, self.about):
            label.setWordWrap(True)
            label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        what = "Objects to sum up: of a Labels layer, or connected in the mask."
        self.objects = _box("Objects", what, self)
        self._say("")
        self.sum_button, self.save_button = _buttons(self)
        self.table = ObjectTable(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_MS)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        form = form_layout()
        form.addRow("Structure", self.structure)
        form.addRow("Background", self.background)
        self.threshold = QLabel(self)
        form.addRow(self.threshold, self.slider)
        buttons = QHBoxLayout()
        buttons.addWidget(self.sum_button)
        buttons.addWidget(self.save_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        for part in (self.show_button, self.status, self.about):
            layout.addWidget(part)
        row = form_layout()
        row.addRow("Objects", self.objects)
        layout.addLayout(row)
        layout.addLayout(buttons)
        layout.addWidget(self.table)

    def _connect(self) -> None:
        self.structure.currentIndexChanged.connect(self._on_structure)
        self.background.valueChanged.connect(self._on_background)
        self.slider.valueChanged.connect(self._on_slider)
        self._timer.timeout.connect(self._update)
        self.show_button.clicked.connect(self.show_mask)
        self.sum_button.clicked.connect(self.sum_up)
        self.save_button.clicked.connect(self._ask_and_save)
        self.table.chosen.connect(self._go_to)
        self._on_slider()

    @property
    def limit(self) -> float:
        """Largest sigma over signal."""
        return float(self.slider.value()) / 100

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Marked pixels, in the order of the layers' axes."""
        from napari_denoisplit.measures.trust import relative_uncertainty

        c = self.structure.currentIndex()
        if self._group is None or c < 0:
            return None
        if self._ratio is None:  # not before somebody wants to see it: stacks are large
            mmse, sigma = (np.asarray(x[c].data) for x in (self._group.mmse, self._group.sigma))
            self._ratio = relative_uncertainty(mmse, sigma, self.background.value())
        return self._ratio <= self.limit

    def set_group(self, group: SplitGroup | None) -> None:
        """Take another split."""
        before = None if self._group is None else self._group.key
        self._group = group if group is not None and group.sigma else None
        key = None if self._group is None else self._group.key
        if key != before:
            self._layer = None  # the mask of another split stays as it is
            self.structure.clear()
            self.structure.addItems(() if self._group is None else self._group.structures)
        self.setEnabled(self._group is not None)
        if self._group is None:
            self._say("Needs a split with sigma: two samples or more.")
        self.about.setText("" if self._group is None else _about(self._group))
        self.follow_layers()

    def follow_layers(self) -> None:
        """List the Labels layers of the viewer."""
        from napari.layers import Labels

        viewer, chosen = self._viewer(), self.objects.currentText()
        names = [_OWN]
        if viewer is not None:
            own = (
                None
                if self._layer is None or self._layer not in viewer.layers
                else self._layer.name
            )
            names += [x.name for x in viewer.layers if isinstance(x, Labels) and x.name != own]
        self.objects.clear()
        self.objects.addItems(names)
        self.objects.setCurrentText(chosen)

    def show_mask(self) -> None:
        """Add the Labels layer, or bring it up to date."""
        self._ratio = None  # a split may have gone on since
        viewer, group, mask = self._viewer(), self._group, self.mask
        if viewer is None or group is None or mask is None:
            return
        if self._layer is not None and any(x is self._layer for x in viewer.layers):
            self._update()
            return
        from napari.utils.colormaps import DirectLabelColormap

        # napari hands plugins a proxy; the layer itself is what lives in the list.
        layer = viewer.add_labels(
            mask.astype(np.uint8),
            name=f"{group.name} · {self.structure.currentText()} · trusted",
            opacity=0.5,
            colormap=DirectLabelColormap(color_dict=_COLORS),
            metadata={"denoisplit": {"kind": "trust mask", "input": group.name}},
            **group.keywords(),
        )
        self._layer = getattr(layer, "__wrapped__", layer)
        self._update()

    def sum_up(self) -> None:
        """Fill the table."""
        self._ratio = None  # a split may have gone on since
        group, mask = self._group, self.mask
        labels = self._chosen_labels(mask)
        if group is None or mask is None or labels is None:
            return
        from napari_denoisplit.measures.trust import summarize_objects  # imports scipy

        c = max(self.structure.currentIndex(), 0)
        samples = plain_array(group.samples[c].data) if group.samples else None
        mmse, sigma = (np.asarray(x[c].data) for x in (group.mmse, group.sigma))
        self._objects = summarize_objects(
            labels, mmse, sigma, mask, samples, mirrored=drawn_in_pairs(group.record)
        )
        self.table.show_objects(self._objects)
        kept = "" if group.samples else " No samples are kept, so that means have no interval."
        self._say(f"{len(self._objects)} objects.{kept}")

    def save_table(self, path: Path) -> None:
        """Write the table as CSV."""
        from napari_denoisplit.measures.trust import write_objects

        write_objects(path, self._objects)
        self._say(f"{len(self._objects)} objects saved in {path}.")

    def _chosen_labels(self, mask: NDArray[np.bool_] | None) -> NDArray[np.integer] | None:
        from napari_denoisplit.measures.trust import connected_objects

        name, viewer = self.objects.currentText(), self._viewer()
        if mask is None or viewer is None:
            return None
        if name == _OWN or name not in viewer.layers:
            return connected_objects(mask, _LEAST_PIXELS)
        labels = np.asarray(viewer.layers[name].data)
        if labels.shape != mask.shape:
            self._say(
                f"⚠ {name!r} has shape {labels.shape}, the split {mask.shape}: choose labels of "
                "the same image."
            )
            return None
        return labels

    def _say(self, text: str) -> None:
        self.status.setText(text)
        self.status.setVisible(bool(text))

    def _on_structure(self, *_: object) -> None:
        from napari_denoisplit.measures.trust import background_of

        self._ratio = None
        if self._group is None or self.structure.currentIndex() < 0:
            return
        mmse = np.asarray(self._group.mmse[self.structure.currentIndex()].data)
        self.background.blockSignals(True)
        self.background.setValue(background_of(mmse))
        self.background.blockSignals(False)
        self._on_background()

    def _on_background(self, *_: object) -> None:
        self._ratio = None
        self._update()

    def _on_slider(self, *_: object) -> None:
        self.threshold.setText(f"σ ≤ {self.slider.value()}%")
        self.threshold.setMinimumWidth(self.threshold.fontMetrics().horizontalAdvance("σ ≤ 150%"))
        self._timer.start()

    def _update(self) -> None:
        viewer, group = self._viewer(), self._group
        if viewer is None or self._layer is None or self._layer not in viewer.layers:
            return
        mask = self.mask
        if mask is None or group is None:
            return
        self._say(
            f"{mask.mean():.1%} of the pixels show {self.structure.currentText()} of at least "
            f"{1 / self.limit:.1f} σ above or below the background."
        )
        self._layer.data = mask.astype(np.uint8)
        name = f"{group.name} · {self.structure.currentText()} · trusted"
        if self._layer.name != name:
            self._layer.name = name

    def _go_to(self, row: int) -> None:
        viewer, group = self._viewer(), self._group
        if viewer is None or group is None:
            return
        one = self._objects[row]
        place = group.mmse[0].data_to_world((*one.plane, one.y, one.x))
        for axis, point in enumerate(place[:-2], start=viewer.dims.ndim - len(place)):
            viewer.dims.set_point(axis, point)
        camera = getattr(viewer, "scene", viewer).camera  # in the scene from napari 0.9 on
        camera.center = (*camera.center[:-2], *place[-2:])

    def _ask_and_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the table", "objects.csv", "Tables (*.csv)"
        )
        if name:
            self.save_table(Path(name))


def _slider(parent: QWidget) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal, parent)
    slider.setRange(1, _MOST)
    slider.setValue(_PERCENT)
    slider.setAccessibleName("Largest sigma, percent of the signal")
    slider.setToolTip(
        tooltip(
            "Pixels are marked where sigma is at most this share of the signal above the "
            "background. 33% is a signal of three sigma."
        )
    )
    guard_wheel(slider)
    return slider


def _background(parent: QWidget) -> QDoubleSpinBox:
    box = QDoubleSpinBox(parent)
    box.setRange(-1e9, 1e9)
    box.setDecimals(1)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(60)  # its range alone would make the dock wider
    box.setAccessibleName("Background")
    box.setToolTip(
        tooltip("Grey level without structure; at first the 10th percentile of the MMSE.")
    )
    guard_wheel(box)
    return box


def _buttons(parent: QWidget) -> tuple[QPushButton, QPushButton]:
    """To sum up objects, and to save the table."""
    sum_up, save = QPushButton("Sum up objects", parent), QPushButton("Save table…", parent)
    sum_up.setToolTip(
        tooltip(
            "Mean, 95% interval and trusted share of every object. The interval is that of the "
            "samples' means, so that errors that neighbouring pixels share are in it."
        )
    )
    save.setToolTip(tooltip("Write the table as CSV."))
    return sum_up, save


def _about(group: SplitGroup) -> str:
    scaled = (
        "σ is the spread of the model's samples, scaled to errors that were measured on held-out "
        "images"
        if group.calibrated
        else "σ is the plain spread of the model's samples, not calibrated"
    )
    return (
        f"{scaled}. It says what the image leaves open to this model, not where the model itself "
        "is wrong: check the residual for that."
    )


def _box(name: str, text: str, parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    box.setAccessibleName(name)
    box.setToolTip(tooltip(text))
    box.setMinimumContentsLength(10)
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    guard_wheel(box)
    return box
