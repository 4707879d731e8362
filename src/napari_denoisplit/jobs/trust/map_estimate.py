"""Approximate MAP of an image from its posterior samples."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.measures.samples.mode_seeking import WINDOW, Modes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.events import Job

__all__ = ["FEWEST", "map_job"]

FEWEST = 5
"""Samples: of fewer, the mode is the mean or a single sample."""


def map_job(
    samples: NDArray[np.floating], *, stop: threading.Event | None = None
) -> Job[NDArray[np.float32]]:
    """Find the approximate mode of the posterior, plane by plane.

    Parameters
    ----------
    samples
        (K, C, ..., Y, X), grey levels: C structures, looked at together.
    stop
        When set, the job ends after the current row of windows; planes that were not finished
        are NaN.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    (C, ..., Y, X) float32.

    Raises
    ------
    ImageError
        There are fewer than 5 samples, or planes are smaller than a window.
    """
    stop = stop or threading.Event()
    if samples.ndim < 4 or len(samples) < FEWEST or min(samples.shape[-2:]) < WINDOW:
        raise ImageError(
            f"Samples of shape {samples.shape} have no mode that could be told: give {FEWEST} or "
            f"more, (K, C, ..., Y, X), with planes of at least {WINDOW} x {WINDOW} pixels. The "
            "Split widget keeps as many as 'Samples to keep' says."
        )
    result = np.full(samples.shape[1:], np.nan, np.float32)
    planes = list(np.ndindex(samples.shape[2:-2]))
    yield Stage(f"Seeking the mode of {len(samples)} samples")
    start = time.monotonic()
    for number, plane in enumerate(planes):
        at: tuple[slice | int, ...] = (slice(None), *plane)
        drawn = np.ascontiguousarray(samples[(slice(None), *at)], dtype=np.float32)
        if not np.isfinite(drawn).all():
            continue  # a plane that was not split, or not to the end
        modes = Modes(drawn)
        for share in modes.rows():
            if stop.is_set():
                return result
            done = (number + share) / len(planes)
            left = (time.monotonic() - start) * (1 - done) / done
            yield Progress(done, left, f"plane {number + 1} of {len(planes)}")
        result[at] = modes.image
    return result
