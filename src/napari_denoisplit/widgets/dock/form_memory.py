"""The values of a page's forms, from one session to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import QObject, QSignalBlocker, Signal

from napari_denoisplit.widgets.parts.fields import SettingsForm
from napari_denoisplit.widgets.parts.remembered import remember_values, remembered_values
from napari_denoisplit.widgets.parts.run_panel import RunPanel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.widgets.parts.docked import DockedWidget


class FormMemory(QObject):
    """Keeps what differs from the defaults of a page, and can go back to them.

    Only settings are kept: what belongs to an image, such as its channels, is in no form.

    Parameters
    ----------
    name
        Under which the values are kept.
    page
        Whose forms are followed; they show their defaults now, and then what they held last.
    """

    changed = Signal()  # something differs from the defaults, or nothing does any more

    def __init__(self, name: str, page: DockedWidget) -> None:
        super().__init__(page)
        self._name = name
        self._forms = page.findChildren(SettingsForm)
        self._panels = page.findChildren(RunPanel)
        self._alone = page.settings_alone
        of_forms = {key: one for form in self._forms for key, one in form.controls.items()}
        self._controls = of_forms | dict(self._alone)
        self._defaults = {key: control.value() for key, control in self._controls.items()}
        if valid := self._valid(remembered_values(name)):
            self._show(valid)
        for form in self._forms:
            form.changed.connect(self._keep)
        for control in self._alone.values():
            control.changed.connect(self._keep)

    @property
    def differing(self) -> dict[str, str]:
        """Names of the controls that differ from their defaults, and what they are called."""
        return {
            key: control.widget.accessibleName()
            for key, control in self._controls.items()
            if control.value() != self._defaults[key]
        }

    def to_defaults(self) -> None:
        """Set every value back, except what cannot be changed while a job runs.

        Without a job what has no effect now is set back, too: the page counts it as changed.
        """
        is_running = any(panel.is_running for panel in self._panels)
        self._show(
            {
                key: self._defaults[key]
                for key, control in self._controls.items()
                if not is_running or control.widget.isEnabled()
            }
        )

    def _valid(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        """Leave out what this version does not know, or would not take."""
        valid = {}
        for key in stored.keys() & self._controls.keys():
            try:
                valid[key] = self._controls[key].check(stored[key])
            except ValidationError:
                continue
        return valid

    def _show(self, values: Mapping[str, Any]) -> None:
        # One control may set others, such as a recipe: all are set, and then told of at once.
        in_forms = [one for key, one in self._controls.items() if key not in self._alone]
        blockers = [QSignalBlocker(control.widget) for control in in_forms]
        for key, value in values.items():
            self._controls[key].set_value(value)
        for blocker in blockers:
            blocker.unblock()
        for form in self._forms:
            form.changed.emit()

    def _keep(self) -> None:
        remember_values(self._name, {key: self._controls[key].value() for key in self.differing})
        self.changed.emit()
