"""Round trip of a split: its parts put together anew, and split once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage, run
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.record import acquisition_of
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.residuals import noise_models_of
from napari_denoisplit.measures.trust.round_trip import RoundTripSums, turned_apart
from napari_denoisplit.noise.models.superposed import superposed_noise, superposed_variance
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.trust.round_trip import RoundTrip

    Floats = NDArray[np.float32]

N_SAMPLES = 3
EDGE = 512
"""Pixels of a plane that take part, in its middle: what is wanted is a mean."""
PLANES = 3
"""Planes that take part, at most."""
FLAT = 0.01
"""Contrast of a structure in the superposition, in standard deviations of its noise, below which it
shows nothing that could come back."""
_SEED = 20240311


def round_trip_job(
    model: Model,
    split: Split,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, RoundTrip | None]:
    """Find the error to expect of a split; see `measures.trust.round_trip`.

    Parameters
    ----------
    model
        With noise models; the one that made the split.
    split
        Of an image.
    settings
        Device and tiles.
    stop
        When set, the planes so far count.

    Returns
    -------
    None where a structure is flat, or nothing was done before a stop.
    """
    yield Stage("Splitting the parts once more")
    sums = RoundTripSums(split.n_structures)
    add_round_trip(sums, model, split, settings, stop)
    return sums.figures()


def add_round_trip(
    sums: RoundTripSums,
    model: Model,
    split: Split,
    settings: SplitSettings,
    stop: threading.Event | None = None,
) -> None:
    """Take planes of one split into sums; parameters as of `round_trip_job`."""
    for trip in round_trips((model,), split, settings, stop=stop):
        sums.add(trip.parts, trip.turned, *trip.again)


class Trip(NamedTuple):
    """What became of the parts of one plane, (C, Y, X) each, training grey levels."""

    parts: Floats
    turned: Floats
    again: tuple[Floats, ...]
    """What came back of the turned ones, by each model."""


def round_trips(
    models: Sequence[Model],
    split: Split,
    settings: SplitSettings,
    *,
    noise: float | None = None,
    stop: threading.Event | None = None,
) -> Iterator[Trip]:
    """Put the parts of planes together anew, and split them again by each of some models.

    Parameters
    ----------
    models
        With the same mix and noise models.
    split, settings, stop
        As of `round_trip_job`.
    noise
        Standard deviation of the fresh noise, training grey levels; None: as noise models have it.
    """
    header = models[0].header
    weights, noise_models = header.mix.mean_weights(split.n_structures), noise_models_of(header)
    taken = acquisition_of(split.provenance)
    chosen = settings.model_dump() | {"n_samples": N_SAMPLES, "keep_samples": 0}
    as_taken = taken.model_dump(include={"magnification", "brightness"})
    chosen |= {"target_error": None, "acquisition": as_taken}
    split = split.ordered(header.channel_names)
    planes = list(np.ndindex(split.shape[:-2]))
    for number in np.unique(np.linspace(0, len(planes) - 1, PLANES).round().astype(int)):
        parts = np.stack([_middle(part) for part in split.read_mmse(planes[number])])
        parts = np.asarray(parts / np.float32(taken.gain), np.float32)
        if not np.isfinite(parts).all():
            continue
        turned = turned_apart(parts)
        try:
            with giving_up(stop):
                variance = superposed_variance(noise_models, weights, turned).mean()
                if (parts.std(axis=(1, 2)) * weights).min() < FLAT * np.sqrt(variance):
                    continue
                fresh = superposed_noise(noise_models, weights, turned, _SEED)
        except GivenUp:
            return
        if noise is not None:
            fresh *= np.float32(noise / np.sqrt(variance))
        image = Image(
            superpose(turned, weights, header.mix.offset) + fresh, "YX", name="round trip"
        )
        again = []
        for model in models:
            try:
                back = run(split_job(model, image, SplitSettings(**chosen), stop=stop))
            except JobError:  # stopped before the first sample
                if stop is None or not stop.is_set():
                    raise
            if stop is not None and stop.is_set():
                return  # fewer samples would have another error
            again.append(np.stack(back.read_mmse(())))
        yield Trip(parts, turned, tuple(again))


def _middle(part: Floats) -> Floats:
    y, x = (max(0, n - EDGE) // 2 for n in part.shape)
    return part[y : y + EDGE, x : x + EDGE]
