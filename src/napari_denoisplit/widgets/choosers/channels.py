"""What to train on: layers, one layer with channels, or files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.layers.place import Place, image_of_layer, place_of_layer
from napari_denoisplit.widgets.parts.dropping import IMAGE_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import form_layout, guard_wheel, tooltip

if TYPE_CHECKING:
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.widgets.layers.place import ViewerRef

LAYERS = "layers"
ONE_LAYER = "one layer"
FILES = "files"
_MOST_CHANNELS = 16


@dataclass(frozen=True, slots=True)
class TrainInput:
    """What to train on, as chosen at the click: images of layers, or files to be read."""

    images: tuple[Image, ...]
    paths: tuple[Path, ...]
    names: tuple[str, ...]
    """Names of the structures; empty to go by the images."""
    place: Place | None
    """Where the images lie in the viewer; None for files."""
    t_is_repeats: bool = False
    """Whether the T axis holds repeated exposures of one place."""


class ChannelSource(QWidget):
    """Choice of the images of the structures, each alone, of the same fields of view."""

    changed = Signal()  # something else is to be trained on

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = _kind_choice(self)
        self.layers = LayerPerStructure(viewer, self)
        self.stack = LayerChoice(viewer, "Layer with channels", with_channels=True, parent=self)
        self.files = FileList("TIFF or OME-Zarr images", IMAGE_SUFFIXES, self)
        self.names = QLineEdit(self)
        self.names.setAccessibleName("Names of the structures")
        self.names.setToolTip(
            tooltip("What the structures are called, with commas. Left empty, as the images are.")
        )
        self.repeats = _repeats_box(self)
        form = form_layout(self)
        form.addRow("From", self.kind)
        for page in (self.layers, self.stack, self.files):
            form.addRow(page)
        form.addRow("Names", self.names)
        form.addRow(self.repeats)
        self.kind.currentIndexChanged.connect(self._refresh)
        self.layers.changed.connect(self._refresh)
        self.stack.changed.connect(self._refresh)
        self.files.changed.connect(self._refresh)
        self.names.textChanged.connect(self._refresh)
        self._refresh()

    @property
    def problem(self) -> str:
        """Why training cannot start with this; empty if it can."""
        kind = self.kind.currentData()
        if kind == FILES:
            problem = (
                "" if self.files.paths else "Add or drop TIFF or OME-Zarr images of the structures."
            )
        else:
            problem = self.layers.problem if kind == LAYERS else self.stack.problem
        return problem or self._problem_with_names()

    def _problem_with_names(self) -> str:
        names, expected = self._names(), len(self._found())
        if len(set(names)) < len(names):
            return f"Two structures are called the same ({', '.join(names)})."
        if names and expected and len(names) != expected:
            return f"{len(names)} names for {expected} structures: give one each, or none."
        return ""

    def structures(self) -> tuple[str, ...]:
        """Names of the structures: as typed, or as the images suggest before they are read."""
        return self._names() or self._found() or tuple(path.stem for path in self.files.paths)

    def known_structures(self) -> tuple[str, ...]:
        """Names of the structures, one each; empty where only the files will tell how many."""
        return self._names() or self._found()

    def _found(self) -> tuple[str, ...]:
        """Names that the layers suggest; empty for files."""
        kind = self.kind.currentData()
        if kind == LAYERS:
            return tuple(layer.name for layer in self.layers.chosen())
        layer = self.stack.layer
        if kind == ONE_LAYER and layer is not None and self.stack.axes:
            n = image_of_layer(layer, self.stack.axes).n_channels
            return tuple(f"channel {number + 1}" for number in range(n))
        return ()

    def add_files(self, paths: list[Path]) -> None:
        """Append files and train on those."""
        self.kind.setCurrentIndex(self.kind.findData(FILES))
        self.files.add(paths)

    def chosen(self) -> TrainInput:
        """Take what is to be trained on.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        if self.problem:
            raise ImageError(self.problem)
        kind = self.kind.currentData()
        if kind == FILES:
            return TrainInput((), self.files.paths, self._names(), None, self.repeats.isChecked())
        choices = self.layers.choices if kind == LAYERS else [self.stack]
        pairs = [(c.layer, c.axes) for c in choices if c.layer is not None]
        images = tuple(image_of_layer(layer, axes) for layer, axes in pairs)
        place = place_of_layer(*pairs[0])
        return TrainInput(images, (), self._names(), place, self.repeats.isChecked())

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        self.layers.reset_choices()
        self.stack.reset_choices()

    def _names(self) -> tuple[str, ...]:
        return tuple(name.strip() for name in self.names.text().split(",") if name.strip())

    def _refresh(self, *_: object) -> None:
        kind = self.kind.currentData()
        self.layers.setVisible(kind == LAYERS)
        self.stack.setVisible(kind == ONE_LAYER)
        self.files.setVisible(kind == FILES)
        self.names.setPlaceholderText(", ".join(self._found()) or "as in the files")
        self.changed.emit()


