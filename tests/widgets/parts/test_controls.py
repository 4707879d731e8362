"""Small controls do what Qt's own do not."""

from __future__ import annotations

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_denoisplit.widgets.parts import controls
from napari_denoisplit.widgets.parts.controls import CalmBar, text_line


class CountedBar(CalmBar):
    """Counts how often it is drawn."""

    n_drawn = 0

    def paintEvent(self, event: object) -> None:
        self.n_drawn += 1
        super().paintEvent(event)


def test_an_animated_bar_is_drawn_at_few_beats_and_stays_animated(qtbot, monkeypatch):
    monkeypatch.setattr(controls, "_MS_BETWEEN_BEATS", 600_000)
    parent = QWidget()
    qtbot.addWidget(parent)
    bar = CountedBar(parent)
    bar.setRange(0, 0)
    bar.show()
    parent.show()
    qtbot.waitExposed(parent)
    taken = []
    for _ in range(20):
        beat = QEvent(QEvent.Type(213))
        beat.setAccepted(False)
        QApplication.sendEvent(bar, beat)
        taken.append(beat.isAccepted())
        QApplication.processEvents()
    assert all(taken)  # Qt ends the animation at the first that is not
    assert 1 <= bar.n_drawn <= 5


def test_a_path_that_is_too_long_keeps_the_first_letter_of_its_name(qtbot):
    line = text_line("Model file", "Where the model is.")
    qtbot.addWidget(line)
    line.setText("/home/someone/Documents/denoiSplit/nuclei-and-actin.denoisplit")
    wide, narrow = (line.fontMetrics().horizontalAdvance("m" * n) for n in (22, 12))
    assert line.shown(10_000) == line.text()
    assert line.shown(wide).endswith("nuclei-and-actin.denoisplit")
    assert line.shown(narrow).startswith("nuc")
    assert line.shown(narrow).endswith("split")
