"""The base of pages whose job needs a model file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.widgets.choosers.model import ModelChoice
from napari_denoisplit.widgets.parts.job_widget import JobWidget

if TYPE_CHECKING:
    from pathlib import Path


class ModelPage(JobWidget):
    """A page with a choice of the model that its job needs; see `JobWidget` for the parameters."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.model = ModelChoice(self)
        self.model.changed.connect(self.subject_changed)
        self.model.known.connect(self.model_known)

    @property
    def is_busy(self) -> bool:
        """Whether the model is in use."""
        return self.panel.is_running

    @property
    def subject(self) -> tuple[str, str]:
        """Name of the model that is chosen; no image."""
        return self.model.name, ""

    def open_model(self, path: Path) -> None:
        """Choose a model file."""
        self.model.open(path)

    def offer_model(self, path: Path) -> None:
        """Take a model that another page knows of, unless the user has chosen one here."""
        if not self.is_busy:
            self.model.offer(path)