class LayerPerStructure(QWidget):
    """A list of layers for each structure, two or more."""

    changed = Signal()  # another layer was chosen, or their number changed

    def __init__(self, viewer: ViewerRef, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.choices: list[LayerChoice] = []
        self._rows = QVBoxLayout()
        self.more_button = QPushButton("One more structure", self)
        self.more_button.setToolTip("Add a layer that shows a further structure.")
        self.more_button.clicked.connect(self.add)
        self.less_button = QPushButton("One less", self)
        self.less_button.setToolTip("Leave the last structure out.")
        self.less_button.clicked.connect(self.remove)
        buttons = QHBoxLayout()
        buttons.addWidget(self.more_button)
        buttons.addWidget(self.less_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._rows)
        layout.addLayout(buttons)
        self.add()
        self.add()

    @property
    def problem(self) -> str:
        """Why these layers cannot be used together; empty if they can."""
        for choice in self.choices:
            if choice.problem:
                return choice.problem
        chosen = self.chosen()
        if len({id(layer) for layer in chosen}) < len(chosen):
            return "Two structures come from the same layer: choose another for one of them."
        shapes = {layer.name: tuple(layer.data.shape) for layer in chosen if not layer.multiscale}
        if len(set(shapes.values())) > 1:
            sizes = ", ".join(f"{name}: {shape}" for name, shape in shapes.items())
            return f"The layers differ in size ({sizes}): they must show the same fields."
        return ""

    def chosen(self) -> list[ImageLayer]:
        """Return the chosen layers, in the order of the structures."""
        return [choice.layer for choice in self.choices if choice.layer is not None]

    def add(self) -> None:
        """Add a structure."""
        if len(self.choices) < _MOST_CHANNELS:
            choice = LayerChoice(self._viewer, f"Structure {len(self.choices) + 1}", parent=self)
            self.choices.append(choice)
            self._rows.addWidget(choice)
            self._spread()
            choice.changed.connect(self.changed)
        self._refresh()

    def remove(self) -> None:
        """Leave out the last structure; two remain."""
        if len(self.choices) > 2:
            choice = self.choices.pop()
            self._rows.removeWidget(choice)
            choice.setParent(None)
            choice.deleteLater()
        self._refresh()

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for choice in self.choices:
            choice.reset_choices()
        self._spread()

    def _spread(self) -> None:
        """Where two structures have the same layer, give the later one that is not taken."""
        taken: list[int] = []
        for choice in self.choices:
            if id(choice.layer) in taken:
                free = [layer for layer in choice.layers() if id(layer) not in taken]
                if free:
                    choice.layer = free[0]
            taken.append(id(choice.layer))

    def _refresh(self) -> None:
        self.less_button.setVisible(len(self.choices) > 2)
        self.more_button.setVisible(len(self.choices) < _MOST_CHANNELS)
        self.changed.emit()


def _repeats_box(parent: QWidget) -> QCheckBox:
    box = QCheckBox("T holds repeats of one place", parent)
    box.setAccessibleName("T holds repeats of one place")
    box.setToolTip(
        tooltip(
            "The time points are exposures of one place that did not change, not a time-lapse. "
            "Noise models are then fitted to their differences, which is the best way."
        )
    )
    return box


def _kind_choice(parent: QWidget) -> QComboBox:
    box = QComboBox(parent)
    box.setAccessibleName("Where the structures come from")
    box.setToolTip(
        tooltip(
            "Images of each structure alone, of the same fields of view: one layer per structure, "
            "one layer with a channel axis, or files, TIFF or OME-Zarr (one per structure, or with "
            "channels)."
        )
    )
    box.addItem("layers, one per structure", LAYERS)
    box.addItem("one layer with channels", ONE_LAYER)
    box.addItem("files", FILES)
    guard_wheel(box)
    return box
