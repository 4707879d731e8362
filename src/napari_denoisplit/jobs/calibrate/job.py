"""Calibrate the sigma of a model on images that it has not seen."""

from __future__ import annotations

import csv
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from napari_denoisplit.calibration_record import CalibrationRecord
from napari_denoisplit.errors import CalibrationError, NoiseModelError
from napari_denoisplit.events import Count, Progress, Stage, changed
from napari_denoisplit.files import replacing
from napari_denoisplit.images.training.sources import same_content, source_name
from napari_denoisplit.jobs.calibrate.channel import calibrate_channel
from napari_denoisplit.jobs.calibrate.fields import cut, kept_aside, limited, make_fields
from napari_denoisplit.jobs.calibrate.pixels import draw_field
from napari_denoisplit.jobs.split.input import model_of
from napari_denoisplit.jobs.train.channel_noise import channel_noise_job
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.noise.models.kinds import noise_model_from_dict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job, NoiseEvent, StatusEvent
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.calibrate.channel import ChannelResult
    from napari_denoisplit.jobs.calibrate.fields import CalibrationField
    from napari_denoisplit.jobs.calibrate.pixels import Drawn
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import CalibrateSettings

    Floats = NDArray[np.float32]


R = TypeVar("R")


@dataclass(frozen=True, slots=True, eq=False)
class Calibrated:
    """Outcome of a calibration."""

    model: Model
    """The model with its calibration; not yet in any file."""
    record: CalibrationRecord
    channels: tuple[ChannelResult, ...]
    stopped_early: bool


def calibrate_job(
    model: Model | Path,
    images: TrainingFields,
    settings: CalibrateSettings,
    *,
    superpositions: Sequence[Floats] | None = None,
    report_on: TrainingFields | None = None,
    report_superpositions: Sequence[Floats] | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    stop: threading.Event | None = None,
) -> Job[NoiseEvent, Calibrated]:
    """Find out what the spread of a model's samples is worth, on images that it has not seen.

    Each field is split; the prediction is compared with clean channels where there are any, else
    with noisy ones, whose noise is taken out. A chessboard of blocks parts every field into pixels
    to fit to and others to report on. Of the images that the model was trained on only the parts
    kept aside are used.

    Parameters
    ----------
    model
        A model, or its file; an earlier calibration is put aside.
    images
        Channels as for training, noisy, with clean ones where there are any.
    settings
        Samples, method, bins, device.
    superpositions
        (Y, X) for each field, recorded superpositions; None mixes them from the noisy channels.
    report_on
        Other images to judge on; all pixels of `images` are then fitted to.
    report_superpositions
        (Y, X) for each field of `report_on`, as `superpositions`.
    noise_models
        One per channel; None takes those of the model, or fits them where it has none.
    stop
        When set, the job goes on with the fields that are complete.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    Calibrated

    Raises
    ------
    CalibrationError
        The images do not suffice, or the model was trained on them.
    ImageError
        The images do not fit the model or one another.
    """
    stop = stop or threading.Event()
    model = yield from model_of(model)
    if not facts_of(model.header.network, torch.float32).draws:
        raise CalibrationError(
            f"A {model.header.network.kind} gives one answer without a spread: there is nothing to "
            "calibrate. Train a ladder (preset 'fast' or 'large') to know how sure a split is."
        )
    plain = model.calibrated(None)
    fields = calibration_fields(
        plain, images, settings, superpositions, report_on, report_superpositions
    )
    notes = list(dict.fromkeys(note for field in fields for note in field.notes))
    for note in notes:
        yield Stage(note)
    noise: Sequence[NoiseModel] = ()
    if any(field.kind != "clean" for field in fields):
        noise = yield from _noise_models(plain, images, noise_models)
    drawn = yield from _draw(plain, fields, noise, settings, stop)
    yield Stage("Comparing spread and error")
    stopped = len(drawn) < len(fields)
    sources = images.sources, () if report_on is None else report_on.sources
    return conclude(model, drawn, settings, *sources, notes, stopped_early=stopped)


def calibration_fields(
    model: Model,
    images: TrainingFields,
    settings: CalibrateSettings,
    superpositions: Sequence[Floats] | None = None,
    report_on: TrainingFields | None = None,
    report_superpositions: Sequence[Floats] | None = None,
) -> list[CalibrationField]:
    """Everything that is to be split; see `calibrate_job`."""
    header = model.header
    for given in (images, *(() if report_on is None else (report_on,))):
        if given.n_channels != header.network.n_channels:
            raise CalibrationError(
                f"The images have {given.n_channels} channels ({', '.join(given.channel_names)}), "
                f"the model splits into {header.network.n_channels} "
                f"({', '.join(header.channel_names)}): give one of each, in this order."
            )
        _check_order(given.channel_names, header.channel_names)
    role = "both" if report_on is None else "fit"
    fields = make_fields(images, header.mix, superpositions, role)  # type: ignore[arg-type]
    aside = kept_aside(images, header)
    if aside and report_on is None:
        fields = [cut(fields[region.field], region, role) for region, role in aside]
    elif aside:
        fields = [cut(fields[r.field], r, "fit") for r, role in aside if role != "report"]
    fields = limited(fields, settings.max_pixels)
    if report_on is not None:
        _check_others(images, report_on, header)
        others = make_fields(report_on, header.mix, report_superpositions, "report")
        fields += limited(others, settings.max_pixels)
    return fields


