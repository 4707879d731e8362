"""The chooser of images for some role: layers of the viewer, a layer's channels, or files."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.channels import channel_titles
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.widgets.choosers.channels import ChannelChoice, FilesKnown, look_up
from napari_denoisplit.widgets.choosers.chosen import ChosenImage
from napari_denoisplit.widgets.choosers.layer import LayerChoice
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.choosers.structures import LayerPerStructure
from napari_denoisplit.widgets.layers.place import image_of_layer, place_of_layer
from napari_denoisplit.widgets.parts.controls import Text, check_box, text_line
from napari_denoisplit.widgets.parts.dropping import FileList, file_pattern
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box, show_row
from napari_denoisplit.widgets.parts.latest import LatestJob
from napari_denoisplit.widgets.parts.worker import start_job

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.layers.place import ViewerRef

_NAMES = "What the structures are called, with commas. Left empty, as the images are."

Way = Literal["layer", "layers", "stack", "files", "file"]
LAYER: Way = "layer"
LAYERS: Way = "layers"
CHANNELS: Way = "stack"
FILES: Way = "files"
FILE: Way = "file"


_Asked = tuple[tuple["Path", ...], int]  # files, and when the first was changed


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
    missing: str = "Add or drop images."
    """What to do while there is no file."""
    channel: str = ""
    """What channels of an image that has several are chosen for, as a tooltip; empty for all."""
    one_channel: bool = False
    """Whether exactly one is chosen."""
    same_fields: bool = False
    """Whether layers of structures must agree in size."""
    names: bool = False
    """Whether structures can be given other names than their images have."""
    follows: bool = False
    """Whether a layer that is only proposed follows what is opened or activated later."""
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

    # The choices, each only where images can be given in that way.
    layer: LayerChoice
    layers: LayerPerStructure
    stack: LayerChoice
    files: FileList
    file: PathChoice

    def __init__(self, viewer: ViewerRef, role: Role, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = role
        self.kind = narrow_box(role.where, role.help_text, self, items=role.ways)
        self._pages = {way: _page(way, role, viewer) for way in role.ways}
        self._known: dict[_Asked, FilesKnown] = {}
        self._lookup = LatestJob(start_job, self)
        self._lookup.answered.connect(self._on_files)
        self.told = Text("About the files", self)
        self.channel_choice = ChannelChoice(role.channel, one=role.one_channel, parent=self)
        self.names = text_line("Names of the structures", _NAMES)
        self.repeats = check_box("T holds repeats of one place", role.repeats, self)
        self._form = form_layout(self)
        self._form.addRow("From", self.kind)
        for way, page in self._pages.items():
            setattr(self, way, page)
            self._form.addRow(*([role.name, page] if way in (LAYER, FILE) else [page]))
            page.changed.connect(self._refresh)
        self._form.addRow(self.told)
        self._form.addRow("Channels", self.channel_choice)
        self._form.addRow("Names", self.names)
        self._form.addRow(self.repeats)
        show_row(self._form, self.names, role.names)
        show_row(self._form, self.repeats, bool(role.repeats))
        self.kind.currentIndexChanged.connect(self._refresh)
        self.channel_choice.changed.connect(self._refresh)
        self.names.textChanged.connect(self._refresh)
        self._refresh()

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
        if self.channel_choice.boxes and not self.channel_choice.titles:
            problem = problem or "Choose a channel."
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

    def take_layer(self, layer: ImageLayer) -> None:
        """Take a layer, and go by that."""
        self.kind.setCurrentIndex(self.kind.findData(LAYER))
        self.layer.layer = layer

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
        channels = self.channel_choice.chosen
        images = [ChosenImage(path.name, path, channels=channels) for path in self._files.once]
        for choice in self.choices:
            if (layer := choice.layer) is not None:
                image = image_of_layer(layer, choice.axes)
                place = place_of_layer(layer, choice.axes)
                images.append(ChosenImage(image.name, image, layer, place, channels))
        return tuple(images)

    def reset_choices(self) -> None:
        """Follow the viewer's layers."""
        for way in (LAYER, LAYERS, CHANNELS):
            if way in self._pages:
                self._pages[way].reset_choices()

    def _found(self) -> tuple[str, ...]:
        """Names that layers and channels suggest; empty where only reading would tell."""
        if self.way == LAYERS:
            return tuple(layer.name for layer in self.layers.chosen())
        return self.channel_choice.titles

    def _offered(self) -> tuple[str, ...]:
        """Channels to choose from: of the layer, or of the first file."""
        if not self._role.channel or self.way == LAYERS:
            return ()
        if self.way in (FILE, FILES):
            titles: tuple[str, ...] = self._files.channels
            return titles
        choice = self.choices[0]
        if choice.layer is None or "C" not in choice.axes:
            return ()
        return channel_titles(image_of_layer(choice.layer, choice.axes))

    @property
    def _files(self) -> FilesKnown:
        """What is known of the files; nothing until it has been looked up in the background."""
        asked = _asked(self.paths)
        if asked not in self._known:
            paths = self.paths
            # Behind the same first file the choice stays meanwhile.
            alike = [one.channels for one in self._known.values() if one.once[:1] == paths[:1]]
            self._known[asked] = FilesKnown(paths, paths, alike[-1] if alike else ())
            if paths:
                self._lookup.ask(partial(look_up, paths))
        return self._known[asked]

    def _on_files(self, known: FilesKnown) -> None:
        self._known[_asked(known.paths)] = known
        self._refresh()

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
        self.told.say("\n".join(self._files.told))
        self.channel_choice.offer(self._offered())
        show_row(self._form, self.channel_choice, bool(self.channel_choice.boxes))
        self.names.setPlaceholderText(", ".join(self._found()) or "as in the files")
        self.changed.emit()


def _asked(paths: tuple[Path, ...]) -> _Asked:
    """Tell files by when the first was changed, too: its channels may have got other names."""
    try:
        changed = paths[0].stat().st_mtime_ns if paths else 0
    except OSError:
        changed = 0  # reading it says what is wrong
    return paths, changed


def _page(way: Way, role: Role, viewer: ViewerRef) -> Any:
    """Make the controls for one way to give images."""
    if way == LAYER:
        return LayerChoice(viewer, role.name, follows=role.follows)
    if way == LAYERS:
        return LayerPerStructure(viewer, same_fields=role.same_fields)
    if way == CHANNELS:
        return LayerChoice(viewer, "Layer with channels", with_channels=True)
    if way == FILES:
        return FileList("images", READABLE)
    return PathChoice(role.name, file_pattern("Images", READABLE), kind="file or folder")
