"""Posterior samples as a film, or as one OME-TIFF with the samples along time."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Count, Stage
from napari_denoisplit.files import replacing
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.arrays import pixels_of
from napari_denoisplit.images.results.pictures import (
    PictureColours,
    course,
    default_colours,
    render,
)
from napari_denoisplit.settings import FilmSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, Progress, StatusEvent
    from napari_denoisplit.images.results.split import Split

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
    colours: PictureColours | None = None,
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
    colours
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
    is_tiff = path.name.lower().endswith(_TIFF)
    if not is_tiff and path.suffix.lower() not in FILM_ENDINGS:
        raise ImageError(f"Films end in .gif, .mp4 or .ome.tif: rename {path}.")
    frames = _Frames(split, plane, settings, against, stop)
    try:
        if is_tiff:
            yield Stage(f"Writing {path.name}")
            write_image(path, _as_image(frames))
        else:
            yield Stage("Preparing the film")
            yield from _film(frames, path, settings, colours)
    except _Stopped:
        return None
    except OSError as error:
        raise ImageError(
            f"{path} could not be written ({error.strerror or error}). Check that the folder may "
            "be written to and has space left."
        ) from error
    return path


def _film(
    frames: _Frames, path: Path, settings: FilmSettings, colours: PictureColours | None
) -> Job[Progress, None]:
    """Write every frame of a round."""
    is_difference = settings.show == "difference"
    colours = colours or default_colours(frames.frame(0), is_difference=is_difference)
    layout = "side by side" if is_difference else settings.layout
    order = course(len(frames), settings.loop)
    count = Count("frame", len(order))
    with replacing(path) as temporary, _writer(temporary, path, settings, frames.stop) as writer:
        for number, index in enumerate(order, start=1):
            writer.append_data(_even(render(frames.frame(index), colours, layout)))
            yield count.progress(number)


class _Stopped(Exception):
    """The user has asked for an end; the file begun is removed."""


class _Frames:
    """All samples of one plane as an array (K, C, Y, X), or their differences to another picture.

    It is read plane by plane. One that is asked for after a stop raises `_Stopped`: the writer of
    TIFF asks for one at a time.
    """

    ndim, dtype = 4, np.dtype(np.float32)

    def __init__(
        self,
        split: Split,
        plane: tuple[int, ...],
        settings: FilmSettings,
        against: int | None,
        stop: threading.Event | None = None,
    ) -> None:
        self.split, self._plane, self.stop = split, plane, stop
        self.shape = (split.n_kept, split.n_structures, *split.plane_shape)
        self.title = "samples"
        self._other: Sequence[NDArray[np.float32]] | None = None
        if settings.show == "difference" and against is None:
            self._other, self.title = split.read_mmse(plane), "samples - MMSE"
        elif settings.show == "difference" and against is not None:
            self._other = split.read_sample(against, plane)
            self.title = f"samples - sample {against + 1}"

    def __getitem__(self, index: tuple[int, int]) -> NDArray[np.float32]:
        _raise_if(self.stop)
        k, structure = index
        pixels = pixels_of(self.split.need_samples()[structure][(k, *self._plane)])
        return pixels if self._other is None else pixels - self._other[structure]

    def __len__(self) -> int:
        return self.shape[0]

    def frame(self, k: int) -> NDArray[np.float32]:
        """All structures of one sample, (C, Y, X)."""
        return np.stack([self[k, structure] for structure in range(self.shape[1])])


def _as_image(frames: _Frames) -> Image:
    """Return samples along T, structures along C."""
    split = frames.split
    sizes = {axis: size for axis, size in split.pixel_size.items() if axis in "YX"}
    return Image(
        frames,
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
def _writer(
    temporary: Path, path: Path, settings: FilmSettings, stop: threading.Event | None
) -> Iterator[Any]:
    """Hand out what takes pictures one after the other, and write the film behind the last."""
    if path.suffix.lower() == ".gif":
        film = _Gif(temporary, path.name, settings, stop)
        yield film
        film.write()
        return
    _need_ffmpeg(path)
    import imageio.v2 as imageio

    how: dict[str, Any] = {
        "format": "FFMPEG",
        "fps": settings.speed,
        "codec": "libx264",
        "quality": 8,
    }
    how |= {"macro_block_size": 2, "ffmpeg_log_level": "error"}
    writer = imageio.get_writer(temporary, mode="I", **how)
    try:
        yield writer
    finally:
        writer.close()


class _Gif:
    """A film as GIF: pictures are reduced to 256 colours as they come, and written in the end.

    Written as it is by imageio, all that lies behind the last picture, where no stop is seen.
    """

    def __init__(
        self, file: Path, name: str, settings: FilmSettings, stop: threading.Event | None
    ) -> None:
        try:
            from PIL import Image as Pillow  # of the extra `film`; napari brings it too
        except ImportError as error:
            raise ImageError(f"{name}: films are written by Pillow. {_INSTALL}") from error
        self._pillow, self._file, self._stop = Pillow, file, stop
        self._how: dict[str, Any] = {"duration": 1000 / settings.speed}
        self._how |= {} if settings.loop == "once" else {"loop": 0}  # 0 is for ever
        self._pictures: list[Any] = []

    def append_data(self, picture: NDArray[np.uint8]) -> None:
        """Take the next picture."""
        image = self._pillow.fromarray(picture)
        self._pictures.append(image.convert("P", palette=self._pillow.Palette.ADAPTIVE))

    def write(self) -> None:
        """Write all; it ends within one picture after a stop."""
        first, *others = self._pictures
        with self._file.open("wb") as file:
            first.save(
                _Stoppable(file, self._stop),
                format="GIF",
                save_all=True,
                append_images=(one for one in others if not _raise_if(self._stop)),
                **self._how,
            )


class _Stoppable:
    """A file to be written, as far as Pillow asks of it, that ends with a stop."""

    def __init__(self, file: BinaryIO, stop: threading.Event | None) -> None:
        self._file, self._stop = file, stop
        self.flush = file.flush

    def write(self, data: bytes) -> int:
        """Write some."""
        _raise_if(self._stop)
        return self._file.write(data)


def _raise_if(stop: threading.Event | None) -> bool:
    """Raise `_Stopped` after a stop; else return False."""
    if stop is not None and stop.is_set():
        raise _Stopped
    return False


def _need_ffmpeg(path: Path) -> None:
    try:
        import imageio.v2  # noqa: F401
        import imageio_ffmpeg  # noqa: F401
    except ImportError as error:
        raise ImageError(
            f"{path.name}: MP4 films are written by ffmpeg, which is not installed: {_INSTALL}; "
            "or save the film as .gif."
        ) from error


def _even(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Repeat the last row and column where their number is odd: films have even sizes."""
    odd = [(0, n % 2) for n in picture.shape[:2]]
    return np.pad(picture, [*odd, (0, 0)], mode="edge")
