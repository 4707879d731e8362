"""One set of images to calibrate with: of the structures, and recorded superpositions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_denoisplit.errors import ImageError
from napari_denoisplit.widgets.choosers.channels import FILES, LAYERS, ChannelSource
from napari_denoisplit.widgets.choosers.images import FROM_FILES, ImageSource
from napari_denoisplit.widgets.parts.fields import tooltip

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.choosers.channels import TrainInput
    from napari_denoisplit.widgets.choosers.images import SplitInput
    from napari_denoisplit.widgets.choosers.layer import LayerChoice
    from napari_denoisplit.widgets.layers.place import ViewerRef

NOISY, NOISY_CLEAN = "noisy", "noisy and clean"
NOISY_RECORDED, CLEAN_RECORDED = "noisy and recorded", "clean and recorded"
_CLEAN_WORDS = ("clean", "true", "truth")  # in the name of a layer


@dataclass(frozen=True, slots=True)
class CalibrationInput:
    """What to calibrate with, or to judge on, as chosen at the click."""

    noisy: TrainInput | None
    clean: TrainInput | None
    superpositions: tuple[SplitInput, ...]
    """Recorded ones of the same fields; empty to mix the noisy images."""
    t_is_repeats: bool
    """Whether the T axis of the noisy images holds repeated exposures of one place."""


class CalibrationImages(QWidget):
    """Lists of layers or files, as many as the kind of the images needs.

    Parameters
    ----------
    viewer
        Whose layers to choose from.
    name
        What distinguishes this set from another one, for the names of its controls.
    asks_for_repeats
        Whether to ask if time points are repeated exposures.
    """

    changed = Signal()  # other images are chosen

    def __init__(
        self,
        viewer: ViewerRef,
        name: str = "",
        parent: QWidget | None = None,
        *,
        asks_for_repeats: bool = True,
    ) -> None:
        super().__init__(parent)
        self._asks_for_repeats = asks_for_repeats
        self._structures: tuple[str, ...] = ()
        self._kind = NOISY
        self.noisy = _Structures(viewer, f"{name}noisy", self)
        self.clean = _Structures(viewer, f"{name}clean", self)
        self.recorded = ImageSource(viewer, self, one_channel=False)
        self.recorded.kind.setAccessibleName(f"Where the {name}superposition comes from")
        self.titles = {
            source: QLabel(text, self)
            for source, text in (
                (self.noisy, "Noisy images of each structure"),
                (self.clean, "Clean images of each structure"),
                (self.recorded, "Superposition"),
            )
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for source, title in self.titles.items():
            layout.addWidget(title)
            layout.addWidget(source)
            source.changed.connect(self.changed)

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can."""
        for source in self._used():
            if source.problem:
                return str(source.problem)
            if isinstance(source, _Structures) and (problem := self._mismatch(source)):
                return problem
        chosen = self.sources()
        for number, one in enumerate(chosen):
            if one in chosen[:number]:
                return (
                    f"{one.name} is chosen in two lists: noisy images, clean images and "
                    "superpositions are different ones. Choose another for one of the lists."
                )
        return ""

    def set_kind(self, kind: str) -> None:
        """Show the lists that images of this kind need."""
        self._kind = kind
        used = self._used()
        for source, title in self.titles.items():
            source.setVisible(source in used)
            # One list alone needs no title, what is above it says what it is.
            title.setVisible(source in used and len(used) > 1)
        self.noisy.repeats.setVisible(self._asks_for_repeats and kind == NOISY)

    def follow(self, structures: Sequence[str], taken: Collection[object] = ()) -> None:
        """Ask for the structures of a model, and choose the layers that are called like them.

        Parameters
        ----------
        structures
            Names of the model's channels.
        taken
            Layers that are in use elsewhere.
        """
        self._structures = tuple(structures)
        for source in (self.noisy, self.clean):
            source.match(self._structures, taken, anew=True)

    def sources(self) -> list[ImageLayer | Path]:
        """Layers and files that are chosen."""
        return [one for source in self._used() for one in _chosen(source)]

    def add_files(self, paths: list[Path]) -> None:
        """Take files for the first list that is shown and has none yet."""
        (self.without_files() or self._used())[0].add_files(paths)

    def without_files(self) -> list[_Structures | ImageSource]:
        """List what is shown and holds no files."""
        return [source for source in self._used() if not source.files.paths]

    def chosen(self, *, t_is_repeats: bool) -> CalibrationInput:
        """Take what is chosen.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        if self.problem:
            raise ImageError(self.problem)
        used = self._used()
        return CalibrationInput(
            noisy=self.noisy.chosen() if self.noisy in used else None,
            clean=self.clean.chosen() if self.clean in used else None,
            superpositions=self.recorded.chosen() if self.recorded in used else (),
            t_is_repeats=t_is_repeats,
        )

    def reset_choices(self, taken: Collection[object] = ()) -> None:
        """Follow the viewer's layers; what the user has chosen stays.

        Parameters
        ----------
        taken
            Layers that are in use elsewhere.
        """
        for source in self.titles:
            source.reset_choices()
        for source in (self.noisy, self.clean):
            source.match(self._structures, taken)

    def _used(self) -> list[_Structures | ImageSource]:
        noisy = self._kind != CLEAN_RECORDED
        clean = self._kind in (NOISY_CLEAN, CLEAN_RECORDED)
        recorded = self._kind in (NOISY_RECORDED, CLEAN_RECORDED)
        pairs = zip(self.titles, (noisy, clean, recorded), strict=True)
        return [source for source, used in pairs if used]

    def _mismatch(self, source: _Structures) -> str:
        """Say where layers are not the structures of the model, as far as their names tell."""
        found, wanted = source.known_structures(), self._structures
        if not found or not wanted:
            return ""
        if len(found) != len(wanted):
            return (
                f"The model splits into {len(wanted)} structures ({', '.join(wanted)}), "
                f"{len(found)} are chosen: give one of each."
            )
        if found != wanted and sorted(found) == sorted(wanted):
            return (
                f"The layers are in another order ({', '.join(found)}) than the structures of the "
                f"model ({', '.join(wanted)}): swap them."
            )
        by_layer = source.kind.currentData() == LAYERS
        return _misplaced(found, wanted) if by_layer else ""


class _Structures(ChannelSource):
    """Images of each structure, which bear the names that the model has for them."""

    def __init__(self, viewer: ViewerRef, what: str, parent: QWidget) -> None:
        super().__init__(viewer, parent)
        self._is_clean = what.endswith("clean")
        self._is_chosen = False  # by the user
        self._watched: list[LayerChoice] = []
        self.names.hide()
        label = self.layout().labelForField(self.names)
        label.hide()
        self.kind.setAccessibleName(f"Where the {what} images come from")
        self.repeats.setVisible(False)
        self.repeats.setToolTip(
            tooltip(
                "The time points are exposures of one place that did not change. One is then split "
                "and compared with the next, so that input and image share no noise."
            )
        )

    def match(
        self, structures: Sequence[str], taken: Collection[object], *, anew: bool = False
    ) -> None:
        """Have as many lists as there are structures, each at the layer of that name.

        Parameters
        ----------
        structures
            Names of the model's channels.
        taken
            Layers that are in use elsewhere.
        anew
            Whether to forget what the user has chosen.
        """
        rows = self.layers
        while len(rows.choices) < len(structures):
            rows.add()
        while len(rows.choices) > max(2, len(structures)):
            rows.remove()
        for button in (rows.more_button, rows.less_button):
            button.hide()  # the model knows how many there are
        for choice in rows.choices:
            if choice not in self._watched:
                self._watched.append(choice)
                # Only what the user does, not what follows the viewer, speaks for the user.
                choice.focusProxy().activated.connect(self._take_over)
        self._is_chosen = self._is_chosen and not anew
        if self.kind.currentData() != LAYERS or self._is_chosen:
            return
        for choice, name in zip(rows.choices, structures, strict=False):
            free = [layer for layer in choice.layers() if not any(layer is x for x in taken)]
            if (layer := _called_like(free, name, self._is_clean)) is not None:
                choice.layer = layer

    def _take_over(self, *_: object) -> None:
        self._is_chosen = True


def _misplaced(names: Sequence[str], structures: Sequence[str]) -> str:
    """Say which layer is called like another structure than its own; empty if none is."""
    for name, wanted in zip(names, structures, strict=False):
        called = [s for s in structures if s.casefold() in name.casefold()]
        if called and wanted not in called:
            return (
                f"{name!r} is in the place of {wanted}: choose one image of each structure, in the "
                f"order of the model ({', '.join(structures)})."
            )
    return ""


def _called_like(layers: Sequence[ImageLayer], name: str, is_clean: bool) -> ImageLayer | None:
    """Return the layer that looks like the image of a structure, by its name; None: no layer."""
    named = [layer for layer in layers if name.casefold() in layer.name.casefold()]
    fitting = [
        layer
        for layer in named
        if any(word in layer.name.casefold() for word in _CLEAN_WORDS) == is_clean
    ]
    return min(fitting, key=lambda layer: len(layer.name), default=None)


def _chosen(source: ChannelSource | ImageSource) -> list[ImageLayer | Path]:
    """Layers or files of one list."""
    kind = source.kind.currentData()
    if kind in (FILES, FROM_FILES):
        return list(source.files.paths)
    if isinstance(source, ImageSource):
        layers = [source.layer.layer]
    else:
        layers = (
            [c.layer for c in source.layers.choices] if kind == LAYERS else [source.stack.layer]
        )
    return [layer for layer in layers if layer is not None]
