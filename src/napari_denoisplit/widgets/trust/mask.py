"""The part of the Trust widget that marks where structure stands out from its uncertainty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)

from napari_denoisplit.images.layer_record import TRUST_MASK, layer_metadata, layer_name
from napari_denoisplit.settings import ObjectSettings
from napari_denoisplit.widgets.layers.place import full_resolution
from napari_denoisplit.widgets.parts.boxes import NumberBox, guard_wheel
from napari_denoisplit.widgets.parts.controls import Text, in_a_column
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, tooltip
from napari_denoisplit.widgets.parts.timer import timer
from napari_denoisplit.widgets.trust.showing import hide_results

if TYPE_CHECKING:
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

_MOST_PERCENT = 150
_SETTLE_MS = 40  # a slider moves faster than large labels are drawn
_MOST_PIXELS = 2**27  # MMSE, sigma and their ratio are held in memory
_FEW = 1000  # pixels along an edge tell the background
_NO_SIGMA = "Needs a split with an uncertainty (sigma): two answers or more."
_COLORS = {None: (0.0, 0.0, 0.0, 0.0), 1: (0.2, 0.85, 0.35, 1.0)}  # seen on dark and on bright


class MaskPart(QWidget):
    """Structure, background and slider, and the Labels layer that follows them."""

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._result: FoundResult | None = None
        self._ratio: NDArray[np.float32] | None = None
        self.layer: Labels | None = None
        """What shows the mask; it may be gone from the viewer."""
        self.structure = narrow_box("Structure", "Which structure to look at.", self)
        self.slider, self.background = _slider(self), _background(self)
        self.threshold = QLabel(self)
        self.show_button = QPushButton("Show the trust mask", self)
        self.show_button.setToolTip("Add the mask as a Labels layer that follows the slider.")
        self.status, self.about = (
            Text("Status of the mask", self),
            Text("What the uncertainty is", self),
        )
        self._timer = timer(self, self._update, _SETTLE_MS)
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        form = form_layout(rows={"Structure": self.structure, "Background": self.background})
        form.addRow(self.threshold, self.slider)
        self.setLayout(in_a_column(form, self.show_button, self.status, self.about))

    def _connect(self) -> None:
        self.structure.currentIndexChanged.connect(self._on_structure)
        self.background.valueChanged.connect(self._on_background)
        self.slider.valueChanged.connect(self._on_slider)
        self.show_button.clicked.connect(self.show_mask)
        self._on_slider()

    @property
    def chosen(self) -> ObjectSettings:
        """What is trusted, as the slider and the background say."""
        limit, background = self.slider.value() / 100, self.background.value()
        return ObjectSettings(limit=limit, background=background)

    @property
    def channel(self) -> int:
        """Which structure is looked at."""
        return max(int(self.structure.currentIndex()), 0)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Marked pixels, in the order of the layers' axes."""
        from napari_denoisplit.measures.trust.mask import relative_uncertainty

        if not self._has_sigma or self._result is None or self.structure.currentIndex() < 0:
            return None
        if self._ratio is None:  # not before somebody wants to see it: stacks are large
            layers = self._result.mmse[self.channel], self._result.sigma[self.channel]
            mmse, sigma = (np.asarray(full_resolution(layer)) for layer in layers)
            self._ratio = relative_uncertainty(mmse, sigma, self.background.value())
        return self._ratio <= self.chosen.limit

    def set_result(self, result: FoundResult | None) -> None:
        """Take another split."""
        before = None if self._result is None else self._result.key
        self._result = result
        key = None if self._result is None else self._result.key
        if key != before:
            self.layer = None  # the mask of another split stays as it is
            self.structure.clear()
            self.structure.addItems(() if self._result is None else self._result.split.structures)
        if key != before or key is None:
            self.status.say("" if result is None or result.sigma else _NO_SIGMA)
        self.setEnabled(self._result is not None)
        for part in (self.slider, self.background, self.threshold):
            part.setEnabled(self._has_sigma)
        large = self._result is not None and np.prod(self._result.shape, dtype=float) > _MOST_PIXELS
        self.show_button.setEnabled(self._has_sigma and not large)
        if large:
            self.status.say("This split is too large for a mask in memory: crop it first.")
        self.about.say(_about(self._result) if self._has_sigma and self._result else "")

    @property
    def _has_sigma(self) -> bool:
        """Whether there is a mask; without, the structure alone is chosen, for its objects."""
        return self._result is not None and bool(self._result.sigma)

    def show_mask(self) -> None:
        """Add the Labels layer, or bring it up to date."""
        self._ratio = None  # a split may have gone on since
        viewer, result, mask = self._viewer(), self._result, self.mask
        if viewer is None or result is None or mask is None:
            return
        hide_results(self._viewer, result)
        result.mmse[self.channel].visible = True  # below the mask
        if self.layer is not None and any(x is self.layer for x in viewer.layers):
            self.layer.visible = True
            self._update()
            return
        from napari.utils.colormaps import DirectLabelColormap

        # napari hands plugins a proxy; the layer itself is what lives in the list.
        layer = viewer.add_labels(
            mask.astype(np.uint8),
            name=self._layer_name(result),
            opacity=0.5,
            colormap=DirectLabelColormap(color_dict=_COLORS),
            metadata=layer_metadata(image=result.name, kind=TRUST_MASK),
            **result.place.keywords(result.axes),
        )
        self.layer = getattr(layer, "__wrapped__", layer)
        self._update()

    def _layer_name(self, result: FoundResult) -> str:
        return layer_name(result.name, self.structure.currentText(), "trusted")

    def _on_structure(self, *_: object) -> None:
        from napari_denoisplit.measures.trust.mask import background_of

        self._ratio = None
        if self._result is None or self.structure.currentIndex() < 0:
            return
        self.background.blockSignals(True)
        pixels = _few_pixels(self._result.mmse[self.channel])
        self.background.setDecimals(_decimals(pixels))
        self.background.setValue(background_of(pixels))
        self.background.blockSignals(False)
        self._on_background()

    def _on_background(self, *_: object) -> None:
        self._ratio = None
        self._update()

    def _on_slider(self, *_: object) -> None:
        self.threshold.setText(f"Uncertainty ≤ {self.slider.value()}%")
        self.threshold.setMinimumWidth(
            self.threshold.fontMetrics().horizontalAdvance(f"Uncertainty ≤ {_MOST_PERCENT}%")
        )
        self._timer.start()

    def _update(self) -> None:
        viewer, result = self._viewer(), self._result
        if viewer is None or self.layer is None or self.layer not in viewer.layers:
            if self.show_button.isEnabled():
                self.status.say("")  # what was said of a mask that is gone
            return
        mask = self.mask
        if mask is None or result is None:
            return
        self.status.say(
            f"{mask.mean():.1%} of the pixels show {self.structure.currentText()} at least "
            f"{1 / self.chosen.limit:.1f} times its uncertainty (σ) above or below the background."
        )
        self.layer.data = mask.astype(np.uint8)
        if self.layer.name != self._layer_name(result):
            self.layer.name = self._layer_name(result)


