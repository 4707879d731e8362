"""The dock: a bar of steps, a line that says what is known, and the page in front."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QSize, Qt
from qtpy.QtWidgets import QDockWidget, QMenu, QSizePolicy, QStackedWidget, QToolButton, QWidget

from napari_denoisplit import widgets
from napari_denoisplit.widgets.dock.beginning import OPEN, SPLIT, Beginning
from napari_denoisplit.widgets.dock.form_memory import FormMemory
from napari_denoisplit.widgets.dock.icons import SIZE, icon
from napari_denoisplit.widgets.dock.steps import STEPS, TOOLS, Step
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.parts.controls import Text, in_a_column, in_a_row
from napari_denoisplit.widgets.parts.docked import DockedWidget, around, docked_in
from napari_denoisplit.widgets.parts.fields import tooltip
from napari_denoisplit.widgets.parts.remembered import remember, remembered
from napari_denoisplit.widgets.parts.timer import timer

if TYPE_CHECKING:
    from pathlib import Path

    from napari.viewer import Viewer
    from qtpy.QtGui import QShowEvent

_PLUGIN, _TITLE = " (napari-denoisplit)", " (denoiSplit)"
"""How napari ends the name of a dock that a script opens, and of one that its menus open."""


_PAGES = STEPS | TOOLS
_FIRST, _TOOLS = "Split", "Tools"
_IN_FRONT = (
    "QToolButton:checked {{ background: {}; border-radius: 3px; }}"
    # Qt draws its own mark of a menu across the word.
    "QToolButton::menu-indicator {{ image: none; }}"
)


class DenoisplitDock(QWidget):
    """The place of all pages; each is made at the first visit.

    Parameters
    ----------
    napari_viewer
        The viewer; it is held weakly.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        super().__init__()
        self.viewer = viewer_reference(napari_viewer)
        self._pages: dict[str, DockedWidget] = {}
        self._memories: dict[str, FormMemory] = {}
        self._model: Path | None = remembered("model")
        self.setAccessibleName("denoiSplit")
        self.buttons = {name: _button(step) for name, step in STEPS.items()}
        self.tools = _button(Step(_TOOLS, "Noise models, calibration, and more.", ""))
        self.tools.setText(_with_mark(_TOOLS))
        self.guide_button = _small_button("?", "Help", "Read about this page.")
        self.defaults_button = _small_button("Defaults", "Defaults", "Set back what was changed.")
        self.known = Text("Model and image", self)
        self.known.setContentsMargins(6, 0, 6, 0)
        self.beginning = Beginning(self)
        self.stack = QStackedWidget(self)
        # napari leaves the height to what wants it, and else adds an empty space below.
        self.stack.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._gives_way = timer(self, self._leave)
        bar = in_a_row(*self.buttons.values(), self.tools)
        bar.setSpacing(2)
        line = in_a_row(self.known, self.defaults_button, self.guide_button)
        self.setLayout(in_a_column(bar, line, self.beginning, self.stack))
        self.layout().setContentsMargins(4, 4, 4, 2)
        self._connect()

    def _connect(self) -> None:
        for name, button in self.buttons.items():
            button.clicked.connect(partial(self.show_page, name))
        menu = QMenu(self.tools)
        menu.setToolTipsVisible(True)
        for name, step in TOOLS.items():
            action = menu.addAction(step.title)
            action.setToolTip(step.help_text)
            action.triggered.connect(partial(self.show_page, name))
        self.tools.setMenu(menu)
        self.tools.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.guide_button.clicked.connect(self._open_guide)
        self.defaults_button.clicked.connect(self._to_defaults)
        self.beginning.wanted.connect(self._begin)
        if (viewer := self.viewer()) is not None:
            viewer.events.theme.connect(self._follow_theme)
        self._follow_theme()

    @property
    def pages(self) -> dict[str, DockedWidget]:
        """Pages that were visited, by name."""
        return dict(self._pages)

    def show_page(self, name: str, *_: object) -> Any:
        """Bring a page to the front.

        Parameters
        ----------
        name
            "Train", "Split", "Samples", "Trust", "Noise model", "Calibration", "Denoise", "Batch".

        Returns
        -------
        The page.
        """
        page = self._pages.get(name) or self._make(name)
        self.stack.setCurrentWidget(page)
        for other, button in self.buttons.items():
            button.setChecked(other == name)
        self.tools.setChecked(name in TOOLS)
        self.tools.setText(_with_mark(TOOLS[name].title if name in TOOLS else _TOOLS))
        self._tell()
        return page

    def _make(self, name: str) -> DockedWidget:
        viewer = self.viewer()
        page: DockedWidget = getattr(widgets, _PAGES[name].widget)(viewer)
        self._pages[name] = page
        self._memories[name] = memory = FormMemory(name, page)
        memory.changed.connect(self._offer_defaults)
        self.stack.addWidget(page)
        page.model_known.connect(partial(self._on_model, name))
        page.subject_changed.connect(self._tell)
        page.result_made.connect(self._on_result)
        if self._model is not None:
            page.offer_model(self._model)
        return page

    def come_to_front(self) -> None:
        """Show the dock, before other tabs of its place."""
        if (dock := around(self, QDockWidget)) is not None:
            dock.show()
            dock.raise_()

    def reset_choices(self, event: object = None) -> None:
        """Follow the viewer's layers; napari calls this."""
        for page in self._pages.values():
            page.reset_choices(event)
        self._tell()

    def showEvent(self, event: QShowEvent) -> None:
        """Begin with the page that splits, where no other was asked for."""
        super().showEvent(event)
        if not self._pages:
            self.show_page(_FIRST)

    def changeEvent(self, event: QEvent) -> None:
        """Notice that napari puts the widget into a dock, or takes it out."""
        super().changeEvent(event)
        if event.type() != QEvent.Type.ParentChange:
            return
        if (dock := around(self, QDockWidget)) is not None:
            if self._others():
                self._gives_way.start()
            else:
                # napari keeps the dock by its name in a moment; its menus look for the other one.
                dock.name = getattr(dock, "name", "").replace(_PLUGIN, _TITLE)
        elif self.parent() is None:
            for page in self._pages.values():
                page.undocked.emit()

    def _leave(self) -> None:
        """Take the second dock out of the window: the first has the jobs and what is known."""
        others = self._others()
        if others and (dock := around(self, QDockWidget)) is not None:
            dock.destroyOnClose()
            self.deleteLater()
            others[0].come_to_front()

    def _others(self) -> list[DenoisplitDock]:
        viewer = self.viewer()
        docks = [] if viewer is None else docked_in(viewer, DenoisplitDock)
        return [dock for dock in docks if dock is not self]

    def _on_model(self, of: str, path: Path) -> None:
        if path == self._model:
            return
        self._model = path
        remember("model", path)
        for name, page in self._pages.items():
            if name != of:
                page.offer_model(path)
        self._tell()

    def _on_result(self) -> None:
        for page in self._pages.values():
            page.show_newest()

    def _front(self) -> str:
        """Name of the page in front."""
        front = self.stack.currentWidget()
        return next((name for name, page in self._pages.items() if page is front), _FIRST)

    def _open_guide(self, *_: object) -> None:
        from napari_denoisplit.widgets.dock.guide import Guide

        guide = self.findChild(Guide) or Guide(self)
        guide.open(_PAGES[self._front()].guide)

    def _open_sample(self, name: str) -> None:
        if (viewer := self.viewer()) is not None:
            viewer.open_sample("napari-denoisplit", name)

    def _begin(self, way: str) -> None:
        """Do the first step of the page in front with the example."""
        if way == SPLIT:
            self._open_sample("cells")
            self.show_page("Split").split_example()
            return
        if way == OPEN:
            self._open_sample("cells_alone")
        self._pages[self._front()].take_example()

    def _tell(self) -> None:
        """Say which model and image the page in front is about, or how to begin with it."""
        page = self.stack.currentWidget()
        model, image = ("", "") if page is None else page.subject
        model = model or ("" if self._model is None else self._model.stem)
        self._help_to_begin(is_new=not model)
        words = f"Model {model}" if model else "No model yet"
        self.known.say(words + (f" · image {image}" if image else ""))
        self.known.setToolTip(tooltip(str(self._model or "Train a model, or choose one in Split.")))
        self._offer_defaults()

    def _offer_defaults(self) -> None:
        """Offer the way back where something on the page in front is not as it comes."""
        memory = self._memories.get(self._front())
        names = () if memory is None else memory.differing.values()
        self.defaults_button.setVisible(bool(names))
        self.defaults_button.setToolTip(tooltip(f"Set back what was changed: {', '.join(names)}."))

    def _to_defaults(self, *_: object) -> None:
        self._memories[self._front()].to_defaults()

    def _help_to_begin(self, *, is_new: bool) -> None:
        """Say what a page is for while there is no model, or no layer where that is not needed."""
        name, viewer = self._front(), self.viewer()
        has_layers = viewer is not None and bool(viewer.layers)
        is_new = is_new and (name == _FIRST or not has_layers)
        step = _PAGES[name]
        text = f"{step.help_text} {step.first}" if is_new else ""
        self.beginning.say(text, step.beginning if is_new else "")

    def _follow_theme(self, event: object = None) -> None:
        from napari.utils.theme import get_theme

        viewer = self.viewer()
        theme = get_theme("dark" if viewer is None else viewer.theme)
        for name, button in {**self.buttons, _TOOLS: self.tools}.items():
            button.setIcon(icon(name, theme.text.as_hex()))
            button.setStyleSheet(_IN_FRONT.format(theme.current.as_hex()))


def _with_mark(word: str) -> str:
    """Mark a word as one that opens a menu."""
    return f"{word} ▾"


def _small_button(text: str, name: str, help_text: str) -> QToolButton:
    made = QToolButton()
    made.setText(text)
    made.setAccessibleName(name)
    made.setToolTip(tooltip(help_text))
    return made


def _button(step: Step) -> QToolButton:
    button = QToolButton()
    button.setText(step.title)
    button.setToolTip(tooltip(step.help_text))
    button.setAccessibleName(step.title)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
    button.setIconSize(QSize(SIZE))
    button.setCheckable(True)
    button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return button
