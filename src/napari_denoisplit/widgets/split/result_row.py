"""Buttons for the results of a run as a whole: save, hide, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from qtpy.QtWidgets import QMessageBox, QWidget

from napari_denoisplit.images.layer_record import MMSE, kind_of
from napari_denoisplit.widgets.layers.found import find_results
from napari_denoisplit.widgets.layers.removal import remove_in_turn
from napari_denoisplit.widgets.layers.view import grid_of
from napari_denoisplit.widgets.parts.controls import button, check_box, in_a_column, in_a_row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef
    from napari_denoisplit.widgets.split.saving import Result

_SAVE = (
    "Write best estimate, uncertainty and answers (MMSE, sigma, samples) as OME-TIFF files. "
    "Results on disk stay OME-Zarr: temporary ones are moved, others are copied."
)
_HIDE = "Show the image that was split in place of the result, or the other way round."
_GRID = "Show the image that was split and its structures side by side, or on top of each other."
_CONTRAST = "One contrast for all that stand side by side, so that grey levels can be compared."
_REMOVE = "Remove all layers of the result from the viewer. What was saved stays on disk."
_ASK = "Remove the result? What you have not saved is lost."


class ResultRow(QWidget):
    """Save, hide or remove what the last run has made.

    Parameters
    ----------
    viewer
        Whose layers show the results.
    results
        Gives those that are still there.
    save
        Called at a click on Save.
    """

    def __init__(
        self,
        viewer: ViewerRef,
        results: Callable[[], Sequence[Result]],
        save: Callable[[], None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._results = viewer, results
        self.save_button = button("Save results…", _SAVE, save)
        self.hide_button = button("Show/hide", _HIDE, self._toggle)
        self.grid_button = button("Grid", _GRID, self._toggle_grid)
        self.remove_button = button("Remove", _REMOVE, self._ask_and_remove)
        self.contrast_box = check_box("Same contrast", _CONTRAST, self)
        self.contrast_box.toggled.connect(self._link_contrast)
        self.contrast_box.hide()
        self._linked = WeakKeyDictionary["ImageLayer", tuple[float, float]]()  # own contrasts
        buttons = (self.save_button, self.hide_button, self.grid_button, self.remove_button)
        self.setLayout(in_a_column(in_a_row(*buttons), self.contrast_box))

    def _layers(self) -> list[ImageLayer]:
        found = []
        for result in self._results():
            alive = (result.layers.alive(key) for key in result.layers.keys())
            found += [layer for layer in alive if layer is not None]
        return found

    def _toggle(self) -> None:
        layers = self._layers()
        is_shown = any(layer.visible for layer in layers)
        for layer in layers:
            layer.visible = not is_shown and kind_of(layer.metadata) == MMSE
        for layer in self._inputs(layers):
            layer.visible = is_shown

    def _toggle_grid(self) -> None:
        if (viewer := self._viewer()) is None:
            return
        grid, layers = grid_of(viewer), self._layers()
        grid.stride = 1  # the lowest layer, the image, comes first
        grid.enabled = not grid.enabled
        for layer in layers:
            layer.visible = kind_of(layer.metadata) == MMSE
        for layer in self._inputs(layers):
            layer.visible = grid.enabled
        viewer.reset_view()
        self.contrast_box.setChecked(False)
        self.contrast_box.setVisible(grid.enabled)

    def _link_contrast(self, linked: bool) -> None:
        from napari.experimental import link_layers, unlink_layers

        if linked:
            layers = self._layers()
            shown = [one for one in (*self._inputs(layers), *layers) if one.visible]
            for layer in shown:
                self._linked[layer] = tuple(layer.contrast_limits)
            low = min((low for low, _ in self._linked.values()), default=0.0)
            high = max((high for _, high in self._linked.values()), default=1.0)
            for layer in shown:
                layer.contrast_limits = (low, high)
            link_layers(shown, ("contrast_limits",))
            return
        if self._linked:  # or all were removed, and napari knows no link of nothing
            unlink_layers(list(self._linked), ("contrast_limits",))
        for layer, own in self._linked.items():
            layer.contrast_limits = own
        self._linked.clear()

    def _inputs(self, layers: Sequence[ImageLayer]) -> list[ImageLayer]:
        """Find the images that were split."""
        viewer = self._viewer()
        found = () if viewer is None else find_results(viewer.layers, MMSE)
        mine = {id(layer) for layer in layers}
        return [one.input for one in found if one.input is not None and id(one.mmse[0]) in mine]

    def _ask_and_remove(self) -> None:
        if QMessageBox.question(self, "denoiSplit", _ASK) == QMessageBox.StandardButton.Yes:
            layers = self._layers()
            for image in self._inputs(layers):
                image.visible = True
            remove_in_turn(self._viewer, layers)
