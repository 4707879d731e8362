"""How to train and where to put the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from qtpy.QtCore import QStandardPaths, Signal
from qtpy.QtWidgets import QWidget

from napari_denoisplit.checkpoint import last_path
from napari_denoisplit.errors import TrainingError
from napari_denoisplit.files import free_name
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import METHODS, MixSettings, TrainSettings
from napari_denoisplit.widgets.choosers.path import PathChoice
from napari_denoisplit.widgets.parts.controls import Text
from napari_denoisplit.widgets.parts.fields import (
    SettingsForm,
    build_control,
    form_layout,
    tooltip,
)
from napari_denoisplit.widgets.train.noise_choice import NoiseChoice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_HOW = ("preset", "minutes", "until_good", "device")
_BY_RECIPE = (
    "steps",
    "epochs",
    "patch_size",
    "batch_size",
    "learning_rate",
    "schedule",
    "structure_bias",
    "validation_fraction",
    "test_fraction",
    "independent_share",
    "augment",
)
"""Controls in the fold that a recipe sets; it also sets what has no control."""
_MORE = ("recipe", "method", *_BY_RECIPE, "precision", "seed")
_TITLES = {
    "recipe": {"own": "our own", "paper": "as published"},
    "method": {
        "denoisplit": "denoiSplit",
        "altered_musplit": "altered µSplit",
        "musplit": "µSplit",
        "hdn_musplit": "HDN → µSplit",
    },
    "minutes": {"": "no limit"},
    "steps": {"": "no limit"},
    "epochs": {"": "no limit"},
    "patch_size": {"": "of the preset"},
    "batch_size": {"": "of the preset"},
}
_MIX_TITLES = {"average": "their average", "sum": "their sum"}
_RANDOM = (
    "Each structure is brightened or dimmed by a random factor from this range, so that the model "
    "learns superpositions in other proportions, and predicts what each gives to the image. A "
    "range costs some quality where the proportions do not vary."
)
_NOISIER = (
    "How much noisier a recording may be than the training images: half of the patches get more "
    "noise, up to so many times its standard deviation. 2 is worth 4 to 6 dB in recordings that "
    "are twice as noisy, and costs 0.2 to 0.6 dB where none is noisier; 1: no range."
)
_RANGES = {
    "alpha_low": ("Mixing range from", _RANDOM),
    "alpha_high": ("Mixing range to", _RANDOM),
    "noise_high": ("Noise range up to", _NOISIER),
}
_MEASURED = "How the structures are mixed is measured in what was recorded together."
_MIXED = {
    "average": "As a program averages images. In a channel of a camera light adds up: their sum.",
    "sum": "As light adds up in a channel of a camera.",
}
_LONGEST_NAME = 60


class TrainChoices(QWidget):
    """The settings of a training: few in sight, the rest in `more` for a fold."""

    changed = Signal()  # a choice was changed

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()  # its parts are laid out by the widget
        self.how = SettingsForm(TrainSettings, _HOW, _TITLES)
        self.mix = build_control(MixSettings, "mode", "Superposition", _MIX_TITLES)
        self.how.add_control("superposition", "Superposition", self.mix)
        self.mix_about = Text("What the superposition is for")
        self.noise = NoiseChoice()
        self.more = SettingsForm(TrainSettings, _MORE, _TITLES)
        for name, (text, about) in _RANGES.items():
            control = build_control(MixSettings, name, text)
            control.widget.setToolTip(tooltip(about))
            self.more.add_control(name, text, control)
        self.more["recipe"].changed.connect(self._take_up_recipe)
        for choice in (self.how["preset"], self.more["method"]):
            choice.changed.connect(self._follow_recipe)
        for form in (self.how, self.more):
            form.changed.connect(self._refresh)
        self.noise.changed.connect(self._refresh)
        self._refresh()

    @property
    def problem(self) -> str:
        """Why training cannot start; empty if it can."""
        return self.noise.problem if self._takes_noise_models() else ""

    def misfit(self, n_structures: int) -> str:
        """Say why the preset cannot learn so many structures; empty if it can."""
        try:
            return self.settings().misfit(n_structures)
        except ValidationError:
            return ""  # told at the click

    def settings(self) -> TrainSettings:
        """Check the choices.

        Raises
        ------
        pydantic.ValidationError
            They do not go together.
        """
        ranges = {name: self.more[name].value() for name in _RANGES}
        mix = MixSettings(mode=self.mix.value(), **ranges)
        return TrainSettings(mix=mix, **self.how.values(), **self.more.values())

    def noise_models(self) -> tuple[NoiseModel | Path, ...]:
        """Noise models, or their files, one per channel; empty to fit them."""
        return self.noise.models if self._takes_noise_models() else ()

    def _take_up_recipe(self) -> None:
        """Show what the chosen recipe sets; the published network is larger than others."""
        is_published = self.more["recipe"].value() == "paper"
        if is_published and self.how["preset"].value() in ("tiny", "fast"):
            self.how["preset"].set_value("large")  # which lets the recipe be followed
        self._show_settings()

    def _follow_recipe(self) -> None:
        """Show what the published recipe sets for another method; our own is for all."""
        if self.more["recipe"].value() == "paper":
            self._show_settings()

    def _show_settings(self) -> None:
        names = ("recipe", "preset", "method")
        chosen = (self.how.values() | self.more.values()).items()
        settings = TrainSettings(**{name: value for name, value in chosen if name in names})
        for name in ("minutes", "until_good"):
            self.how[name].set_value(getattr(settings, name))
        for name in _BY_RECIPE:
            self.more[name].set_value(getattr(settings, name))

    def _takes_noise_models(self) -> bool:
        method = self.more["method"].value()
        # What denoises first knows the noise, whatever comes behind it does.
        return method == "hdn_musplit" or METHODS[method].likelihood == "noise_model"

    def set_recorded(self, recorded: bool) -> None:
        """Lock what has no effect where superpositions were recorded."""
        self.mix.widget.setEnabled(not recorded)
        self.mix_about.say(_MEASURED if recorded else _MIXED[self.mix.value()])

    def _refresh(self) -> None:
        if self.mix.widget.isEnabled():
            self.mix_about.say(_MIXED[self.mix.value()])
        self.noise.set_needed(self._takes_noise_models())
        self.changed.emit()


class ModelTarget(QWidget):
    """Where the model is written, and what it goes on from."""

    changed = Signal()  # another file was chosen

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.save = PathChoice("Save the model as", f"Models (*{SUFFIX})", kind="new file")
        self.earlier = PathChoice("Go on with a training", f"Training states (*.last{SUFFIX})")
        self.earlier.edit.setPlaceholderText("a new training")
        self.earlier.edit.setClearButtonEnabled(True)
        form = form_layout(self)
        form.addRow("Save as", self.save)
        form.addRow("Go on with", self.earlier)
        self._suggested = ""
        self.save.changed.connect(self.changed)
        self.earlier.changed.connect(self._on_earlier)

    @property
    def resume(self) -> Path | None:
        """State of the training to go on with."""
        return self.earlier.path

    @property
    def problem(self) -> str:
        """Why the model cannot be written there; empty if it can."""
        path, earlier = self.save.path, self.resume
        if path is None:
            return "Choose where to save the model."
        if path.suffix != SUFFIX:
            return f"The name of a model ends in {SUFFIX}: {path.name!r} does not."
        if earlier is not None and not earlier.is_file():
            return (
                f"{earlier} does not exist: a training goes on from the state that it left beside "
                f"its model (NAME.last{SUFFIX}). Choose that, or clear Go on with to train anew."
            )
        if path.exists() and earlier != last_path(path):
            return f"{path.name} exists: choose another name, or go on with its training."
        return ""

    def path(self) -> Path:
        """Take the file to write.

        Raises
        ------
        TrainingError
            A model cannot be written there.
        """
        path = self.save.path
        if path is None or self.problem:
            raise TrainingError(self.problem)
        return path

    def resume_from(self, paths: Sequence[Path]) -> None:
        """Go on with the last training: from its state, or from the one beside its best model."""
        path = paths[-1]
        state = path if path.name.endswith(f".last{SUFFIX}") else last_path(path)
        self.earlier.set_path(state)

    def suggest(self, structures: Sequence[str]) -> None:
        """Propose a free name in the user's documents, until the user types another."""
        if self.resume is None and self.save.edit.text() == self._suggested:
            name = "-".join(_plain(structure) for structure in structures) or "model"
            folder = _documents() / "denoiSplit"
            self._suggested = str(_free_path(folder / f"{name[:_LONGEST_NAME]}{SUFFIX}"))
            self.save.set_path(Path(self._suggested))

    def after_training(self, path: Path) -> None:
        """Make way for the next model: the name that was used is taken now."""
        if self.save.path == path and self.resume is None:
            self.save.set_path(_free_path(path))

    def _on_earlier(self) -> None:
        state = self.resume
        if state is not None and state.name.endswith(f".last{SUFFIX}"):
            name = state.name.removesuffix(f".last{SUFFIX}") + SUFFIX
            self._suggested = str(state.with_name(name))
            self.save.set_path(Path(self._suggested))
        self.changed.emit()


def _documents() -> Path:
    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(place) if place else Path.home()


def _plain(name: str) -> str:
    """Leave out what a file name should not hold."""
    return "".join(letter for letter in name if letter.isalnum() or letter in "-_")


def _free_path(path: Path) -> Path:
    """Return the path, numbered if there is a model or the state of a training already."""

    def is_taken(name: str) -> bool:
        found = path.with_name(f"{name}{SUFFIX}")
        return found.exists() or last_path(found).exists()

    return path.with_name(f"{free_name(path.name.removesuffix(SUFFIX), is_taken)}{SUFFIX}")
