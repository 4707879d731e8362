"""Which letter of T, C, Z, Y, X each axis of a TIFF file bears."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import AXES

if TYPE_CHECKING:
    from pathlib import Path

    import tifffile

# Two or three unnamed planes are mostly the channels of one field, more are mostly a movie.
_MOST_UNNAMED_CHANNELS = 3
_UNNAMED = "QI"  # tifffile's letters for an axis of which the file says nothing


POSITION = "R"
"""tifffile's letter for an axis of positions of the stage, as NDTiff has it."""


def name_axes(
    path: Path, series: tifffile.TiffPageSeries, axes: str | None
) -> tuple[str, tuple[str, ...]]:
    """Letter of each stored axis, in stored order, and what had to be assumed.

    An axis of positions keeps its letter, `POSITION`, where `axes` gives it no other.

    Parameters
    ----------
    path
        For messages.
    series
        Image with tifffile's letters: S for samples per pixel, Q or I for unnamed axes.
    axes
        Letters by the caller, for the axes with or without those of length 1; None to go by the
        file.

    Raises
    ------
    ImageError
        `axes` does not fit, or the file's axes are not among T, C, Z, Y, X.
    """
    if axes is not None:
        return _given(path, series, axes.upper()), ()
    letters, notes = list(series.axes), []
    if "S" in letters and "C" not in letters:
        letters[letters.index("S")] = "C"
    unnamed = [i for i, letter in enumerate(letters) if letter in _UNNAMED]
    if len(unnamed) == 1:
        size = series.shape[unnamed[0]]
        free = [a for a in ("CTZ" if size <= _MOST_UNNAMED_CHANNELS else "TZ") if a not in letters]
        if free:
            letters[unnamed[0]] = free[0]
            other = next((a for a in "TZC" if a not in letters), "C")
            axes = "".join(other if i == unnamed[0] else a for i, a in enumerate(letters))
            meaning = {"C": "channels", "T": "time points", "Z": "Z planes"}[free[0]]
            notes.append(
                f"{path.name} does not say what its {size} planes are; they were taken for "
                f"{meaning}. If that is wrong, read it with axes={axes!r}, say."
            )
    named = "".join(letters)
    known = set(AXES + POSITION)
    if not set(named) <= known or len(set(named)) < len(named) or not {"Y", "X"} <= set(named):
        raise ImageError(
            f"{path} has axes {_described(series)}, of which {AXES} can be used, each once. Give "
            f"axes, e.g. axes={example_axes(series)!r}, or save a part that has no others."
        )
    return named, tuple(notes)


def _given(path: Path, series: tifffile.TiffPageSeries, axes: str) -> str:
    """Check the caller's letters; leave out those of axes of length 1."""
    every = zip(series.get_axes(squeeze=False), series.get_shape(squeeze=False), strict=True)
    full = [(was, n) for was, n in every if was != "S" or n > 1]
    kept = axes
    if len(axes) == len(full) != len(series.axes):
        pairs = zip(axes, full, strict=True)
        kept = "".join(letter for letter, (was, n) in pairs if n > 1 or was in "YX")
    fits = len(kept) == len(series.axes) and len(set(kept)) == len(kept)
    if not fits or not set(kept) <= set(AXES) or not {"Y", "X"} <= set(kept):
        raise ImageError(
            f"{path}: axes={axes!r} do not fit its axes {_described(series)}. Give one letter of "
            f"{AXES} for each, in this order, with Y and X among them."
        )
    return kept


def _described(series: tifffile.TiffPageSeries) -> str:
    return f"{series.axes} of {' x '.join(map(str, series.shape))}"


def example_axes(series: tifffile.TiffPageSeries) -> str:
    """Letters that a user may give for the axes of a series."""
    known = series.axes if "C" in series.axes else series.axes.replace("S", "C")
    free = iter(a for a in "CTZ" if a not in known)
    return "".join(a if a in AXES else next(free, "?") for a in known)
