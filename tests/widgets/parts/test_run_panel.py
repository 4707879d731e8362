"""The look of the button follows from what runs."""

from __future__ import annotations

import pytest
from qtpy import API_NAME
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.widgets.parts.boxes import WholeNumberBox
from napari_denoisplit.widgets.parts.run_panel import RunPanel
from napari_denoisplit.widgets.parts.worker import Cancelled
from napari_denoisplit.widgets.split.widget import SplitWidget


class FakeRun:
    """A job that does nothing by itself."""

    is_running, is_stopping = True, False

    def __call__(self, job_factory, *, on_event, on_done, on_error, title):
        self.on_event, self.on_done, self.on_error = on_event, on_done, on_error
        return self

    def stop(self):
        self.is_stopping = True

    def cancel_with(self, owner):
        self.owner = owner


@pytest.fixture
def fake():
    return FakeRun()


@pytest.fixture
def panel(qtbot, fake):
    panel = RunPanel("Split", "Split the image.", fake)
    qtbot.addWidget(panel)
    return panel


def begin(panel, seen=None):
    seen = [] if seen is None else seen
    panel.run(None, on_event=seen.append, on_done=seen.append, on_error=seen.append, title="")


def test_a_long_status_scrolls_and_does_not_raise_the_window(qtbot, panel):
    panel.resize(300, 400)
    panel.show()
    qtbot.waitExposed(panel)
    least = panel.minimumSizeHint().height()
    panel.say("word " * 30)
    area = panel.status.parentWidget().parentWidget()
    qtbot.waitUntil(lambda: area.height() >= panel.status.heightForWidth(area.width()) > 40)
    assert area.verticalScrollBar().maximum() == 0  # seen whole
    panel.say("word " * 900)
    qtbot.waitUntil(lambda: area.verticalScrollBar().maximum() > 0)
    assert panel.minimumSizeHint().height() < least + 200
    area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())
    panel.say("other " * 900)
    qtbot.waitUntil(lambda: area.verticalScrollBar().value() == 0)
    panel.say("")
    qtbot.waitUntil(lambda: panel.minimumSizeHint().height() == least)
    assert not area.isVisible()


def test_the_button_starts_and_stops(qtbot, panel, fake):
    with qtbot.waitSignal(panel.start_clicked):
        panel.button.click()
    begin(panel)
    assert panel.button.text() == "Stop"
    with qtbot.waitSignal(panel.stopped):
        panel.button.click()
    assert panel.button.text() == "Stopping…"
    assert panel.hint.text() == panel.button.toolTip() != ""
    fake.is_running = False
    fake.on_done(None)
    assert panel.button.text() == "Split"
    assert panel.button.isEnabled()


def test_a_job_that_goes_on_without_what_was_stopped_can_be_stopped_again(panel, fake):
    begin(panel)
    panel.button.click()
    fake.is_stopping = False
    fake.on_event(Stage("Denoising by what was learned so far"))
    assert (panel.button.text(), panel.button.isEnabled()) == ("Stop", True)
    panel.button.click()
    assert fake.is_stopping


def test_progress_and_stages_are_shown_and_the_rest_is_passed_on(panel, fake):
    seen = []
    begin(panel, seen)
    fake.on_event(Stage("Encoding"))
    fake.on_event(Progress(0.25, 8.0, "answer 3"))
    fake.on_event("something else")
    assert panel.stage.text() == "Encoding"
    assert panel.progress.text() == "8 s left · answer 3"
    assert panel.bar.value() / panel.bar.maximum() == 0.25
    assert seen == ["something else"]


def test_what_is_shown_in_steps_leaves_the_window_time_between_them(qtbot, panel, fake):
    shown, finished = [], []
    panel.finished.connect(lambda: finished.append(tuple(shown)))

    def show(result):
        shown.append(f"verdict on {result}")
        yield
        shown.append("first layer")
        yield
        shown.append("second layer")

    panel.run(None, on_done=show, title="")
    fake.is_running = False
    fake.on_done("cells")
    assert shown == ["verdict on cells"]
    assert (panel.is_running, panel.is_busy, panel.button.text()) == (False, True, "Showing…")
    assert not panel.button.isEnabled()
    qtbot.waitUntil(lambda: not panel.is_busy)
    assert finished == [("verdict on cells", "first layer", "second layer")]
    assert panel.button.isEnabled()


def test_an_error_in_what_is_shown_frees_the_button(panel, fake):
    def show(result):
        raise ValueError(result)
        yield

    panel.run(None, on_done=show, title="")
    fake.is_running = False
    with pytest.raises(ValueError, match="cells"):
        fake.on_done("cells")
    assert not panel.is_busy
    assert panel.button.isEnabled()


def test_what_was_typed_last_is_read_where_a_click_takes_no_focus(qtbot, panel):
    box = WholeNumberBox(panel)
    panel.layout().addWidget(box)
    panel.button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # as on macOS
    found = []
    panel.start_clicked.connect(lambda: found.append(box.value()))
    with qtbot.waitExposed(panel):
        panel.show()
    panel.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    qtbot.keyClicks(box, "5")
    qtbot.mouseClick(panel.button, Qt.MouseButton.LeftButton)
    assert found == [5]


def test_an_obstacle_disables_the_button_and_says_why(panel):
    panel.set_obstacle("Choose a model.")
    assert not panel.button.isEnabled()
    assert panel.hint.text() == panel.button.toolTip() == "Choose a model."
    panel.set_obstacle("")
    assert panel.button.isEnabled()
    assert panel.hint.isHidden()


def test_an_obstacle_does_not_keep_from_stopping(panel):
    begin(panel)
    panel.set_obstacle("The layer is gone.")
    assert panel.button.isEnabled()


def test_a_cancelled_run_is_no_error(panel, fake):
    seen = []
    begin(panel, seen)
    fake.is_running = False
    fake.on_error(Cancelled("closed"))
    assert seen == []
    assert panel.status.text() == "closed"


def test_a_wrong_choice_is_shown_in_words_and_nothing_is_chosen(panel, monkeypatch):
    monkeypatch.setattr("napari.utils.notifications.show_error", lambda *_: None)
    assert panel.checked(lambda: SplitSettings(n_samples=-3)) is None
    assert "-3" in panel.status.text()
    assert panel.checked(lambda: SplitSettings(n_samples=3)).n_samples == 3
    assert panel.status.text() == ""


def test_details_of_an_error_can_be_copied_until_something_else_is_said(panel, monkeypatch):
    monkeypatch.setattr("napari.utils.notifications.show_error", lambda *_: None)
    assert panel.copy_button.isHidden()
    panel.fail(DenoisplitError("The model is damaged."))
    assert not panel.copy_button.isHidden()
    panel.copy_button.click()
    copied = QApplication.clipboard().text()
    assert "DenoisplitError: The model is damaged." in copied
    assert API_NAME in copied
    panel.say("Done.")
    assert panel.copy_button.isHidden()


def test_details_of_an_error_have_the_settings_of_its_page(qtbot, viewer, model, jobs, dock, rng):
    jobs.error = ValueError("a fault")
    page = dock(viewer, SplitWidget(viewer))
    viewer.add_image(rng.normal(size=(16, 20)).astype("f4"), name="cells")
    page.open_model(model)
    page.settings["n_samples"].set_value(7)
    page.run()
    qtbot.waitUntil(lambda: not page.is_busy)
    assert "ValueError: a fault" in page.panel.status.text()
    page.panel.copy_button.click()
    copied = QApplication.clipboard().text()
    assert "page: Split and denoise" in copied
    assert "n_samples=7" in copied
    assert "in split_job" in copied
