"""A film of samples, or their numbers, to be written to a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_denoisplit.events import Stage

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.pictures import PictureColours
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.settings import FilmSettings

KINDS = {".gif": "Film", ".mp4": "Film", ".ome.tif": "Numbers: OME-TIFF", ".tiff": "Numbers"}
"""Of files that can be written, by their endings."""


@dataclass(frozen=True, slots=True, eq=False)
class FilmOrder:
    """What is to be written, as in `film_job`."""

    stack: Split
    numbers: Split
    """The same at full resolution, for OME-TIFF: of large planes a film shows coarser ones."""
    plane: tuple[int, ...]
    settings: FilmSettings
    against: int | None
    colours: PictureColours | None

    def job(self, path: Path, stop: threading.Event) -> Job[StatusEvent, Path | None]:
        """Write the file."""
        yield Stage("Preparing")
        # Not at the top: what writes images is needed at the end of a session, if at all.
        from napari_denoisplit.jobs.film import FILM_ENDINGS, film_job

        job = film_job(
            self.stack if path.suffix.lower() in FILM_ENDINGS else self.numbers,
            path,
            self.settings,
            plane=self.plane,
            against=self.against,
            colours=self.colours,
            stop=stop,
        )
        return (yield from job)
