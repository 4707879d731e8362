"""Controls of a film of samples: the slider, play, and what is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field
from qtpy.QtCore import QSignalBlocker, QSize, Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QLabel,
    QPushButton,
    QSlider,
    QWidget,
)

from napari_denoisplit.settings import FilmLayout, FilmSettings
from napari_denoisplit.widgets.parts.boxes import guard_wheel
from napari_denoisplit.widgets.parts.controls import in_a_column, in_a_row
from napari_denoisplit.widgets.parts.fields import SettingsForm, tooltip

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.widgets.samples.player import Player

SAMPLE_ALONE: Literal["the answer"] = "the answer"
DIFFERENCE, BLINK = "difference", "blink"
_BEST: Literal["best estimate"] = "best estimate"
_OTHER = "answer"
_STEP_WIDTH = 36  # pixels of a small button
_KEYS = {"back": ",", "forward": ".", "play": "/"}
_BLINK_KEY = "B"


class Transport(QWidget):
    """Slider over the samples, play and pause, speed and loop.

    Parameters
    ----------
    player
        What is moved.
    """

    def __init__(self, player: Player, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._player = player
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setAccessibleName("Answer")
        self.slider.setToolTip(tooltip("Which possible answer (posterior sample) is shown."))
        guard_wheel(self.slider)
        self.label = QLabel(self)
        self.label.setAccessibleName("Number of the answer")
        # Of a size of its own: Qt lays the whole dock out anew when another label changes.
        self.label.setText("0000 of 0000")
        # Before napari's style is applied, letters are taken for less high than they are.
        self.label.setFixedSize(self.label.sizeHint() + QSize(2, 6))
        self.back = _button(self, "◂", "Previous answer", "back")
        self.play = _button(self, "▶", "Play", "play")
        self.forward = _button(self, "▸", "Next answer", "forward")
        self.settings = SettingsForm(FilmSettings, ["speed", "loop"], parent=self)
        self.settings["speed"].widget.setSuffix(" per second")
        self._lay_out()
        self._connect()
        self._on_settings()
        self.refresh()

    def _connect(self) -> None:
        player = self._player
        self.slider.valueChanged.connect(player.go)
        self.back.clicked.connect(lambda: player.step(-1))
        self.forward.clicked.connect(lambda: player.step(1))
        self.play.clicked.connect(player.toggle)
        self.settings.changed.connect(self._on_settings)
        player.moved.connect(self.refresh)
        player.played.connect(self.refresh)

    def _lay_out(self) -> None:
        above = in_a_row(self.slider, self.label)
        below = in_a_row(self.back, self.play, self.forward)
        below.addStretch(1)
        self.setLayout(in_a_column(above, below, self.settings))

    def refresh(self, *_: object) -> None:
        """Show where the player is."""
        player = self._player
        self.slider.blockSignals(True)
        self.slider.setRange(0, max(player.n - 1, 0))
        self.slider.setValue(player.index)
        self.slider.blockSignals(False)
        self.label.setText(f"{player.index + 1} of {player.n}")
        name = "Pause" if player.is_playing else "Play"
        if self.play.accessibleName() != name:
            self.play.setText("❚❚" if player.is_playing else "▶")
            self.play.setAccessibleName(name)
        for button in (self.back, self.play, self.forward):
            button.setEnabled(player.n > 1)

    def bind_keys(self, owner: QWidget, blink: Callable[[], None]) -> None:
        """Let keys act while `owner` has the focus, and with Alt in the whole window.

        The keys of napari's canvas and layers stay as they are: without Alt these are not
        heard outside of the dock, and with Alt napari has no use for them.
        """
        actions = {
            _KEYS["back"]: self.back.click,
            _KEYS["forward"]: self.forward.click,
            _KEYS["play"]: self.play.click,
            _BLINK_KEY: blink,
        }
        for key, action in actions.items():
            near = QShortcut(QKeySequence(key), owner, action)
            near.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            if key != _BLINK_KEY:
                # A shortcut of the window sleeps while its owner is not in sight.
                QShortcut(QKeySequence(f"Alt+{key}"), owner, action)

    def _on_settings(self) -> None:
        values = self.settings.values()
        self._player.speed, self._player.loop = values["speed"], values["loop"]


class _View(BaseModel):
    show: Literal["the answer", "difference", "blink"] = Field(
        SAMPLE_ALONE,
        description="The answer as it is; its difference (blue below, orange above, the same "
        "limits on both sides); or answer and the other picture in turn (key B).",
    )
    against: Literal["best estimate", "answer"] = Field(
        _BEST,
        title="Compared with",
        description="What differences and blinking refer to: the mean of all answers, the best "
        "estimate (MMSE), or another answer.",
    )
    number: int = Field(1, ge=1, title="Other answer", description="Which answer to compare with.")
    layout: FilmLayout = Field(
        "overlay", title="Structures", description=FilmSettings.model_fields["layout"].description
    )


class ViewChoice(SettingsForm):
    """Whether the sample itself is shown, or how it differs from something else, and where."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_View, _View.model_fields, parent=parent)
        self._n_structures = 1
        self._overlaid = True
        self.number, self.layout_box = self["number"].widget, self["layout"].widget
        self.changed.connect(self._refresh)
        self._refresh()

    @property
    def what(self) -> str:
        """One of `SAMPLE_ALONE`, `DIFFERENCE`, `BLINK`."""
        return str(self["show"].value())

    @what.setter
    def what(self, text: str) -> None:
        self["show"].set_value(text)

    @property
    def against(self) -> int | None:
        """Number of the sample to compare with, from 0; None is the MMSE."""
        return self["number"].value() - 1 if self["against"].value() == _OTHER else None

    @property
    def layout_wanted(self) -> FilmLayout:
        """How structures are arranged; differences cannot be added up."""
        return "overlay" if self._overlaid and self.what != DIFFERENCE else "side by side"

    def toggle_blink(self) -> None:
        """Blink, or show the sample alone again."""
        self.what = SAMPLE_ALONE if self.what == BLINK else BLINK

    def set_size(self, n_samples: int, n_structures: int) -> None:
        """Follow another set of samples."""
        blocker = QSignalBlocker(self.number)
        self.number.setMaximum(max(n_samples, 1))
        blocker.unblock()
        self._n_structures = n_structures
        self._refresh()

    def _refresh(self, *_: object) -> None:
        if self.layout_box.isEnabled():
            self._overlaid = self["layout"].value() == "overlay"
        compares = self.what != SAMPLE_ALONE
        self["against"].widget.setEnabled(compares)
        self.number.setEnabled(compares and self["against"].value() == _OTHER)
        self.layout_box.setEnabled(self._n_structures > 1 and self.what != DIFFERENCE)
        blocker = QSignalBlocker(self.layout_box)
        self["layout"].set_value(self.layout_wanted)  # differences have no other
        blocker.unblock()


def _button(parent: QWidget, text: str, name: str, key: str) -> QPushButton:
    button = QPushButton(text, parent)
    button.setFixedWidth(_STEP_WIDTH)
    button.setAccessibleName(name)
    short = _KEYS[key]
    button.setToolTip(tooltip(f"{name}: key {short} in this dock, Alt+{short} anywhere."))
    return button
