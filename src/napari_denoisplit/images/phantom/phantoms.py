"""Phantoms: seeded drawings of cell structures as a fluorescence microscope would show them."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.phantom.cell_shapes import draw_cells
from napari_denoisplit.images.phantom.structures import PAINTERS, Scene

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.phantom.structures import Structure

BACKGROUND = 100.0
"""Grey level without light, as cameras add it."""
PIXEL_SIZE = 0.065
"""Micrometres of a pixel: 6.5 µm camera pixels behind a 100x objective."""
PSF_SIGMA = 1.3
"""Pixels; 85 nm, the point-spread function of an oil objective for green light."""

MARGIN = 24
"""Pixels drawn around the image, so that light from outside reaches in."""
HAZE_SIGMA = 9.0
HAZE_SHARE = 0.25
"""Light out of focus: a wide blur of the same structure, and its share."""


def phantom(
    shape: tuple[int, int] = (512, 512),
    structures: Sequence[Structure] = ("filaments", "pits"),
    seed: int = 0,
    psf_sigma: float = PSF_SIGMA,
) -> NDArray[np.float32]:
    """Draw noise-free channels of one field of cells.

    All channels show the same cells; each structure is drawn independently of the others, so a
    structure looks the same whatever stands beside it. Density and brightness do not depend on
    the size of the field.

    Parameters
    ----------
    shape
        Height and width, pixels.
    structures
        What each channel shows: 'filaments' (microtubule-like lines) or 'pits'
        (diffraction-limited spots).
    seed
        Number of the field; the same seed gives the same field.
    psf_sigma
        Spread of the Gaussian point-spread function, pixels.

    Returns
    -------
    (C, Y, X) float32, grey levels: `BACKGROUND` without light, up to a few thousand.

    Raises
    ------
    ImageError
        A structure is unknown, none is given, or the shape is not two positive numbers.
    """
    _check(shape, structures, psf_sigma)
    canvas = (shape[0] + 2 * MARGIN, shape[1] + 2 * MARGIN)
    cells = draw_cells(canvas, np.random.default_rng([seed, 0]))
    scene = Scene(cells, cells.maps(canvas), canvas)
    channels = np.empty((len(structures), *shape), dtype=np.float32)
    for channel, structure in zip(channels, structures, strict=True):
        rng = np.random.default_rng([seed, zlib.crc32(structure.encode())])
        channel[...] = _expose(PAINTERS[structure](scene, rng), psf_sigma)
    return channels


def _expose(light: NDArray[np.float32], psf_sigma: float) -> NDArray[np.float32]:
    """Image of the canvas through the objective on a camera, without its margin."""
    sharp = gaussian_filter(light, psf_sigma, mode="constant")
    haze = gaussian_filter(light, HAZE_SIGMA, mode="nearest")
    seen = BACKGROUND + (1 - HAZE_SHARE) * sharp + HAZE_SHARE * haze
    cropped: NDArray[np.float32] = seen[MARGIN:-MARGIN, MARGIN:-MARGIN]
    return cropped


def _check(shape: tuple[int, int], structures: Sequence[Structure], psf_sigma: float) -> None:
    if not (np.size(shape) == 2 and min(shape) >= 1):
        raise ImageError(f"A phantom of shape {shape} cannot be drawn: give height and width.")
    if not structures:
        raise ImageError(f"A phantom needs at least one structure: choose from {list(PAINTERS)}.")
    unknown = [name for name in structures if name not in PAINTERS]
    if unknown:
        raise ImageError(f"A phantom cannot show {unknown}: choose from {list(PAINTERS)}.")
    if psf_sigma < 0:
        raise ImageError(f"psf_sigma is {psf_sigma}: a spread cannot be negative: give 0 or more.")
