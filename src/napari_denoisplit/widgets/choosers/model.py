"""Choice of a model file, with what its header says about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, TypeAdapter, ValidationError
from qtpy.QtCore import QFileSystemWatcher, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import DenoisplitError, NoiseModelError
from napari_denoisplit.measures.outlook import outlook_of
from napari_denoisplit.measures.separation import separation_of, separation_title
from napari_denoisplit.verdict import NoiseRecord
from napari_denoisplit.widgets.choosers.foreign_model import FOREIGN_SUFFIXES, ForeignModelForm
from napari_denoisplit.widgets.parts.controls import (
    DetailsButton,
    Text,
    button,
    in_a_column,
    in_a_row,
    text_line,
)
from napari_denoisplit.widgets.parts.dialogs import ask_for_file
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.parts.grade_words import grade_text, verdict_line

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import ModelHeader


_FOREIGN = " ".join(f"*{suffix}" for suffix in FOREIGN_SUFFIXES)
_NONE = (
    "Choose a model: press Browse, or drop a .denoisplit file here. None yet? Step Train makes one."
)
_UNUSABLE = "The model cannot be used: see above."
_KINDS = f"Models (*.denoisplit);;Models of other programs ({_FOREIGN})"


class ModelChoice(QWidget):
    """A model file, chosen by browsing, typing or dropping; one of another program is imported."""

    changed = Signal()  # another file was chosen
    known = Signal(object)  # path of a model that can be used, after `changed`

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.header: ModelHeader | None = None
        self.problem = _NONE
        self.edit = text_line(
            "Model file", "File of a trained model (.denoisplit).", "drop a .denoisplit file"
        )
        self.edit.editingFinished.connect(self._read)
        self.edit.textEdited.connect(self._pick)
        self.browse_button = button("Browse…", "Choose a model file.", self._browse)
        self.about = Text("About the model", self)
        self.copy_button = DetailsButton(self)
        row = in_a_row(self.edit, self.browse_button)
        self.setLayout(in_a_column(row, self.about, self.copy_button))
        self.foreign: ForeignModelForm | None = None
        self._shown = ""
        self._is_picked = False  # by the user, not only offered
        # A training that goes on or a calibration replaces the file, from here or from elsewhere.
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._on_replaced)

    @property
    def path(self) -> Path:
        """The chosen file."""
        return Path(self.edit.text()).expanduser()

    @property
    def name(self) -> str:
        """What the model is called; empty while there is none."""
        return "" if self.header is None else self.path.stem

    def open(self, path: Path) -> None:
        """Choose a file."""
        self._show(path)
        self._is_picked = True

    def offer(self, path: Path) -> None:
        """Choose a file that is known already, unless the user has chosen one."""
        if not self._is_picked and path != self.path and path.is_file():
            self._show(path)

    def take_example(self) -> None:
        """Choose the model that comes with the package, until another one is known."""
        from napari_denoisplit.images.example.cells import MODEL

        self._show(MODEL)
        self._is_picked = False

    def _show(self, path: Path) -> None:
        self.edit.setText(str(path))
        self._shown = ""
        self._read()

    def _pick(self, *_: object) -> None:
        self._is_picked = bool(self.edit.text())

    def add(self, paths: list[Path]) -> None:
        """Choose the last of some files."""
        self.open(paths[-1])

    def _read(self) -> None:
        # Not at the top: whoever opens the widget to look need not wait for it.
        from napari_denoisplit.checkpoint import check_weights, read_header

        if self.edit.text() == self._shown:
            return
        self._shown = self.edit.text()
        # What is wrong is told once, below the file.
        self.header, self.problem = None, _UNUSABLE
        is_foreign = self.path.suffix.lower() in FOREIGN_SUFFIXES and self.path.is_file()
        self._ask_about_foreign(is_foreign)
        self.copy_button.offer(None)
        try:
            if not self._shown:
                self.problem = _NONE
                self.about.say("")
            elif is_foreign:
                self._warn("Another program's model: answer what its weights do not tell.")
            else:
                header = read_header(self.path)
                check_weights(self.path)  # 20 ms for 'large', 130 for the U-Net
                self.header, self.problem = header, ""
        except (DenoisplitError, OSError) as error:
            self._warn(f"{error}")
            self.copy_button.offer(error)
        if self.header is not None:
            self.about.say(sum_up_model(self.header))
            self.about.setToolTip("".join(map(tooltip, describe_model(self.header).split("\n"))))
        self._watch()
        self.edit.setToolTip(tooltip(str(self.path)))
        self.changed.emit()
        if self.header is not None:
            self.known.emit(self.path)

    def _warn(self, text: str) -> None:
        self.about.say(f"⚠ {text}")
        self.about.setToolTip("")

    def _ask_about_foreign(self, is_foreign: bool) -> None:
        """Show the questions of an import, or take them away."""
        if is_foreign:
            if self.foreign is None:  # few ever need them
                self.foreign = ForeignModelForm(self)
                self.foreign.imported.connect(self.open)
                self.layout().addWidget(self.foreign)
            self.foreign.ask_about(self.path)
        elif self.foreign is not None:
            self.foreign.hide()

    def _watch(self) -> None:
        """Watch the chosen file; a file that took its place is not watched by itself."""
        if watched := self._watcher.files():
            self._watcher.removePaths(watched)
        if self.header is not None:
            self._watcher.addPath(str(self.path.resolve()))

    def _on_replaced(self, *_: object) -> None:
        """Read again what the file says of itself."""
        self._shown = ""
        self._read()

    def _browse(self) -> None:
        before = self.path.parent if self.header is not None else None
        if path := ask_for_file(self, "Choose a model", _KINDS, before):
            self.open(path)


def sum_up_model(header: ModelHeader) -> str:
    """Say in a line each what a model is: a window has little room; see `describe_model`."""
    lines = [_splits_into(header)]
    if sources := _sources(header):
        more = f" and {len(sources) - 1} more" if len(sources) > 1 else ""
        lines.append(f"Trained on {sources[0]}{more}.")
    if (verdict := separation_of(header.training)) is not None:
        lines.append(f"{separation_title(verdict)}: {grade_text(verdict)}.")
    grades = {name: grade_text(record.verdict) for name, record in _noise_records(header)}
    if len(set(grades.values())) == 1:
        lines.append(f"Noise models: {next(iter(grades.values()))}.")
    elif grades:
        lines.append(f"Noise: {', '.join(f'{name} {grade}' for name, grade in grades.items())}.")
    how = "calibrated" if header.calibration else "not calibrated, see Tools > Calibrate"
    return "\n".join([*lines, f"Uncertainty: {how}."])


def describe_model(header: ModelHeader) -> str:
    """Say all that a user may want to know of a model before using it."""
    lines = [_splits_into(header)]
    if sources := _sources(header):
        lines.append(f"Trained on {', '.join(sources)}.")
    if psnr := _psnr_text(header):
        lines.append(f"PSNR on validation: {psnr}.")
    if (verdict := separation_of(header.training)) is not None:
        lines.append(f"{separation_title(verdict)}: {' '.join(verdict.reasons)}")
    if outlook := outlook_of(header.training):
        lines.append(f"Training: {outlook}")
    # Whether to trust the noise model of each structure, as far as that was judged.
    for name, record in _noise_records(header):
        lines.append(f"Noise model of {name}: {verdict_line(record)}")
    if header.calibration is not None:
        return "\n".join([*lines, f"Calibrated: {header.calibration.in_words}."])
    advice = (
        "Not calibrated: the uncertainty (sigma) is the plain spread of the answers. "
        "Tools > Calibrate brings it to the size of the errors."
    )
    return "\n".join([*lines, advice])


def _splits_into(header: ModelHeader) -> str:
    return f"Splits into {' and '.join(header.channel_names)}."


def _noise_records(header: ModelHeader) -> list[tuple[str, NoiseRecord]]:
    """Find what is known of the noise model of each structure, of those that were judged."""
    found = []
    for name, values in zip(header.channel_names, header.noise_models or (), strict=False):
        try:
            record = NoiseRecord.of_values(values)
        except NoiseModelError:
            continue  # loading the model says what is wrong with it
        if record.verdict is not None:
            found.append((name, record))
    return found


class _Epoch(BaseModel):
    """What is shown of an epoch; a file may hold anything, so it is checked."""

    psnr: tuple[float, ...]
    is_best: bool


def _psnr_text(header: ModelHeader) -> str:
    """PSNR of each structure at the epoch that was kept; empty where the file does not say."""
    try:
        epochs = TypeAdapter(list[_Epoch]).validate_python(header.training.get("history"))
    except ValidationError:
        return ""
    psnr = next((epoch.psnr for epoch in reversed(epochs) if epoch.is_best), ())
    values = zip(header.channel_names, psnr, strict=False)
    return ", ".join(f"{name} {value:.1f} dB" for name, value in values)


def _sources(header: ModelHeader) -> list[str]:
    """Names of the images that a model was trained on, without the digest behind each."""
    sources = header.provenance.get("sources")
    named = sources if isinstance(sources, list) else []
    return [str(source).split(" sha256:")[0] for source in named]