def _check_order(found: Sequence[str], wanted: Sequence[str]) -> None:
    """Refuse the structures of the model in another order: each would be taken for the other."""
    if tuple(found) != tuple(wanted) and sorted(found) == sorted(wanted):
        raise CalibrationError(
            f"The images show {', '.join(found)}, the structures of the model are "
            f"{', '.join(wanted)}: give them in the order of the model."
        )


def _check_others(images: TrainingFields, report_on: TrainingFields, header: ModelHeader) -> None:
    """Refuse to judge on images that were trained on, or that the calibration is fitted to."""
    if kept_aside(report_on, header):
        raise CalibrationError(
            "The model was trained on the images to judge on: give others, or leave them out."
        )
    if common := same_content(report_on.sources, images.sources):
        raise CalibrationError(
            f"{source_name(common[0])} is given both to fit to and to judge on: give other images "
            "to judge on, or leave them out, so that half of every image is kept for that."
        )


def _noise_models(
    model: Model, images: TrainingFields, given: Sequence[NoiseModel] | None
) -> Job[NoiseEvent, Sequence[NoiseModel]]:
    """Noise models as given, of the model, or fitted to the images."""
    if given is not None:
        if len(given) != images.n_channels:
            raise NoiseModelError(
                f"{len(given)} noise models for {images.n_channels} channels: give one for each."
            )
        return given
    if model.header.noise_models is not None:
        return [noise_model_from_dict(values) for values in model.header.noise_models]
    everywhere = tuple(np.ones(field.shape[1:], bool) for field in images.fields)
    return (yield from channel_noise_job(images, everywhere))


def _draw(
    model: Model,
    fields: Sequence[CalibrationField],
    noise: Sequence[NoiseModel],
    settings: CalibrateSettings,
    stop: threading.Event,
) -> Job[StatusEvent, list[Drawn]]:
    """Split every field, after a stop those that are complete."""
    drawn: list[Drawn] = []
    count = Count("image", len(fields))
    for i, field in enumerate(fields):
        if stop.is_set():
            break
        steps = draw_field(model, field, noise, settings, seed=settings.seed + i, stop=stop)
        found = yield from changed(steps, partial(_of_all, count, i))
        drawn += [] if found is None else [found]
    if stop.is_set() and not any(d.field.report.any() for d in drawn):
        text = "Calibration was stopped before its first image to judge on: let it run longer."
        raise CalibrationError(text)
    return drawn


def _of_all(count: Count, number: int, event: StatusEvent) -> tuple[StatusEvent]:
    """Progress of one field as that of all."""
    return (count.with_part(number, event) if isinstance(event, Progress) else event,)


def conclude(
    model: Model,
    drawn: Sequence[Drawn],
    settings: CalibrateSettings,
    sources: Sequence[str] = (),
    judged_on: Sequence[str] = (),
    notes: Sequence[str] = (),
    *,
    stopped_early: bool = False,
) -> Calibrated:
    """Fit and judge, once every image is split; see `calibrate_job`."""
    kind = drawn[0].field.kind
    names = model.header.channel_names
    channels = [calibrate_channel(drawn, c, name, settings) for c, name in enumerate(names)]
    record = CalibrationRecord(
        channels=tuple(channel.calibration for channel in channels),
        target=kind,
        n_samples=settings.n_samples,
        n_pixels=channels[-1].n_fitted,
        data=tuple(sources) or ("images without a name",),
        judged_on=tuple(judged_on),
        scores=tuple(channel.score for channel in channels),
        notes=tuple(notes),
        versions=versions(),
    )
    results = tuple(channel.result for channel in channels)
    return Calibrated(model.calibrated(record), record, results, stopped_early)


HEADINGS = ("channel", "sigma", "samples", "bin", "rmv", "rmse", "rmse_low", "rmse_high", "pixels")


def rows(result: Calibrated) -> list[tuple[str | int | float, ...]]:
    """Return a row for each bin of each curve, grey levels; see `HEADINGS`.

    'sigma' says of what: 'before', or one of the ways to calibrate. RMSE comes with one standard
    error below and above.
    """
    n_samples = result.record.n_samples or 0
    table: list[tuple[str | int | float, ...]] = []
    for channel in result.channels:
        curves = channel.curves
        named = [("before", n_samples, curves.before)]
        named += [(way, n_samples, curve) for way, curve in curves.after.items()]
        named += [(curves.chosen, step.n_samples, step.curve) for step in curves.by_samples[:-1]]
        for name, samples, curve in named:
            columns = (curve.rmv, curve.rmse, *curve.rmse_range, curve.counts)
            table += [
                (curves.channel, name, samples, i + 1, *(value.item() for value in values))
                for i, values in enumerate(zip(*columns, strict=True))
            ]
    return table


def write_table(path: Path, result: Calibrated) -> None:
    """Write the table as CSV, whole or not at all.

    Raises
    ------
    OSError
        The folder cannot be written.
    """
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        writer.writerows(rows(result))
