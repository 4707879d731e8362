"""Noise models of the channels that a network is trained on, from the best data there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import Stage
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job
from napari_denoisplit.settings import NoiseFitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, NoiseEvent
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.noise.models.noise_model import NoiseModel


def channel_noise_job(
    fields: TrainingFields | SeparateFields, train: Sequence[NDArray[np.bool_]], *, seed: int = 0
) -> Job[NoiseEvent, tuple[NoiseModel, ...]]:
    """Fit a noise model to every channel: from clean pairs, else repeats, else one noisy image.

    The field with most pixels to train on serves; a blank one, as a time-lapse may begin with,
    has nothing to fit to.

    Parameters
    ----------
    fields
        Noisy channels, with their clean versions or as repeats where they are.
    train
        For each field the pixels to use, (Y, X).
    seed
        Seed of the draw of pixels.

    Yields
    ------
    Stage, PairsGathered, FitStep

    Returns
    -------
    One model per channel; its record holds the verdict.

    Raises
    ------
    NoiseModelError
        A channel holds no noise, or too few pixels.
    """
    models = []
    for c, name in enumerate(fields.channel_names):
        yield Stage(f"Fitting the noise model of {name}")
        fit = yield from fit_noise_job(_data(*fields.alone(c, train)), NoiseFitSettings(seed=seed))
        if (verdict := fit.model.record.verdict) is not None:
            yield Stage(f"Noise model of {name}: {verdict.headline}")
        models.append(fit.model)
    return tuple(models)


def _data(fields: TrainingFields, train: Sequence[NDArray[np.bool_]]) -> NoiseData:
    """Pixels of the only channel to fit to."""
    blank = [np.ptp(field) == 0 for field in fields.fields]
    largest = max(range(len(blank)), key=lambda i: (not blank[i], int(train[i].sum())))
    observation, mask = fields.fields[largest][0], train[largest]
    name = fields.channel_names[0]
    files = fields.sources[largest : largest + 1] if len(fields.sources) == len(blank) else ()
    if fields.clean is not None:
        signal = fields.clean[largest][0]
        return NoiseData("pairs", observation, signal, mask=mask, name=name, files=files)
    if fields.repeats > 1:
        first = largest // fields.repeats * fields.repeats
        exposures = np.stack([f[0] for f in fields.fields[first : first + fields.repeats]])
        return NoiseData("repeats", exposures, name=name, files=files)
    return NoiseData("single", observation, mask=mask, name=name, files=files)
