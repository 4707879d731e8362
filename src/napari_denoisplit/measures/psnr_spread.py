"""How much posterior samples differ in quality, where the truth is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.measures.psnr import psnr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Pixels = NDArray[np.floating | np.integer]


def psnr_spread(
    truth: Pixels, samples: Iterable[Pixels], measure: Callable[[Pixels, Pixels], float] = psnr
) -> float:
    """Standard-deviation PSNR: the spread of the samples' PSNR, decibel.

    It grows with the diversity of the samples, but says nothing of whether they are right.

    Parameters
    ----------
    truth
        Clean image of one channel.
    samples
        Two or more, each of the truth's shape and unit.
    measure
        PSNR of one sample; `range_invariant_psnr` where the units differ.

    Raises
    ------
    ValueError
        There are fewer than two samples, or shapes differ, or the truth is constant.

    Notes
    -----
    Source: DivNoising (Prakash et al. 2021, arXiv:2006.06072), supplement 6. The standard deviation
    is that of the given samples (divided by their number), as there.
    """
    values = [measure(truth, sample) for sample in samples]
    if len(values) < 2:
        raise ValueError(f"{len(values)} samples have no spread: give two or more.")
    return float(np.std(values))
