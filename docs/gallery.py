"""Make the pictures of the gallery: the model that comes along, on easy and on hard images.

    python docs/gallery.py [ROW ...]

The cells of the example (NF1 Schwann cells by Tomkinson et al., CC-BY-4.0) are recorded anew by the
computer, as the model knows them and otherwise. Each becomes a row of pictures in
docs/images/gallery: the image, two structures, their sigma, the truth. The numbers and verdicts
that the page tells are printed. Five minutes on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image as Picture
from PIL import ImageDraw
from scipy.ndimage import gaussian_filter, zoom

import napari_denoisplit as nd
from napari_denoisplit.images.example.cells import (
    MODEL,
    NAMES,
    WEIGHTS,
    cells_to_split,
    with_noise,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Recording = tuple[NDArray[np.float32], NDArray[np.float32]]

FOLDER = Path(__file__).resolve().parent / "images" / "gallery"
MIDDLE = 0.78, 0.47  # of what is shown, of the height and the width of the cells
EDGE = 160  # pixels of a picture
SHADES = 24  # of grey: noise compresses badly
GAP, HEAD = 4, 14  # pixels
HAZE = 40  # pixels over which it spreads
TITLES = (
    "image",
    "nuclei",
    "actin",
    "sigma of nuclei",
    "sigma of actin",
    "true nuclei",
    "true actin",
)


def main() -> None:
    """Split the images, and write a row of pictures for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", choices=[[], *ROWS], default=[])
    FOLDER.mkdir(exist_ok=True)
    model = nd.load_model(MODEL)
    cells = np.asarray(cells_to_split()[1].data, np.float32)
    for name in parser.parse_args().rows or ROWS:
        noisy, truth = ROWS[name](cells)
        chosen = {"acquisition": {"magnification": 2}} if name == "enlarged" else {}
        settings = nd.SplitSettings(n_samples=10, keep_samples=5, device="cpu", **chosen)
        split, check = nd.check_split(model, nd.Image(noisy, "YX", name=name), settings)
        for structure, true, found in zip(NAMES, truth, split.mmse.data, strict=True):
            before, after = (nd.range_invariant_psnr(true, one) for one in (noisy, found))
            print(f"{name}, {structure}: PSNR {after:.1f} dB, of the image {before:.1f}")
        print(" ", check.verdict.grade, *check.verdict.reasons, *split.notes, sep="\n    ")
        sigma = split.sigma.data
        panels = (noisy, *split.mmse.data, *sigma, *truth)
        limits = (noisy, *truth, *(channel / 4 for channel in truth), *truth)
        write(name, panels, limits)


def known(cells: NDArray[np.float32]) -> Recording:
    """Record as the example is."""
    return recorded(cells), cells


def grainy(cells: NDArray[np.float32]) -> Recording:
    """Record with half as much noise again."""
    return recorded(cells, noise=1.5), cells


def noisy(cells: NDArray[np.float32]) -> Recording:
    """Record with three times the noise."""
    return recorded(cells, noise=3), cells


def hazy(cells: NDArray[np.float32]) -> Recording:
    """Record with the light of what lies out of focus."""
    haze = gaussian_filter(nd.superpose(cells, WEIGHTS), HAZE)
    return recorded(cells) + 2 * haze, cells


def small(cells: NDArray[np.float32]) -> Recording:
    """Record with an objective of half the magnification."""
    cells = zoom(cells, (1, 0.5, 0.5), order=1)
    return recorded(cells), cells


def enlarged(cells: NDArray[np.float32]) -> Recording:
    """Record so, too; the model sees it enlarged, as it does where files know their pixel size."""
    return small(cells)


def dirty(cells: NDArray[np.float32]) -> Recording:
    """Record with a third structure in the light: spots of a stain that the model never saw."""
    spots = np.zeros(cells.shape[1:], np.float32)
    rng = np.random.default_rng(3)
    spots[tuple(rng.integers(0, edge, 250) for edge in spots.shape)] = 1
    spots = gaussian_filter(spots, 2.5)
    spots *= np.percentile(cells, 99) / spots.max()
    return recorded(cells) + spots, cells


ROWS: dict[str, Callable[[NDArray[np.float32]], Recording]] = {
    row.__name__: row for row in (known, grainy, noisy, hazy, small, enlarged, dirty)
}


def recorded(cells: NDArray[np.float32], noise: float = 1) -> NDArray[np.float32]:
    """Superpose channels, each with so many times the noise of the example."""
    camera = with_noise(np.zeros_like(cells), seed=1)
    return nd.superpose(cells + noise * camera, WEIGHTS)


def write(name: str, panels: tuple[NDArray, ...], limits: tuple[NDArray, ...]) -> None:
    """Write a part of each picture beside that of the next, each in its contrast."""
    part = []
    for n, middle in zip(panels[0].shape, MIDDLE, strict=True):
        start = min(int(n * middle) - EDGE // 2, n - EDGE)
        part.append(slice(start, start + EDGE))
    shown = []
    for panel, of in zip(panels, limits, strict=True):
        low, high = np.percentile(of, (1, 99.8))
        grey = np.clip((panel[tuple(part)] - low) / (high - low), 0, 1)
        steps = np.round(grey * (SHADES - 1)) * (255 / (SHADES - 1))
        shown += [steps.astype(np.uint8), np.full((EDGE, GAP), 255, np.uint8)]
    row = np.hstack(shown[:-1])
    picture = Picture.fromarray(np.vstack([np.zeros((HEAD, row.shape[1]), np.uint8), row]))
    for number, title in enumerate(TITLES):
        ImageDraw.Draw(picture).text((number * (EDGE + GAP) + 4, 1), title, fill=255)
    picture.save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
