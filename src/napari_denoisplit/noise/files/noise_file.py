"""A noise model in a file, read and written by the ending of its name."""

from __future__ import annotations

import json
import tokenize
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import is_pipe, replacing
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.noise.files.description import numbers
from napari_denoisplit.noise.files.npy import read_npy_values, write_npy
from napari_denoisplit.noise.files.npz import read_npz_values, write_npz
from napari_denoisplit.settings import NoiseKind
from napari_denoisplit.verdict import NoiseRecord

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_MOST_BYTES = 64 * 2**20  # a histogram of 1024 bins as text
_OTHERS = "PN2V, DivNoising, HDN, denoiSplit or careamics"
# The last two are what numpy's reading of a header, a text of Python, ends in.
_DAMAGE = (*DAMAGE, zipfile.BadZipFile, MemoryError, tokenize.TokenError, SyntaxError)


@dataclass(frozen=True, slots=True)
class NoiseHeader:
    """What a file says of its noise model, without the model."""

    kind: NoiseKind
    signal_range: tuple[float, float]
    """Range of the signal that the model was made for, grey levels."""
    record: NoiseRecord
    """Empty for models of other programs."""
    numbers: dict[str, float] = field(default_factory=dict)
    """What a user can compare, by name: gain and read noise, or how many Gaussians."""


def read_noise_model(path: str | os.PathLike[str]) -> NoiseModel:
    """Read a noise model from a file, its layout by its ending; nothing in it is executed.

    Parameters
    ----------
    path
        `.npz` (this package, PN2V, DivNoising, HDN, denoiSplit, careamics), `.npy` (a histogram as
        PN2V writes it) or `.json` (this package).

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or no noise model.
    """
    # Not at the top: it brings torch, and windows look into files before they need it.
    from napari_denoisplit.noise.models.kinds import noise_model_from_dict

    values = _values(Path(path))
    try:
        return noise_model_from_dict(values)
    except _DAMAGE as error:
        raise NoiseModelError(f"{str(path)!r}: {error}") from error


def read_noise_header(path: str | os.PathLike[str]) -> NoiseHeader:
    """Read what a file says of its noise model, without torch.

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or no noise model.
    """
    values = _values(Path(path))
    kind: Any = values.get("kind")
    try:
        if kind not in get_args(NoiseKind):
            raise NoiseModelError(
                f"its kind is {kind!r}, which is unknown here: update the package."
            )
        low, high = float(values["min_signal"]), float(values["max_signal"])
        return NoiseHeader(kind, (low, high), NoiseRecord.of_values(values), numbers(values))
    except _DAMAGE as error:
        raise NoiseModelError(f"{str(path)!r} cannot be used as a noise model: {error}") from error


def write_noise_model(path: str | os.PathLike[str], model: NoiseModel) -> None:
    """Write a noise model to a file, whole or not at all; its layout by the ending of the name.

    Parameters
    ----------
    path
        `.npz` or `.json` for any kind, with its record; `.npy` for a histogram, without it.
    model
        What to write.

    Raises
    ------
    NoiseModelError
        The name ends otherwise, or the layout does not take this kind.
    OSError
        The folder cannot be written.
    """
    path = Path(path)
    values = model.to_dict()
    match path.suffix.lower():
        case ".npz":
            write_npz(path, values)
        case ".npy":
            write_npy(path, values)
        case ".json":
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        case _:
            raise NoiseModelError(_unknown(path))


def _read_json_values(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise NoiseModelError(
            f"{str(path)!r} is not a noise model: it is not a JSON object. Choose a file that "
            "'denoisplit noise' or Tools > Noise model wrote."
        )
    return values


_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".npz": read_npz_values,
    ".npy": read_npy_values,
    ".json": _read_json_values,
}
SUFFIXES = tuple(_READERS)
"""Endings of files that may hold a noise model."""


def _values(path: Path) -> dict[str, Any]:
    """Read what `noise_model_from_dict` takes."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise NoiseModelError(_unknown(path))
    if is_pipe(path):
        raise NoiseModelError(f"{str(path)!r} is a pipe or a device: choose a file.")
    try:
        if (size := path.stat().st_size) > _MOST_BYTES:
            raise NoiseModelError(
                f"{str(path)!r} is not a noise model: it has {size} bytes, and no model has more "
                f"than {_MOST_BYTES}. Choose another file."
            )
        return reader(path)
    except NoiseModelError:
        raise
    except _DAMAGE as error:
        raise NoiseModelError(
            f"{str(path)!r} cannot be read as a noise model ({error}): choose a file that this "
            f"package, {_OTHERS} wrote."
        ) from error


def _unknown(path: Path) -> str:
    endings = f"{', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
    return f"Files of noise models end in {endings}: {str(path)!r} does not. Choose another name."
