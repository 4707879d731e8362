"""Posterior samples as a film, or as one OME-TIFF with the samples along time."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.files import replacing
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.pictures import Look, course, default_look, render
from napari_denoisplit.images.results.split import Split, pixels_of
from napari_denoisplit.settings import FilmSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, StatusEvent

FILM_ENDINGS = (".gif", ".mp4")
"""Endings of films; .ome.tif keeps the numbers instead."""
_TIFF = (".tif", ".tiff")
_INSTALL = "pip install 'napari-denoisplit[film]'"


def film_job(
    split: Split,
    path: Path,
    settings: FilmSettings | None = None,
    *,
    plane: tuple[int, ...] | None = None,
    against: int | None = None,
    look: Look | None = None,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, Path | None]:
    """Write one plane of all samples.

    Parameters
    ----------
    split
        The samples; one is read at a time.
    path
        Ending in .gif or .mp4, a film; ending in .ome.tif, all numbers as float32, structures as
        channels and samples along T (a film has 256 steps from dark to bright, and MP4 loses some).
    settings
        Speed, order, what is shown; None takes every default.
    plane
        Index along each axis before Y and X; None takes the first.
    against
        Number of the sample that differences are taken to, from 0; None: the MMSE.
    look
        Colours and limits; None finds them by the first frame.
    stop
        Ends the work: nothing is written then.

    Returns
    -------
    The file; None after a stop.

    Raises
    ------
    ImageError
        The ending is another, the plane or the sample does not exist, a library is missing, or the
        file cannot be written.
    """
    settings = settings or FilmSettings()
    split.need_samples()
    plane, against = split.checked_plane(plane), _checked(against, split)
    if path.name.lower().endswith(_TIFF):
        yield Stage(f"Writing {path.name}")
        frames = _Frames(split, plane, settings, against, stop)
        try:
            write_image(path, _as_image(frames))
        except _Stopped:
            return None
        return path
    if path.suffix.lower() not in FILM_ENDINGS:
        raise ImageError(f"{path} is no name for a film: let it end in .gif, .mp4 or .ome.tif.")
    yield Stage("Preparing the film")
    frames = _Frames(split, plane, settings, against)
    look = look or default_look(frames[0], is_difference=settings.show == "difference")
    order = course(split.n_kept, settings.loop)
    layout = "side by side" if settings.show == "difference" else settings.layout
    began = time.monotonic()
    try:
        with replacing(path) as temporary, _writer(temporary, path, settings) as writer:
            for number, index in enumerate(order):
                if stop is not None and stop.is_set():
                    raise _Stopped
                writer.append_data(_even(render(frames[index], look, layout)))
                seconds = time.monotonic() - began
                done = (number + 1) / len(order)
                left = seconds * (1 - done) / done
                yield Progress(done, left, f"frame {number + 1} of {len(order)}")
    except _Stopped:
        return None
    except OSError as error:
        raise ImageError(
            f"{path} could not be written ({error.strerror or error}). Check that the folder may "
            "be written to and has space left."
        ) from error
    return path


class _Stopped(Exception):
    """The user has asked for an end; the file begun is removed."""


@dataclass(frozen=True, slots=True)
class _Series:
    """All samples of one plane as an array (K, C, Y, X) that is read plane by plane.

    A plane that is asked for after a stop raises `_Stopped`: the writer asks for one at a time.
    """

    frames: _Frames

    @property
    def shape(self) -> tuple[int, ...]:
        split = self.frames.split
        return (split.n_kept, split.n_structures, *split.plane_shape)

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return np.dtype(np.float32)

    @property
    def ndim(self) -> int:
        return 4

    def __getitem__(self, index: tuple[int, int]) -> NDArray[np.float32]:
        return self.frames.part(*index)


class _Frames:
    """Frames of a film by the number of the sample, as samples or as differences."""

    def __init__(
        self,
        split: Split,
        plane: tuple[int, ...],
        settings: FilmSettings,
        against: int | None,
        stop: threading.Event | None = None,
    ) -> None:
        self.split, self._plane, self._stop = split, plane, stop
        self.title = "samples"
        self._other: NDArray[np.float32] | None = None
        if settings.show == "difference":
            self._other = np.stack(
                split.read_mmse(plane) if against is None else split.read_sample(against, plane)
            )
            self.title += " - MMSE" if against is None else f" - sample {against + 1}"

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        frame = np.stack(self.split.read_sample(index, self._plane))
        return frame if self._other is None else frame - self._other

    def part(self, index: int, structure: int) -> NDArray[np.float32]:
        """One structure of a frame, (Y, X)."""
        if self._stop is not None and self._stop.is_set():
            raise _Stopped
        pixels = pixels_of(self.split.need_samples()[structure][(index, *self._plane)])
        return pixels if self._other is None else pixels - self._other[structure]


def _as_image(frames: _Frames) -> Image:
    """Return samples along T, structures along C."""
    split = frames.split
    sizes = {axis: size for axis, size in split.pixel_size.items() if axis in "YX"}
    return Image(
        _Series(frames),
        "TCYX",
        sizes,
        {axis: unit for axis, unit in split.units.items() if axis in sizes},
        split.structures,
        f"{split.name} {frames.title}",
    )


def _checked(against: int | None, split: Split) -> int | None:
    if against is not None and not 0 <= against < split.n_kept:
        raise ImageError(
            f"{split.name!r} has no sample {against + 1} to compare with: it has {split.n_kept}."
        )
    return against


@contextmanager
def _writer(temporary: Path, path: Path, settings: FilmSettings) -> Iterator[Any]:
    """Hand out what writes pictures one after the other."""
    try:
        import imageio.v2 as imageio  # of the extra `film`; napari brings it too
    except ImportError as error:
        raise ImageError(f"{path.name}: films are written by imageio. {_INSTALL}") from error
    if path.suffix.lower() == ".gif":
        times = {} if settings.loop == "once" else {"loop": 0}  # 0 is for ever
        writer = imageio.get_writer(
            temporary, format="GIF", mode="I", duration=1000 / settings.speed, **times
        )
    else:
        writer = _mp4(imageio, temporary, path, settings)
    try:
        yield writer
    finally:
        writer.close()


def _mp4(imageio: Any, temporary: Path, path: Path, settings: FilmSettings) -> Any:
    try:
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise ImageError(
            f"{path.name}: MP4 films are written by ffmpeg, which is not installed: {_INSTALL}; "
            "or save the film as .gif."
        ) from error
    return imageio.get_writer(
        temporary,
        format="FFMPEG",
        mode="I",
        fps=settings.speed,
        codec="libx264",
        quality=8,
        macro_block_size=2,
        ffmpeg_log_level="error",
    )


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row and column where their number is odd: films have even sizes."""
    odd = [(0, n % 2) for n in picture.shape[:2]]
    return np.pad(picture, [*odd, (0, 0)], mode="edge")