def _slider(parent: QWidget) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal, parent)
    slider.setRange(1, _MOST_PERCENT)
    slider.setValue(round(100 * ObjectSettings().limit))
    slider.setAccessibleName("Largest uncertainty, percent of the signal")
    slider.setToolTip(
        tooltip(
            "Pixels are marked where the uncertainty (sigma) is at most this share of the signal "
            "above the background. 33% is a signal of three sigma."
        )
    )
    guard_wheel(slider)
    return slider


def _background(parent: QWidget) -> NumberBox:
    box = NumberBox(parent)
    box.setRange(-1e9, 1e9)
    box.setKeyboardTracking(False)
    box.setMinimumWidth(60)  # its range alone would make the dock wider
    box.setAccessibleName("Background")
    box.setToolTip(
        tooltip("Grey level without structure; at first the 10th percentile of the best estimate.")
    )
    guard_wheel(box)
    return box


def _decimals(pixels: NDArray[np.floating]) -> int:
    """Return decimals that tell a thousandth of the range: images may lie between 0 and 1."""
    known = pixels[np.isfinite(pixels)]
    extent = float(np.ptp(known)) if known.size else 0.0
    return int(np.clip(3 - np.floor(np.log10(extent)), 1, 9)) if extent > 0 else 1


def _about(result: FoundResult) -> str:
    scaled = (
        "The uncertainty (σ) is the spread of the model's answers, scaled to errors that were "
        "measured on held-out images"
        if result.split.calibrated
        else "The uncertainty (σ) is the plain spread of the model's answers, not calibrated"
    )
    return (
        f"{scaled}. It says what the image leaves open to this model, not where the model itself "
        "is wrong: check the residual for that."
    )


def _few_pixels(layer: Any) -> NDArray[np.floating]:
    """Return pixels enough to tell the background, of a layer that may be larger than memory."""
    data = full_resolution(layer)
    steps = [slice(None, None, max(1, n // _FEW)) for n in data.shape[-2:]]
    leading = data.shape[:-2]
    planes = [tuple(round(share * (n - 1)) for n in leading) for share in (0, 0.5, 1)]
    chosen = [np.asarray(data[(*plane, *steps)]) for plane in dict.fromkeys(planes)]
    return np.stack(chosen)
