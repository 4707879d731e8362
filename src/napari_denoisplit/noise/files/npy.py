"""Histogram noise models in the `.npy` files of PN2V.

One float64 array (3, bins, bins): probability of observation bin j at signal bin i, lower edges of
the signal bins (along axis 1), upper edges. Observations have the same bins. The layout has no
place for a record.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import replacing
from napari_denoisplit.noise.models.histogram_table import MOST_BINS, table_values, unpacked_table

if TYPE_CHECKING:
    import os

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_MOST_BYTES = 3 * MOST_BINS**2 * 8 + 4096


def read_npy_values(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `noise_model_from_dict` takes, without torch.

    Raises
    ------
    NoiseModelError
        The file is missing, damaged, or no histogram.
    """
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise NoiseModelError(
                f"{str(path)!r} is not a histogram noise model: it takes {path.stat().st_size} "
                f"bytes, where the largest has {_MOST_BYTES}."
            )
        table = np.load(path, allow_pickle=False)
        if not isinstance(table, np.ndarray):
            raise NoiseModelError(f"{str(path)!r} is an archive of arrays: let it end in .npz.")
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, NoiseModelError):
            raise
        raise NoiseModelError(
            f"{str(path)!r} cannot be read as a histogram noise model ({error}): choose an .npy "
            "file as written by this package or PN2V."
        ) from error
    return table_values(table, str(path))


def write_npy(path: str | os.PathLike[str], model: NoiseModel) -> None:
    """Write a histogram noise model, whole or not at all; its record is left behind.

    Raises
    ------
    NoiseModelError
        The model is of another kind.
    """
    values = model.to_dict()
    if values["kind"] != "histogram":
        raise NoiseModelError(
            f"An .npy file holds a histogram; this noise model is of kind {values['kind']!r}: "
            "let the name end in .npz."
        )
    with replacing(Path(path)) as temporary, temporary.open("wb") as file:
        np.save(file, unpacked_table(values["table"], values["n_bins"]), allow_pickle=False)
