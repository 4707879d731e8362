"""Gaussian-mixture noise models in the `.npz` files of PN2V, DivNoising, HDN and denoiSplit.

Four arrays: trained_weight float32 (3K, n), min_signal and max_signal float32 (1,), min_sigma
float64 (). Other arrays may stand beside them and are ignored.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import replacing
from napari_denoisplit.noise.gaussian_mixture import GaussianMixture

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

__all__ = ["read_npz", "write_npz"]

_KEYS = ("trained_weight", "min_signal", "max_signal", "min_sigma")
_MOST_BYTES = 1 << 20  # a model has a few hundred; more is something else or an attack


def read_npz(path: str | os.PathLike[str]) -> GaussianMixture:
    """Read a Gaussian-mixture noise model; nothing in the file is executed.

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or not such a model.
    """
    path = Path(path)
    try:
        arrays = _arrays(path)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        if isinstance(error, NoiseModelError):
            raise
        raise NoiseModelError(
            f"{str(path)!r} cannot be read as a noise model ({error}): choose an .npz file as "
            "written by this package, PN2V, DivNoising, HDN or denoiSplit."
        ) from error
    numbers = [float(arrays[name].ravel()[0]) for name in _KEYS[1:]]
    try:
        return GaussianMixture(torch.from_numpy(arrays["trained_weight"]), *numbers)
    except NoiseModelError as error:
        raise NoiseModelError(f"{str(path)!r}: {error}") from error


def write_npz(path: str | os.PathLike[str], model: GaussianMixture) -> None:
    """Write a Gaussian-mixture noise model, whole or not at all.

    Parameters
    ----------
    path
        File to write, usually ending in .npz; an old one is replaced.
    model
        What to write.
    """
    low, high, min_sigma = (
        p.cpu().numpy() for p in (model.min_signal, model.max_signal, model.min_sigma)
    )
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            trained_weight=model.weight.cpu().numpy(),
            min_signal=low.reshape(1),
            max_signal=high.reshape(1),
            # The shortest decimal, so that a 0.1 that was read is a 0.1 again.
            min_sigma=np.array(float(str(min_sigma))),
        )


def _arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read the four arrays as float32."""
    with zipfile.ZipFile(path) as archive:
        names = {name.removesuffix(".npy") for name in archive.namelist()}
        missing = [key for key in _KEYS if key not in names]
        if missing:
            raise NoiseModelError(
                f"{str(path)!r} is not a Gaussian-mixture noise model: it holds "
                f"{', '.join(sorted(names)) or 'nothing'}, but no {', '.join(missing)}."
            )
        size = sum(archive.getinfo(f"{key}.npy").file_size for key in _KEYS)
        if size > _MOST_BYTES:
            raise NoiseModelError(
                f"{str(path)!r} is not a Gaussian-mixture noise model: its arrays take {size} "
                f"bytes, where a model has a few hundred."
            )
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: np.asarray(file[key]) for key in _KEYS}
    for key, array in arrays.items():
        if array.dtype.kind not in "fiu" or (key != "trained_weight" and array.size != 1):
            raise NoiseModelError(
                f"{str(path)!r} is not a Gaussian-mixture noise model: its {key} is "
                f"{array.dtype} of shape {array.shape}."
            )
    return {key: array.astype(np.float32) for key, array in arrays.items()}
