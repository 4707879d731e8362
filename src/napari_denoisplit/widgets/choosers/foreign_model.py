"""Questions about a model that another program trained, and the button that imports it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.checkpoint import SUFFIX
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.events import Stage
from napari_denoisplit.fault_report import explained
from napari_denoisplit.files import free_name
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.settings import ImportSettings, MixSettings
from napari_denoisplit.widgets.parts.controls import (
    DetailsButton,
    Text,
    button,
    in_a_column,
    text_line,
)
from napari_denoisplit.widgets.parts.dropping import NOISE_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import (
    SettingsForm,
    build_control,
    form_layout,
    sentence,
)
from napari_denoisplit.widgets.parts.worker import start_job

if TYPE_CHECKING:
    import threading

    from napari_denoisplit.events import Job
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.widgets.parts.worker import Running, Start

FOREIGN_SUFFIXES = (".ckpt", ".pth")
_TITLES = {"context": {"": "as the weights tell"}}


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """A checkpoint, and the answers to what its weights do not tell."""

    path: Path
    names: tuple[str, ...]
    images: tuple[Path, ...]
    statistics: tuple[tuple[float, ...], tuple[float, ...]]
    """Means and standard deviations, of the superposition and of each structure; empty: of the
    images."""
    noise_models: tuple[Path, ...]
    mix: MixSettings
    settings: ImportSettings


class ForeignModelForm(QWidget):
    """Asks what `denoisplit import` asks, by the same names.

    Parameters
    ----------
    start
        How the import is run.
    """

    imported = Signal(Path)  # a model file was written

    def __init__(self, parent: QWidget | None = None, start: Start = start_job) -> None:
        super().__init__(parent)
        self._start, self._path = start, Path()
        self._running: Running | None = None
        self.names = text_line(
            "Structures", "Names in the order of the network's output, with commas.", "ER, actin"
        )
        self.images = FileList("training images", READABLE)
        numbers = (
            "of the superposition, then of each structure, with commas between them (decimals take "
            "a point: 80.5); in place of images."
        )
        self.means = text_line("Means", f"Means {numbers}", "in place of images")
        self.stds = text_line(
            "Standard deviations", f"Standard deviations {numbers}", "in place of images"
        )
        self.noise = FileList("noise models", NOISE_SUFFIXES)
        self.mix = build_control(MixSettings, "mode", "Superposition")
        self.more = SettingsForm(ImportSettings, ("context", "autoencoder"), _TITLES)
        self.button = button("Import", "Write a model file beside the checkpoint.", self.begin)
        self.status = Text("Import", self, selectable=True)
        self.copy_button = DetailsButton(self)
        self._lay_out()

    def _lay_out(self) -> None:
        rows = {
            "Structures": self.names,
            "Images": self.images,
            "Means": self.means,
            "Deviations": self.stds,
            "Noise models": self.noise,
            "Superposition": self.mix.widget,
        }
        questions = QWidget(self)
        form_layout(questions, rows)
        said = (self.status, self.copy_button)
        self.setLayout(in_a_column(questions, self.more, self.button, *said))

    def ask_about(self, path: Path) -> None:
        """Ask about a checkpoint."""
        self._path = path
        self._say("")
        self.show()

    def begin(self) -> None:
        """Import the checkpoint with what was answered."""
        if self._running is not None:
            return
        try:
            order = self._order()
        except (ValidationError, ModelFileError) as error:
            self._fail(error)
            return
        self.button.setEnabled(False)
        self._running = self._start(
            lambda stop: import_job(order, stop),
            on_event=lambda event: self._say(event.text),
            on_done=self._on_done,
            on_error=self._on_error,
            title="denoiSplit: import of a model",
        )
        self._running.cancel_with(self)

    def _order(self) -> ImportOrder:
        return ImportOrder(
            path=self._path,
            names=tuple(name.strip() for name in self.names.text().split(",") if name.strip()),
            images=self.images.paths,
            statistics=(_numbers(self.means.text()), _numbers(self.stds.text())),
            noise_models=self.noise.paths,
            mix=MixSettings(mode=self.mix.value()),
            settings=ImportSettings(**self.more.values()),
        )

    def _on_done(self, path: Path) -> None:
        self._end()
        self.imported.emit(path)

    def _on_error(self, error: Exception) -> None:
        self._end()
        self._fail(error)

    def _fail(self, error: Exception) -> None:
        words = sentence(error) if isinstance(error, ValidationError) else explained(error)
        self._say(f"⚠ {words}", error)

    def _say(self, text: str, error: Exception | None = None) -> None:
        self.status.say(text)
        self.copy_button.offer(error)

    def _end(self) -> None:
        self._running = None
        self.button.setEnabled(True)


def import_job(order: ImportOrder, stop: threading.Event) -> Job[Stage, Path]:
    """Import a checkpoint, and write it beside itself under a free name."""
    yield Stage("Reading the checkpoint")
    # torch, at the click
    from napari_denoisplit.checkpoint import save_model
    from napari_denoisplit.jobs.importing import import_model
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    fields = _fields(order.images)
    names = order.names or (() if fields is None else fields.channel_names)
    noise_models = [read_noise_model(path) for path in order.noise_models]
    model = import_model(
        order.path,
        names,
        fields or _normalization(*order.statistics),
        mix=order.mix,
        noise_models=noise_models or None,
        settings=order.settings,
    )
    folder = order.path.parent
    name = free_name(order.path.stem, lambda name: (folder / f"{name}{SUFFIX}").exists())
    target = folder / f"{name}{SUFFIX}"
    save_model(target, model)
    return target


def _fields(paths: tuple[Path, ...]) -> TrainingFields | None:
    from napari_denoisplit.images.files.image_file import read_images
    from napari_denoisplit.images.training.fields import TrainingFields

    return TrainingFields.from_images(read_images(paths)) if paths else None


def _normalization(means: tuple[float, ...], stds: tuple[float, ...]) -> Normalization:
    from napari_denoisplit.images.training.normalization import Normalization

    if len(means) != len(stds) or len(means) < 2:
        raise ModelFileError(
            "The weights do not hold what the pixels were normalized by: add training images, or "
            "give means and standard deviations, a number for the superposition and one for each "
            "structure."
        )
    return Normalization(
        input_mean=means[0], input_std=stds[0], channel_means=means[1:], channel_stds=stds[1:]
    )


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise ModelFileError(
            "Give numbers with commas between them, and points for decimals, e.g. 100, 80.5, 60 "
            f"(got {text!r})."
        ) from None
