"""The cells of the example: nuclei and actin in one channel, and each alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.superposition import superpose

if TYPE_CHECKING:
    from os import PathLike

    from numpy.typing import NDArray

NAMES = ("nuclei", "actin")
MODEL = Path(__file__).with_name("cells.denoisplit")
SPLIT_FILE = Path(__file__).with_name("cells_to_split.ome.tif")
TRAIN_FILE = Path(__file__).with_name("cells_to_train_on.ome.tif")
LEVEL = 257
"""From the 8 bits of the files to the 16 bits of the recordings."""
READ_NOISE = 6000.0
"""Grey levels; about the spread of the superposition, as in the published experiments."""
WEIGHTS = (0.5, 0.5)


def cells_to_split() -> tuple[Image, Image]:
    """Cells that the model of the example has not seen.

    Returns
    -------
    The noisy superposition (Y, X), and its channels without noise (C, Y, X), in grey levels.
    """
    clean = _clean(SPLIT_FILE)
    mixed = superpose(with_noise(clean, seed=1), WEIGHTS)
    return Image(mixed, "YX", name="cells"), Image(clean, "CYX", channel_names=NAMES, name="truth")


def cells_to_train_on() -> tuple[Image, ...]:
    """Noisy images (Y, X) of other cells, one of each structure alone, in grey levels."""
    noisy = with_noise(_clean(TRAIN_FILE), seed=2)
    return tuple(Image(c, "YX", name=name) for name, c in zip(NAMES, noisy, strict=True))


def with_noise(clean: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Add the noise of a camera to recordings (C, Y, X) that have almost none."""
    noise = np.random.default_rng(seed).standard_normal(clean.shape, np.float32)
    noise *= np.float32(READ_NOISE)
    noise += clean
    return noise


def write_example(folder: str | PathLike[str]) -> tuple[Path, ...]:
    """Write the images and the model of the example as files.

    Parameters
    ----------
    folder
        Is made if it does not exist.

    Returns
    -------
    The noisy superposition to split, the model that splits it, and the noisy channels of other
    cells to train a model on.

    Raises
    ------
    ImageError
        One of the files exists already.
    """
    folder = Path(folder)
    images = [cells_to_split()[0], *cells_to_train_on()]
    paths = [folder / f"{image.name}.ome.tif" for image in images]
    model = folder / MODEL.name
    for path in (*paths, model):
        if path.exists():
            raise ImageError(f"{path} exists: choose another folder for the example.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, image in zip(paths, images, strict=True):
        write_image(path, image)
    shutil.copyfile(MODEL, model)
    return paths[0], model, *paths[1:]


def _clean(path: Path) -> NDArray[np.float32]:
    return np.asarray(read_image(path).data, np.float32) * LEVEL
