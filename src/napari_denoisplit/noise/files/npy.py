"""Histogram noise models in the `.npy` files of PN2V.

One float64 array (3, bins, bins): probability of observation bin j at signal bin i, lower edges of
the signal bins (along axis 1), upper edges. Observations have the same bins. The layout has no
place for a record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.files import replacing
from napari_denoisplit.noise.models.histogram_table import table_values, unpacked_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_npy_values(path: Path) -> dict[str, Any]:
    """Read what `noise_model_from_dict` takes, without torch.

    Raises
    ------
    NoiseModelError
        The file holds no histogram.
    OSError, EOFError, ValueError
        It is missing or damaged.
    """
    table = np.load(path, allow_pickle=False)
    if not isinstance(table, np.ndarray):
        raise NoiseModelError(
            f"{path} is an archive of arrays: rename it to {path.with_suffix('.npz').name}."
        )
    return table_values(table, str(path))


def write_npy(path: Path, values: Mapping[str, Any]) -> None:
    """Write a histogram noise model, whole or not at all; its record is left behind.

    Parameters
    ----------
    path
        File to write; an old one is replaced.
    values
        What `to_dict` of the model gave.

    Raises
    ------
    NoiseModelError
        The model is of another kind.
    """
    if values["kind"] != "histogram":
        raise NoiseModelError(
            f"An .npy file holds a histogram; this noise model is of kind {values['kind']!r}: "
            f"save it as {path.with_suffix('.npz').name}."
        )
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, unpacked_table(values["table"], values["n_bins"]), allow_pickle=False)
