"""One set of images to calibrate with: of the structures, and recorded superpositions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_denoisplit.widgets.choosers.images import LAYERS, ImageChooser
from napari_denoisplit.widgets.choosers.roles import STRUCTURES, SUPERPOSITION
from napari_denoisplit.widgets.parts.controls import in_a_column

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from napari.layers import Image as ImageLayer

    from napari_denoisplit.widgets.choosers.chosen import ChosenImage
    from napari_denoisplit.widgets.layers.place import ViewerRef

NOISY, NOISY_CLEAN = "noisy", "noisy and clean"
NOISY_RECORDED, CLEAN_RECORDED = "noisy and recorded", "clean and recorded"
_CLEAN_WORDS = ("clean", "true", "truth")  # in the name of a layer
_REPEATS = (
    "The time points are exposures of one place that did not change. One is then split and "
    "compared with the next, so that input and image share no noise."
)


@dataclass(frozen=True, slots=True)
class CalibrationInput:
    """What to calibrate with, or to judge on, as chosen at the click; empty what is not used."""

    noisy: tuple[ChosenImage, ...]
    clean: tuple[ChosenImage, ...]
    superpositions: tuple[ChosenImage, ...]
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
        where = f"Where the {name}superposition comes from"
        role = replace(SUPERPOSITION, where=where, channel="", follows=False)
        self.recorded = ImageChooser(viewer, role, self)
        self._titles: dict[ImageChooser, QLabel] = {
            self.noisy: QLabel("Noisy images of each structure", self),
            self.clean: QLabel("Clean images of each structure", self),
            self.recorded: QLabel("Superposition", self),
        }
        self.setLayout(in_a_column(*(part for pair in self._titles.items() for part in pair[::-1])))
        for chooser in self._titles:
            chooser.changed.connect(self.changed)

    @property
    def problem(self) -> str:
        """Why the images cannot be used; empty if they can."""
        for chooser in self._used:
            if chooser.problem:
                return chooser.problem
            if chooser is not self.recorded and (problem := self._mismatch(chooser)):
                return problem
        for number, one in enumerate(self.sources):
            if one in self.sources[:number]:
                return f"{one.name} is chosen in two lists: choose another for one of them."
        return ""

    @property
    def sources(self) -> list[ImageLayer | Path]:
        """Layers and files that are chosen."""
        return [one for chooser in self._used for one in chooser.sources]

    @property
    def without_files(self) -> list[ImageChooser]:
        """What is shown and holds no files."""
        return [chooser for chooser in self._used if not chooser.files.paths]

    @property
    def _used(self) -> list[ImageChooser]:
        used = {
            NOISY: [self.noisy],
            NOISY_CLEAN: [self.noisy, self.clean],
            NOISY_RECORDED: [self.noisy, self.recorded],
            CLEAN_RECORDED: [self.clean, self.recorded],
        }
        return list(used[self._kind])

    def set_kind(self, kind: str) -> None:
        """Show the lists that images of this kind need."""
        self._kind = kind
        for chooser, title in self._titles.items():
            chooser.setVisible(chooser in self._used)
            # One list alone needs no title, what is above it says what it is.
            title.setVisible(chooser in self._used and len(self._used) > 1)
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
        for chooser in (self.noisy, self.clean):
            chooser.match(self._structures, taken, anew=True)

    def add_files(self, paths: list[Path]) -> None:
        """Take files for the first list that is shown and has none yet."""
        (self.without_files or self._used)[0].add_files(paths)

    def chosen(self, *, t_is_repeats: bool) -> CalibrationInput:
        """Take what is chosen.

        Raises
        ------
        ImageError
            It cannot be used.
        """
        noisy, clean, recorded = (c.chosen() if c in self._used else () for c in self._titles)
        return CalibrationInput(noisy, clean, recorded, t_is_repeats)

    def reset_choices(self, taken: Collection[object] = ()) -> None:
        """Follow the viewer's layers; what the user has chosen stays.

        Parameters
        ----------
        taken
            Layers that are in use elsewhere.
        """
        for chooser in self._titles:
            chooser.reset_choices()
        for structures in (self.noisy, self.clean):
            structures.match(self._structures, taken)

    def _mismatch(self, chooser: ImageChooser) -> str:
        """Say where layers are not the structures of the model, as far as their names tell."""
        found, wanted = chooser.structures, self._structures
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
        return _misplaced(found, wanted) if chooser.way == LAYERS else ""


class _Structures(ImageChooser):
    """Images of each structure, which bear the names that the model has for them."""

    def __init__(self, viewer: ViewerRef, what: str, parent: QWidget) -> None:
        where = f"Where the {what} images come from"
        help_text = f"{STRUCTURES.help_text} All must show the same fields of view."
        role = replace(
            STRUCTURES,
            where=where,
            help_text=help_text,
            same_fields=True,
            names=False,
            repeats=_REPEATS,
        )
        super().__init__(viewer, role, parent)
        self.repeats.hide()
        self._is_clean = what.endswith("clean")
        self._is_picked = False  # by the user
        self.layers.picked.connect(self._on_picked)

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
        self.layers.fix(len(structures))
        self._is_picked = self._is_picked and not anew
        if self.way != LAYERS or self._is_picked:
            return
        for choice, name in zip(self.layers.choices, structures, strict=False):
            free = [layer for layer in choice.layers() if not any(layer is x for x in taken)]
            if (layer := _called_like(free, name, self._is_clean)) is not None:
                choice.layer = layer

    def _on_picked(self) -> None:
        self._is_picked = True


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
