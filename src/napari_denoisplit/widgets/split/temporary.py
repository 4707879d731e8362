"""Results on disk that live as long as the layers that show them."""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["TemporaryResults", "place_for_temporary"]

_LARGE_FILES = Path("/var/tmp")  # /tmp is memory on many a Linux


def place_for_temporary() -> Path:
    """Folder for large temporary files: TMPDIR if it is set, else that of the system for them."""
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    if not named and os.access(_LARGE_FILES, os.W_OK):
        return _LARGE_FILES
    return Path(tempfile.gettempdir())


class TemporaryResults:
    """A folder for results; each is deleted when the last layer that shows it is removed.

    What is left is deleted with the viewer, or when Python ends.

    Parameters
    ----------
    viewer
        Whose layers show the results.
    """

    def __init__(self, viewer: ViewerRef) -> None:
        self._viewer = viewer
        self._folder: Path | None = None
        self._made: set[str] = set()

    def folder(self) -> Path:
        """Make the folder at its first use.

        Raises
        ------
        OSError
            It cannot be made.
        """
        if self._folder is not None and self._folder.is_dir():
            return self._folder
        folder = Path(tempfile.mkdtemp(prefix="denoisplit-", dir=place_for_temporary()))
        self._folder = folder
        if (viewer := self._viewer()) is not None:
            weakref.finalize(viewer, shutil.rmtree, folder, ignore_errors=True)
            made, reference = self._made, self._viewer

            def forget(event: Any = None) -> None:
                if not made:
                    _delete_unshown(folder, reference)

            # A function and not a method: it must outlive the widget, as the layers do.
            viewer.layers.events.removed.connect(forget)
        return folder

    def begin(self) -> None:
        """Delete nothing while results are made, whatever becomes of layers."""
        self._made.add("results")

    def end(self) -> None:
        """Delete the results that no layer shows, now that none is being made."""
        self._made.clear()
        if self._folder is not None:
            _delete_unshown(self._folder, self._viewer)


def _delete_unshown(folder: Path, viewer_reference: ViewerRef) -> None:
    """Delete the results in a folder that no layer shows."""
    if (viewer := viewer_reference()) is None:
        return
    shown = {str((layer.metadata.get("denoisplit") or {}).get("result")) for layer in viewer.layers}
    for path in folder.glob("*.zarr"):
        if str(path) not in shown:
            shutil.rmtree(path, ignore_errors=True)
