"""Adapt a model to recordings without truth, and keep it if it splits them better."""

from __future__ import annotations

import threading
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from napari_denoisplit.checkpoint import Model, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Count, Stage, run
from napari_denoisplit.images.training.sources import source_line
from napari_denoisplit.jobs.adapt.statistics import has_statistics, move_statistics
from napari_denoisplit.jobs.adapt.tiles import Parts, parts_of, tiles_of
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.recording.job import UNKNOWN, Recording, recording_job
from napari_denoisplit.jobs.split.input import model_of, planes_of
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.likeness import likeness_from, likeness_of
from napari_denoisplit.jobs.trust.residuals import noise_models_of
from napari_denoisplit.jobs.trust.round_trip import round_trips
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.measures.brightness import KEY as BRIGHTNESS
from napari_denoisplit.measures.trust.adaptation import KEY, LEAST_TILES, PairedTrips
from napari_denoisplit.measures.trust.likeness import KEY as LIKENESS
from napari_denoisplit.measures.trust.likeness import noise_of
from napari_denoisplit.measures.trust.reference import KEY as REFERENCE
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families.magnified import MagnifiedNetwork
from napari_denoisplit.settings import LadderSettings, SplitSettings
from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.adapt.tiles import Floats
    from napari_denoisplit.settings import Acquisition, AdaptSettings

N_SAMPLES = 4
STOPPED = "Stopped before it was judged: the model stays as it was."


@dataclass(frozen=True, slots=True, eq=False)
class Adapted:
    """Outcome of adapting a model."""

    model: Model | None
    """The adapted model; None where it does not help, or after a stop."""
    path: Path | None
    """Where it is; None where it is nowhere."""
    verdict: Verdict
    """'good' if it helps, with the round-trip error of each structure before and after."""


def adapt_job(
    model: Model | Path,
    recordings: Sequence[Image],
    settings: AdaptSettings,
    *,
    path: Path | None = None,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, Adapted]:
    """Adapt a model to recordings that no one has the separate structures of.

    The statistics of its batch norms are moved towards those of the recordings, in the grey levels
    of the training images; every other weight stays. A third of each plane is kept aside: parts
    that the model predicts there are turned, put together anew with fresh noise, and split by the
    model as it was and as adapted. Where the recordings are noisier than the training images, no
    structure comes back worse, and their mean better by more than its standard error, the adapted
    model is kept.

    Parameters
    ----------
    model
        With noise models, and not one that is told how bright structures are; or its file.
    recordings
        Superpositions that were all taken alike.
    settings
        How far the recordings count.
    path
        Where to write the adapted model; None writes none. Nothing is written where it is not kept.
    stop
        When set, the model stays as it was.

    Yields
    ------
    Stage, Progress

    Raises
    ------
    ImageError
        A recording has several channels, is too small, or holds nothing finite.
    ModelFileError
        The model file cannot be used, or holds no noise models.
    JobError
        The model cannot be adapted, or the recordings were taken in different ways.
    """
    model = yield from model_of(model)
    tried = yield from attempt_job(model, recordings, settings, stop or threading.Event())
    if tried is None:
        return Adapted(None, None, Verdict(grade="do not use", reasons=(STOPPED,)))
    yield Stage(tried.verdict.reasons[0])
    if tried.verdict.grade != "good":
        return Adapted(None, None, tried.verdict)
    header = _header(model, recordings, settings, tried)
    adapted = _knowing_its_kind(replace(tried.model, header=header), tried.tiles)
    if path is not None:
        with locked(path):
            adapted = save_model(path, adapted)
    return Adapted(adapted, path, tried.verdict)


class Attempt(NamedTuple):
    """A model that was adapted, whether that helps or not."""

    model: Model
    """With the header of the model as it was."""
    verdict: Verdict
    tiles: Floats
    """(N, Y, X), normalized, that it was adapted to."""
    looks: tuple[Verdict, ...]
    """What the model as it was said of the recordings."""
    acquisitions: tuple[Acquisition, ...]
    """How they were taken."""


def attempt_job(
    model: Model, recordings: Sequence[Image], settings: AdaptSettings, stop: threading.Event
) -> Job[StatusEvent, Attempt | None]:
    """Adapt a model, and judge it; None after a stop. Parameters and errors as of `adapt_job`."""
    _check(model.header)
    if not recordings:
        raise ImageError("There is no recording to adapt to: give one at least.")
    if not has_statistics(model.network):
        raise JobError(f"A network of {model.header.network.in_words} has no batch norm to adapt.")
    model.network.to(Compute.choose(settings.device, settings.precision).device).eval()
    how = SplitSettings(n_samples=N_SAMPLES, device=settings.device, precision=settings.precision)
    seen = list[Recording]()
    for image in recordings:
        seen.append((yield from recording_job(model, planes_of(image), how, stop)) or UNKNOWN)
    taken = tuple(each.acquisition for each in seen)
    parts = [parts_of(image, how_taken) for image, how_taken in zip(recordings, taken, strict=True)]
    magnifications = {each.magnification for each in taken}
    if len(magnifications) > 1:
        raise JobError(
            "The recordings have pixels of different size: adapt one model to those of each size."
        )
    yield Stage("Adapting to the recordings")
    tiles = [tiles_of(part, model.header.normalization) for part in parts]
    together = np.concatenate(tiles)
    adapted = _adapted(model, together, magnifications.pop(), settings.share)
    verdict = yield from _judged(model, adapted, parts, tiles, how, stop)
    if verdict is None:
        return None
    looks = tuple(each.verdict for each in seen if each.verdict is not None)
    return Attempt(adapted, verdict, together, looks, taken)


