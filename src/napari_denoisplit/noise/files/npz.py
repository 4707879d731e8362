"""Noise models in `.npz` files.

A Gaussian mixture takes four arrays, as PN2V, DivNoising, HDN, denoiSplit and careamics write
them: trained_weight float32 (3K, n), min_signal and max_signal float32 (1,), min_sigma float64 ().
Other kinds take arrays of their own. The record of a model stands beside them as JSON text in the
array `denoisplit`; other programs ignore it, as this one ignores arrays it does not know.
"""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import replacing
from napari_denoisplit.noise.models.histogram_table import table_values, unpacked_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

RECORD = "denoisplit"
_CAMERA = ("gain", "offset", "read_noise", "min_signal", "max_signal")
_OF_NEIGHBOURS = {"weights", "left", "along_both"}
_ARRAYS = {
    "gaussian_mixture": ("trained_weight", "min_signal", "max_signal", "min_sigma"),
    "histogram": ("histogram",),
    "correlated": (*_CAMERA, *sorted(_OF_NEIGHBOURS)),
    "poisson_gaussian": _CAMERA,
}
"""Names of the arrays of each kind; all but the tables are single numbers."""
_TABLES = ("trained_weight", "histogram", "weights")
_MOST_BYTES = 1 << 20  # a model has a few hundred; more is something else or an attack
_MOST_TABLE_BYTES = 3 * 1024 * 1024 * 8 + 4096  # float64 (3, 1024, 1024)


def read_npz_values(path: Path) -> dict[str, Any]:
    """Read what `noise_model_from_dict` takes, without torch.

    Raises
    ------
    NoiseModelError
        The file holds no noise model.
    OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile
        It is missing or damaged.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in archive.filelist}
    kind = _kind(path, sizes)
    keys = _ARRAYS[kind]
    size = sum(sizes[key] for key in keys)
    if size > (_MOST_TABLE_BYTES if kind == "histogram" else _MOST_BYTES):
        raise NoiseModelError(
            f"{str(path)!r} is not a noise model: its arrays take {size} bytes, where a model "
            "has a few hundred. Choose another file."
        )
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: np.asarray(file[key]) for key in keys}
        known = sizes.get(RECORD, _MOST_BYTES + 1) <= _MOST_BYTES
        text = file[RECORD] if known else np.array(0)
    for key, array in arrays.items():
        if array.dtype.kind not in "bfiu" or (key not in _TABLES and array.size != 1):
            raise NoiseModelError(
                f"{str(path)!r} is not a noise model: its {key} is {array.dtype} of shape "
                f"{array.shape}. Choose another file, or fit the model anew."
            )
    record = {"record": json.loads(str(text))} if text.dtype.kind == "U" else {}
    return {"kind": kind, **_values(kind, arrays, str(path)), **record}


def _kind(path: Path, names: Mapping[str, int]) -> str:
    """Kind of the noise model that arrays of these names make."""
    asked = "correlated" if names.keys() & {"left", "along_both"} else "gaussian_mixture"
    for kind, keys in _ARRAYS.items():
        if names.keys() >= set(keys) and (asked != "correlated" or kind == asked):
            return kind
    missing = [key for key in _ARRAYS[asked] if key not in names]
    raise NoiseModelError(
        f"{str(path)!r} is not a noise model: it holds {', '.join(sorted(names)) or 'nothing'}, "
        f"but no {', '.join(missing)}. Choose another file."
    )


def _values(kind: str, arrays: Mapping[str, NDArray[Any]], what: str) -> dict[str, Any]:
    """Values of a model from the arrays of a file; `what` names it."""
    if kind == "histogram":
        return table_values(arrays["histogram"], what)
    numbers = {key: array.ravel()[0] for key, array in arrays.items() if key not in _TABLES}
    if kind != "gaussian_mixture":
        of_neighbours = {"weights": arrays["weights"].tolist()} if "weights" in arrays else {}
        return {key: float(number) for key, number in numbers.items()} | of_neighbours
    weight = arrays["trained_weight"].astype(np.float32)
    return {"weight": weight, **{key: float(np.float32(n)) for key, n in numbers.items()}}


def write_npz(path: Path, values: Mapping[str, Any]) -> None:
    """Write a noise model of any kind, whole or not at all; its record goes with it.

    Parameters
    ----------
    path
        File to write; an old one is replaced.
    values
        What `to_dict` of the model gave.
    """
    arrays = _as_arrays(values)
    if "record" in values:
        arrays[RECORD] = np.array(json.dumps(values["record"]))
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _as_arrays(values: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Arrays of a file from the values of a model."""
    match values["kind"]:
        case "gaussian_mixture":
            return {
                "trained_weight": np.array(values["weight"], dtype=np.float32),
                "min_signal": np.array([values["min_signal"]], dtype=np.float32),
                "max_signal": np.array([values["max_signal"]], dtype=np.float32),
                # The shortest decimal, so that a 0.1 that was read is a 0.1 again.
                "min_sigma": np.array(float(str(np.float32(values["min_sigma"])))),
            }
        case "histogram":
            return {"histogram": unpacked_table(values["table"], values["n_bins"])}
        case kind:
            return {name: np.array(values[name]) for name in _ARRAYS[kind]}
