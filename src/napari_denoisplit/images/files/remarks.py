"""What is to be said of a TIFF file beside its pixels: what it lacks, what was left out."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING

from napari_denoisplit.images.files.file_sets import absent_files
from napari_denoisplit.images.ome_header import ome_elements, tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    import tifffile


class _Listener(logging.Handler):
    """Keeps the warnings of the thread that made it: others may open files too."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._thread = get_ident()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self.heard.append(re.sub("^<[^>]*> *", "", record.getMessage()))


@contextmanager
def tifffile_remarks() -> Iterator[list[str]]:
    """Hand out a list that fills with what tifffile warns of; it raises no warnings."""
    logger = logging.getLogger("tifffile")
    listener = _Listener()
    logger.addHandler(listener)
    try:
        yield listener.heard
    finally:
        logger.removeHandler(listener)


def remarks(file: tifffile.TiffFile, heard: list[str]) -> tuple[str, ...]:
    """Sentences on what belongs to a file and is in none of its images.

    Parameters
    ----------
    file
        Whose series are known by now.
    heard
        What tifffile has warned of meanwhile.
    """
    name, notes = file.filename, []
    elements = ome_elements(file.ome_metadata)
    companion = next((e for e in elements if tag(e) == "BinaryOnly"), None)
    if companion is not None:
        notes.append(
            f"{name} holds pixels only: what they are is said by its companion file "
            f"{companion.get('MetadataFile')!r}, which is not read."
        )
    absent = absent_files(file)
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        notes.append(f"{name} is one of a set, of which {', '.join(absent)} {verb} not here.")
    unused = _pages_left_out(file)
    if unused:
        notes.append(
            f"{name} holds {len(file.pages)} planes, but its header does not speak of {unused} of "
            "them: they were left out."
        )
    if heard and not notes:
        notes.append(f"{name} may be incomplete or damaged ({'; '.join(dict.fromkeys(heard))}).")
    return tuple(notes)


def _pages_left_out(file: tifffile.TiffFile) -> int:
    """Count the pages that no image has, where a header says which ones are its own."""
    if {series.kind for series in file.series} != {"ome"}:
        return 0
    used = (page for series in file.series for page in series.pages if page is not None)
    return len(file.pages) - len({page.index for page in used if page.parent is file})
