"""Noise models in `.npz` files.

A Gaussian mixture takes four arrays, as PN2V, DivNoising, HDN, denoiSplit and careamics write
them: trained_weight float32 (3K, n), min_signal and max_signal float32 (1,), min_sigma float64 ().
Other kinds take arrays of their own. The record of a model stands beside them as JSON text in the
array `denoisplit`; other programs ignore it, as this one ignores arrays it does not know.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from napari_denoisplit.noise.models.noise_model import NoiseModel

RECORD = "denoisplit"
_MIXTURE = ("trained_weight", "min_signal", "max_signal", "min_sigma")
_POISSON = ("gain", "offset", "read_noise", "min_signal", "max_signal")
_HISTOGRAM = ("histogram",)
_MOST_BYTES = 1 << 20  # a model has a few hundred; more is something else or an attack
_MOST_TABLE_BYTES = 3 * 1024 * 1024 * 8 + 4096  # float64 (3, 1024, 1024)


def read_npz(path: str | os.PathLike[str]) -> NoiseModel:
    """Read a noise model; nothing in the file is executed.

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or no noise model.
    """
    # Not at the top: it brings torch, and windows look into files before they need it.
    from napari_denoisplit.noise.models.kinds import noise_model_from_dict

    values = read_npz_values(path)
    try:
        return noise_model_from_dict(values)
    except NoiseModelError as error:
        raise NoiseModelError(f"{str(path)!r}: {error}") from error


def read_npz_values(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `noise_model_from_dict` takes, without torch.

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or no noise model.
    """
    path = Path(path)
    try:
        arrays = _arrays(path)
        return _values(path, arrays)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, NoiseModelError):
            raise
        raise NoiseModelError(
            f"{str(path)!r} cannot be read as a noise model ({error}): choose an .npz file as "
            "written by this package, PN2V, DivNoising, HDN, denoiSplit or careamics."
        ) from error


def write_npz(path: str | os.PathLike[str], model: NoiseModel) -> None:
    """Write a noise model, whole or not at all.

    Parameters
    ----------
    path
        File to write, usually ending in .npz; an old one is replaced.
    model
        What to write, of any kind; its record goes with it.

    Raises
    ------
    NoiseModelError
        This kind of model has no `.npz` layout.
    """
    values = model.to_dict()
    arrays = _as_arrays(values)
    if values.get("record"):
        arrays[RECORD] = np.array(json.dumps(values["record"]))
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _as_arrays(values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Arrays of a file from the dictionary of a model."""
    match values["kind"]:
        case "gaussian_mixture":
            return {
                "trained_weight": np.array(values["weight"], dtype=np.float32),
                "min_signal": np.array([values["min_signal"]], dtype=np.float32),
                "max_signal": np.array([values["max_signal"]], dtype=np.float32),
                # The shortest decimal, so that a 0.1 that was read is a 0.1 again.
                "min_sigma": np.array(float(str(np.float32(values["min_sigma"])))),
            }
        case "poisson_gaussian":
            return {name: np.array(values[name]) for name in _POISSON}
        case "histogram":
            from napari_denoisplit.noise.models.histogram_table import unpacked_table

            return {"histogram": unpacked_table(values["table"], values["n_bins"])}
        case kind:
            raise NoiseModelError(f"A noise model of kind {kind!r} has no .npz layout: use .json.")


def _values(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Make the dictionary of a model from the arrays of a file."""
    values: dict[str, Any]
    if "trained_weight" in arrays:
        numbers = {name: float(np.float32(arrays[name].ravel()[0])) for name in _MIXTURE[1:]}
        weight = arrays["trained_weight"].astype(np.float32)
        values = {"kind": "gaussian_mixture", "weight": weight, **numbers}
    elif "histogram" in arrays:
        from napari_denoisplit.noise.models.histogram_table import table_values

        values = table_values(arrays["histogram"], str(path))
    else:
        numbers = {name: float(arrays[name].ravel()[0]) for name in _POISSON}
        values = {"kind": "poisson_gaussian", **numbers}
    if RECORD in arrays:
        text = str(arrays[RECORD])
        values["record"] = json.loads(text)
    return values


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of the kind of noise model that the file holds."""
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
        keys = _keys(path, names)
        size = sum(archive.getinfo(f"{key}.npy").file_size for key in keys)
    if size > (_MOST_TABLE_BYTES if keys == _HISTOGRAM else _MOST_BYTES):
        raise NoiseModelError(
            f"{str(path)!r} is not a noise model: its arrays take {size} bytes, where a model "
            "has a few hundred."
        )
    with zipfile.ZipFile(path) as archive:
        known = RECORD in names and archive.getinfo(f"{RECORD}.npy").file_size <= _MOST_BYTES
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: np.asarray(file[key]) for key in keys}
        if known and file[RECORD].dtype.kind == "U":
            arrays[RECORD] = file[RECORD]
    for key in keys:
        array = arrays[key]
        one = key not in ("trained_weight", "histogram")
        if array.dtype.kind not in "fiu" or (one and array.size != 1):
            raise NoiseModelError(
                f"{str(path)!r} is not a noise model: its {key} is {array.dtype} of shape "
                f"{array.shape}."
            )
    return arrays


def _keys(path: Path, names: set[str]) -> tuple[str, ...]:
    """Names of the arrays to read."""
    for keys in (_MIXTURE, _HISTOGRAM, _POISSON):
        if names.issuperset(keys):
            return keys
    missing = [key for key in _MIXTURE if key not in names]
    raise NoiseModelError(
        f"{str(path)!r} is not a noise model: it holds {', '.join(sorted(names)) or 'nothing'}, "
        f"but no {', '.join(missing)}."
    )
