"""The check of a split: what it leaves unexplained, and what comes back of its parts."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_denoisplit.images.results.record import acquisition_of
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.residuals import noise_models_of, reference_of, residual_job
from napari_denoisplit.jobs.trust.round_trip import round_trip_job
from napari_denoisplit.jobs.trust.unfamiliar import unfamiliar_job
from napari_denoisplit.measures.trust.adaptation import standing_doubt
from napari_denoisplit.measures.trust.recording import with_unfamiliar
from napari_denoisplit.measures.trust.round_trip import judge_round_trip
from napari_denoisplit.nn.compute import Compute

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, SplitEvent, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.settings import SplitSettings


def trust_job(
    model: Model | Path,
    image: Image,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
) -> Job[SplitEvent, tuple[Split, ResidualCheck]]:
    """Split an image and check the split.

    Parameters
    ----------
    model
        A model with noise models, or the file that holds one.
    image
        The superposition.
    settings
        Samples and device. Every sample that is kept takes part in the check.
    stop
        When set, splitting ends with the samples so far, and these are checked.

    Raises
    ------
    ImageError
        The image has several channels, or pixels that are not finite, or is too small.
    ModelFileError
        The model file cannot be used, or holds no noise models.
    JobError
        It was stopped before the first sample.
    """
    from napari_denoisplit.checkpoint import Model, load_model

    loaded = model if isinstance(model, Model) else load_model(model)
    noise_models_of(loaded.header)  # raises before the work, not after it
    split = yield from split_job(loaded, image, settings, stop=stop)
    return split, (yield from check_job(loaded, image, split, settings, stop=stop))


def check_job(
    model: Model,
    image: Image,
    split: Split,
    settings: SplitSettings,
    *,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, ResidualCheck]:
    """Check a split: its residual, where its image looks strange, a round trip of its parts.

    No split is better than what its model knows of keeping structures apart.

    Parameters
    ----------
    model
        With noise models; the one that made the split.
    image, split, stop
        As of `residual_job`.
    settings
        Device and tiles of the round trip.

    Raises
    ------
    ImageError, ModelFileError, JobError
        As of `residual_job`.
    """
    check = yield from residual_job(model.header, image, split, stop=stop)
    doubt = standing_doubt(model.header.training)
    if doubt is not None and doubt.reasons[0] not in check.verdict.reasons:
        check = replace(check, verdict=check.verdict.joined(doubt))
    if stop is not None and stop.is_set():
        return check
    model.network.to(Compute.choose(settings.device, settings.precision).device)
    taken, stopped = acquisition_of(split.provenance), stop or threading.Event()
    unfamiliar = yield from unfamiliar_job(model, image, check, taken, stop=stopped)
    found = yield from round_trip_job(model, split, settings, stop=stop)
    verdict = check.verdict
    if found is not None:
        reference = reference_of(model.header)
        own = None if reference is None else reference.round_trip
        verdict = verdict.joined(judge_round_trip(model.header.channel_names, found, own))
    if unfamiliar is not None:
        verdict = with_unfamiliar(verdict, unfamiliar.data)
    return replace(check, verdict=verdict, round_trip=found, unfamiliar=unfamiliar)