def _check(header: ModelHeader) -> None:
    noise_models_of(header)
    if likeness_of(header) is None:
        raise JobError(
            "This model does not know how noisy its training images were, as it was imported, or "
            "trained by an earlier version: train it again to adapt it."
        )
    network = header.network
    if isinstance(network, LadderSettings) and network.told_brightness:
        raise JobError(
            "This model is told how bright structures are in each recording, and is not adapted "
            "beside: split with it as it is, or adapt one that was trained without a mixing range."
        )
    if len(header.channel_names) < 2:
        raise JobError(
            f"This model knows one structure ({header.channel_names[0]}): adapt splits of two or "
            "more, whose parts can be put together anew."
        )


def _adapted(model: Model, tiles: Floats, magnification: int, share: float) -> Model:
    """Return a model whose network is a copy with other statistics."""
    network = deepcopy(model.network)
    seen = MagnifiedNetwork(network) if magnification > 1 else network
    device = next(network.parameters()).device
    with keep_freed_memory():
        move_statistics(seen, torch.from_numpy(tiles)[:, None].to(device), share)
    return replace(model, network=network, training_state=None, path=None, sha256=None)


def _judged(
    model: Model,
    adapted: Model,
    parts: Sequence[Parts],
    tiles: Sequence[Floats],
    settings: SplitSettings,
    stop: threading.Event,
) -> Job[StatusEvent, Verdict | None]:
    """Judge by what was kept aside; None after a stop."""
    yield Stage("Judging by the parts that were kept aside")
    trips = PairedTrips()
    count = Count("part", sum(len(part.aside) for part in parts))
    done = 0
    for part, seen in zip(parts, tiles, strict=True):
        noise = noise_of(seen) * model.header.normalization.input_std
        chosen = settings.model_copy(update={"acquisition": part.acquisition})
        for image in part.aside:
            if stop.is_set():
                return None
            try:
                split = run(split_job(model, image, chosen, stop=stop))
            except JobError:  # stopped before the first sample
                if not stop.is_set():
                    raise
                return None
            for trip in round_trips((model, adapted), split, chosen, noise=noise, stop=stop):
                trips.add(trip.turned, *trip.again)
            done += 1
            yield count.progress(done)
    if stop.is_set():
        return None
    if trips.n_tiles < LEAST_TILES:
        raise JobError(
            "No structure shows in what was kept aside, so that it cannot be judged: give "
            "recordings that show every structure."
        )
    likeness: Any = likeness_of(model.header)  # was checked
    noise = noise_of(np.concatenate(tiles)) / likeness.noise
    return trips.verdict(model.header.channel_names, noise)


def _header(
    model: Model,
    recordings: Sequence[Image],
    settings: AdaptSettings,
    tried: Attempt,
) -> ModelHeader:
    """Header of an adapted model: what was measured of the old statistics is gone."""
    header = model.header
    text = (
        "The model was adapted to recordings without truth, and the limits of this check were not "
        "measured for it: compare the structures with the image."
    )
    told = Verdict(grade="usable", reasons=(text,), figures=tried.verdict.figures)
    for look in tried.looks:
        if look.grade == "do not use":  # adapting does not make it another kind
            reasons = tuple(f"Before the model was adapted: {reason}" for reason in look.reasons)
            told = told.joined(look.model_copy(update={"reasons": reasons, "figures": {}}))
            break
    gone = {LIKENESS, REFERENCE, BRIGHTNESS}
    training = {k: v for k, v in header.training.items() if k not in gone}
    record = {
        "from": None if model.path is None else model.path.name,
        "from_sha256": model.sha256,
        "recordings": [source_line(image) for image in recordings],
        "share": settings.share,
        **versions(),
    }
    return header.model_copy(
        update={
            "calibration": None,
            "provenance": header.provenance | {"adapted": record},
            "training": training | {KEY: told.model_dump(mode="json")},
        }
    )


def _knowing_its_kind(model: Model, tiles: Floats) -> Model:
    """Let an adapted model know by the recordings how further ones are taken."""
    noise = noise_of(tiles)
    if not noise > 0:
        return model
    before = likeness_of(model.header)
    backgrounds = before.backgrounds if before else ()
    likeness = likeness_from(model, torch.from_numpy(tiles)[:, None], tiles, noise, backgrounds)
    if likeness is None:
        return model
    training = model.header.training | {LIKENESS: likeness.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))
