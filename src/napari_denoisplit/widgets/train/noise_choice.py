"""Which noise models a training uses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.widgets.choosers.known_model import KnownModel
from napari_denoisplit.widgets.parts.controls import DetailsButton, Text, in_a_column
from napari_denoisplit.widgets.parts.dropping import NOISE_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import form_layout, narrow_box
from napari_denoisplit.widgets.parts.grade_words import grade_text, verdict_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_AUTOMATIC, _GIVEN = "automatic", "given"


class NoiseChoice(QWidget):
    """Whether noise models are fitted, or which are taken for the structures, in their order."""

    changed = Signal()  # another source, or other models

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[Path, KnownModel | Exception] = {}
        self._structures: tuple[str, ...] = ()
        self.kind = narrow_box(
            "Noise models",
            "What the noise of each channel is like: estimated from the images themselves, or "
            "taken from Tools > Noise model or from files, one per structure in their order.",
            self,
            items={_AUTOMATIC: "from the images", _GIVEN: "one per structure"},
        )
        self.files = FileList("noise models", NOISE_SUFFIXES, self)
        self.about = Text("Noise model of each structure", self)
        self.copy_button = DetailsButton(self)
        self.not_needed = QLabel("This method needs no noise models.", self)
        self._chooser = QWidget(self)
        form = form_layout(self._chooser, {"Noise models": self.kind})
        form.addRow(self.files)
        form.addRow(in_a_column(self.about, self.copy_button))
        self.setLayout(in_a_column(self._chooser, self.not_needed))
        self.kind.currentIndexChanged.connect(self._refresh)
        self.files.changed.connect(self._on_files)
        self._refresh()

    @property
    def _is_given(self) -> bool:
        return bool(self.kind.currentData() == _GIVEN)

    @property
    def models(self) -> tuple[NoiseModel | Path, ...]:
        """A model, or the file of one, for each structure; empty where they are fitted."""
        if not self._is_given:
            return ()
        known = [self._known.get(path) for path in self.files.paths]
        return tuple(one.model for one in known if isinstance(one, KnownModel))

    @property
    def problem(self) -> str:
        """Why the choice cannot be used; empty if it can."""
        if not self._is_given:
            return ""
        for path in self.files.paths:
            if isinstance(found := self._known.get(path), Exception):
                return str(found)
        n = len(self.files.paths)
        if not n or (self._structures and n != len(self._structures)):
            without = self._structures[n:]
            if n and not without:
                return (
                    f"{n} noise models for {len(self._structures)} structures: remove some, "
                    "in the order of the structures."
                )
            whom = f" ({', '.join(without)})" if without and n else ""
            return f"Add a noise model for each structure{whom}, or let them be fitted."
        return ""

    def set_needed(self, needed: bool) -> None:
        """Show the choice, or that there is none to make."""
        self._chooser.setVisible(needed)
        self.not_needed.setVisible(not needed)

    def set_structures(self, names: Sequence[str]) -> None:
        """Say which structures there are; empty where only the files will tell."""
        if tuple(names) != self._structures:
            self._structures = tuple(names)
            self._refresh_text()

    def take(self, known: KnownModel) -> None:
        """Take a model that another widget hands over."""
        in_file = isinstance(known.model, Path)
        path = known.model if isinstance(known.model, Path) else Path(f"{known.name} (not saved)")
        if not in_file:
            self._known[path] = known
        self.kind.setCurrentIndex(self.kind.findData(_GIVEN))
        self.files.add([path])
        self._on_files()  # a model of the same name may have taken the place of another

    def _on_files(self) -> None:
        for path in self.files.paths:
            if path not in self._known:
                try:
                    self._known[path] = KnownModel.of_file(path)
                except (DenoisplitError, OSError) as error:
                    self._known[path] = error
            found = self._known[path]
            note = (
                f"⚠ {found}" if isinstance(found, Exception) else grade_text(found.record.verdict)
            )
            self.files.set_note(path, note)
        # A file that is removed and added again is read anew.
        self._known = {path: self._known[path] for path in self.files.paths}
        self._refresh()

    def _refresh_text(self) -> None:
        lines, errors = [], []
        for number, path in enumerate(self.files.paths):
            known = number < len(self._structures)
            name = self._structures[number] if known else f"structure {number + 1}"
            found = self._known.get(path)
            if isinstance(found, KnownModel):
                lines.append(f"{name}: {found.name}, {found.about}. {verdict_line(found.record)}")
            elif found is not None:
                lines.append(f"{name}: ⚠ {found}")
                errors.append(found)
        self.about.say("\n".join(lines) if self._is_given else "")
        self.copy_button.offer(errors[0] if errors and self._is_given else None)

    def _refresh(self, *_: object) -> None:
        self.files.setVisible(self._is_given)
        self._refresh_text()
        self.changed.emit()
