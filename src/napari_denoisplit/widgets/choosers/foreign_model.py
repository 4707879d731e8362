"""Questions about a model that another program trained, and the button that imports it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.events import Stage
from napari_denoisplit.files import free_name
from napari_denoisplit.images.files.endings import READABLE
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import ImportSettings, MixSettings
from napari_denoisplit.widgets.parts.controls import in_a_column, text_line
from napari_denoisplit.widgets.parts.dropping import NOISE_SUFFIXES, FileList
from napari_denoisplit.widgets.parts.fields import SettingsForm, build_control, form_layout
from napari_denoisplit.widgets.parts.job_widget import JobPart
from napari_denoisplit.widgets.parts.worker import start_job

if TYPE_CHECKING:
    import threading

    from napari_denoisplit.events import Job
    from napari_denoisplit.widgets.parts.worker import Start

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


class ForeignModelForm(JobPart):
    """Asks what `denoisplit import` asks, by the same names; see `JobPart` for the parameters."""

    imported = Signal(Path)  # a model file was written

    def __init__(self, parent: QWidget, start: Start = start_job) -> None:
        super().__init__("Import", "Write a model file beside the checkpoint.", start, parent)
        self._path = Path()
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
        self.setLayout(in_a_column(questions, self.more, self.panel))

    def ask_about(self, path: Path) -> None:
        """Ask about a checkpoint."""
        self._path = path
        self.panel.say("")
        self.show()

    @property
    def problem(self) -> str:
        """Nothing stands in the way before the checkpoint is read."""
        return ""

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

    def _begin(self, order: ImportOrder) -> None:
        self.panel.run(
            partial(import_job, order),
            on_done=self.imported.emit,
            title="denoiSplit: import of a model",
        )


def import_job(order: ImportOrder, stop: threading.Event) -> Job[Stage, Path]:
    """Import a checkpoint, and write it beside itself under a free name."""
    yield Stage("Reading the checkpoint")
    # torch, at the click
    from napari_denoisplit.checkpoint import save_model
    from napari_denoisplit.images.files.image_file import read_images
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.importing import import_model, statistics_of
    from napari_denoisplit.noise.files.noise_file import read_noise_model

    model = import_model(
        order.path,
        order.names,
        TrainingFields.from_images(read_images(order.images))
        if order.images
        else statistics_of(*order.statistics),
        mix=order.mix,
        noise_models=[read_noise_model(path) for path in order.noise_models] or None,
        settings=order.settings,
    )
    folder = order.path.parent
    name = free_name(order.path.stem, lambda name: (folder / f"{name}{SUFFIX}").exists())
    target = folder / f"{name}{SUFFIX}"
    save_model(target, model)
    return target


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(",") if word.strip())
    except ValueError:
        raise ModelFileError(
            "Give numbers with commas between them, and points for decimals, e.g. 100, 80.5, 60 "
            f"(got {text!r})."
        ) from None
