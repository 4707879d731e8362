"""Quality of posterior samples against the truth, structure by structure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.results.arrays import pixels_of
from napari_denoisplit.measures.comparison import partners
from napari_denoisplit.measures.psnr import psnr_spread, range_invariant_psnr

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split

    Pixels = NDArray[np.floating | np.integer]


@dataclass(frozen=True, slots=True)
class SampleScore:
    """How close single samples of one structure are to the truth, and how they differ in that."""

    name: str
    psnr: float
    """Range-invariant PSNR of a single sample, dB, averaged over samples and planes."""
    psnr_spread: float
    """Its standard deviation over the samples of a plane, dB, averaged over planes."""
    n_samples: int


def sample_scores(truth: Image, split: Split) -> tuple[SampleScore, ...]:
    """Measure every kept sample; one plane of one sample is read at a time.

    Parameters
    ----------
    truth
        Clean image of the size of a sample along every axis.
    split
        Two or more samples. Structures are compared by name where both have the same names, else
        by their order, as `compare` does.

    Raises
    ------
    ImageError
        There are fewer than two samples, the sizes differ, a pixel is not finite, or a plane of the
        truth is constant.
    """
    split.need_samples(2)
    axes = "C" + split.axes
    sizes = [truth.size(axis) for axis in axes]
    wanted = [split.n_structures, *split.shape]
    if sizes != wanted or set(truth.axes) - set(axes):
        raise ImageError(
            f"The truth {truth.name!r} has the axes {truth.axes} of {truth.shape}, the samples of "
            f"{split.name!r} have {axes} of {tuple(wanted)}: give images of the same size."
        )
    clean = truth.transposed(axes).data
    names = truth.channel_names or split.structures
    order = partners(truth.channel_names, split.structures) or range(split.n_structures)
    try:
        return tuple(
            _score(name, part, split, structure)
            for name, part, structure in zip(names, clean, order, strict=True)
        )
    except ValueError as error:
        raise ImageError(f"{truth.name!r} against {split.name!r}: {error}") from error


def _score(name: str, truth: Any, split: Split, structure: int) -> SampleScore:
    """Measure the samples of one structure; the truth is (..., Y, X)."""
    means, spreads = [], []
    for plane in np.ndindex(split.leading_shape):
        clean, every = np.asarray(truth[plane]), split.need_samples()[structure]
        values: list[float] = []

        def measure(g: Pixels, p: Pixels, values: list[float] = values) -> float:
            values.append(range_invariant_psnr(g, p))
            return values[-1]

        samples = (pixels_of(every[(k, *plane)]) for k in range(split.n_kept))
        spreads.append(psnr_spread(clean, samples, measure))
        means.append(np.mean(values))
    return SampleScore(name, float(np.mean(means)), float(np.mean(spreads)), split.n_kept)
