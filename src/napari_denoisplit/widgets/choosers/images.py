"""The chooser of images for some role: layers of the viewer, a layer's channels, or files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.choosers.chosen import ChosenImage
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.choosers.structures import MOST_CHANNELS, LayerPerStructure
from napari_denoisplit.widgets.layers.place import image_of_layer, place_of_layer
from napari_denoisplit.widgets.parts.controls import check_box, refill, text_line
from napari_denoisplit.widgets.parts.dropping import IMAGE_SUFFIXES, TIFF_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, show_row

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef

Way = Literal["layer", "layers", "channels", "files", "file"]
LAYER: Way = "layer"
LAYERS: Way = "layers"
CHANNELS: Way = "channels"
FILES: Way = "files"
FILE: Way = "file"


@dataclass(frozen=True, slots=True)
class Role:
    """What images are wanted for: in which ways they can be given, and what else is asked."""

    ways: Mapping[Way, str]
    """What each way is called."""
    where: str
    """What the choice among the ways is called, for those who do not see it."""
    help_text: str
    """Its tooltip."""
    name: str = "Image"
    missing: str = "Add or drop TIFF or OME-Zarr images."
    """What to do while there is no file."""
    channel: str = ""
    """What to do with the channel of an image that has several, as a tooltip; empty for all."""
    any_channel: str = ""
    """What it means to choose no channel; empty where that is for images that have one."""
    names: bool = False
    """Whether structures can be given other names than their images have."""
    repeats: str = ""
    """What it means that T holds repeated exposures, as a tooltip; empty not to ask."""


class ImageChooser(QWidget):
    """Choice of one or more images.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    role
        What the images are for.
    """

    changed = Signal()  # something else is chosen

    def __init__(self, viewer: ViewerRef, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self.kind = narrow_box(role.where, role.help_text, self, items=role.ways)
        self._pages = {way: _page(way, role, viewer) for way in role.ways}
        self.channel = narrow_box("Channel", role.channel or "Which channel.", self)
        self.names = text_line(
            "Names of the structures",
            "What the structures are called, with commas. Left empty, as the images are.",
        )
        self.repeats = check_box("T holds repeats of one place", role.repeats, self)
        self._form = form_layout(self)
        self._form.addRow("From", self.kind)
        for way, page in self._pages.items():
            self._form.addRow(*([role.name, page] if way in (LAYER, FILE) else [page]))
            page.changed.connect(self._refresh)
        self._form.addRow("Channel", self.channel)
        self._form.addRow("Names", self.names)
        self._form.addRow(self.repeats)
        show_row(self._form, self.names, role.names)
        show_row(self._form, self.repeats, bool(role.repeats))
        self.kind.currentIndexChanged.connect(self._refresh)
        self.channel.currentIndexChanged.connect(self.changed)
        self.names.textChanged.connect(self._refresh)
        self._refresh()

    @property
    def layer(self) -> LayerChoice:
        """The choice of one layer."""
        choice: LayerChoice = self._pages[LAYER]
        return choice

    @property
    def layers(self) -> LayerPerStructure:
        """The choice of a layer for each structure."""
        choice: LayerPerStructure = self._pages[LAYERS]
        return choice

    @property
    def stack(self) -> LayerChoice:
        """The choice of a layer with channels."""
        choice: LayerChoice = self._pages[CHANNELS]
        return choice

    @property
    def files(self) -> FileList:
        """The list of files."""
        choice: FileList = self._pages[FILES]
        return choice

    @property
    def file(self) -> PathChoice:
        """The choice of one file."""
        choice: PathChoice = self._pages[FILE]
        return choice

    @property
    def way(self) -> Way:
        """How images are given."""
        way: Way = self.kind.currentData()
        return way

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can."""
        if self.way not in (FILE, FILES):
            problem = str(self._pages[self.way].problem)
        elif not self.paths:
            problem = self._role.missing
        else:
            gone = [path for path in self.paths if self.way == FILE and not path.exists()]
            problem = f"{gone[0]} does not exist." if gone else ""
        return problem or self._problem_with_names()

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files that are chosen; empty where layers are."""
        paths: tuple[Path, ...] = self._pages[self.way].paths if self.way in (FILE, FILES) else ()
        return paths

    @property
    def choices(self) -> list[LayerChoice]:
        """Choices of layers that are in use; empty where files are chosen."""
        if self.way == LAYERS:
            return list(self.layers.choices)
        return [] if self.way in (FILE, FILES) else [self._pages[self.way]]

    @property
    def sources(self) -> list[ImageLayer | Path]:
        """Layers or files that are chosen."""
        return [*(c.layer for c in self.choices if c.layer is not None), *self.paths]

    @property
    def typed_names(self) -> tuple[str, ...]:
        """Names of the structures, as the user has typed them."""
        return tuple(name.strip() for name in self.names.text().split(",") if name.strip())

    @property
    def structures(self) -> tuple[str, ...]:
        """Names of the structures, one each; empty where only the files will tell how many."""
        return self.typed_names or self._found()

    @property
    def t_is_repeats(self) -> bool:
        """Whether the T axis holds repeated exposures of one place."""
        return bool(self._role.repeats) and self.repeats.isChecked()

    def add_files(self, paths: list[Path]) -> None:
        """Take files, and go by those."""
        self.kind.setCurrentIndex(self.kind.count() - 1)  # files come last in every role
        self._pages[self.way].add(paths)

    def chosen(self) -> tuple[ChosenImage, ...]:
        """Take what is chosen.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        if self.problem:
            raise ImageError(self.problem)
        channel = self.channel.currentData()
        images = [ChosenImage(path.name, path, channel=channel) for path in self.paths]
        for choice in self.choices:
            if (layer := choice.layer) is not None:
                image = image_of_layer(layer, choice.axes)
                place = place_of_layer(layer, choice.axes)
                images.append(ChosenImage(image.name, image, layer, place, channel))
        return tuple(images)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for way in (LAYER, LAYERS, CHANNELS):
            if way in self._pages:
                self._pages[way].reset_choices()

    def _found(self) -> tuple[str, ...]:
        """Names that the layers suggest; empty for files."""
        if self.way == LAYERS:
            return tuple(layer.name for layer in self.layers.chosen())
        if self.way == CHANNELS:
            return tuple(f"channel {number + 1}" for number in range(self._n_channels() or 0))
        return ()

    def _n_channels(self) -> int | None:
        """Count the channels of the layer that is chosen; None where only reading would tell."""
        if self.way in (FILE, FILES):
            return None
        choice = self.choices[0]
        if choice.layer is None or "C" not in choice.axes:
            return 0
        return image_of_layer(choice.layer, choice.axes).n_channels

    def _problem_with_names(self) -> str:
        names, expected = self.typed_names, len(self._found())
        if len(set(names)) < len(names):
            return f"Two structures are called the same ({', '.join(names)})."
        if names and expected and len(names) != expected:
            return f"{len(names)} names for {expected} structures: give one each, or none."
        return ""

    def _refresh(self, *_: object) -> None:
        for way, page in self._pages.items():
            show_row(self._form, page, way == self.way)
        self._offer_channels()
        self.names.setPlaceholderText(", ".join(self._found()) or "as in the files")
        self.changed.emit()

    def _offer_channels(self) -> None:
        known = self._n_channels() if self._role.channel else 0
        offered: list[int | None] = list(range(MOST_CHANNELS if known is None else known))
        if known is None or self._role.any_channel:
            offered.insert(0, None)
        if offered != [self.channel.itemData(row) for row in range(self.channel.count())]:
            before = self.channel.currentData()
            nothing = self._role.any_channel or "the only one"
            items = [(nothing if n is None else f"channel {n + 1}", n) for n in offered]
            refill(self.channel, items, offered.index(before) if before in offered else 0)
        show_row(self._form, self.channel, len(offered) > 1)


def _page(way: Way, role: Role, viewer: ViewerRef) -> Any:
    """Make the controls for one way to give images."""
    if way == LAYER:
        return LayerChoice(viewer, role.name)
    if way == LAYERS:
        return LayerPerStructure(viewer)
    if way == CHANNELS:
        return LayerChoice(viewer, "Layer with channels", with_channels=True)
    if way == FILES:
        return FileList("TIFF or OME-Zarr images", IMAGE_SUFFIXES)
    pattern = f"TIFF files ({' '.join(f'*{suffix}' for suffix in TIFF_SUFFIXES)})"
    return PathChoice(role.name, pattern, kind="file or folder")
