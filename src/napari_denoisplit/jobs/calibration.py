"""Calibrate the sigma of a model on images that it has not seen."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.calibration_record import (
    CalibrationRecord,
    CalibrationScore,
    ChannelCalibration,
)
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.curves import SampleStep, SigmaCurves
from napari_denoisplit.errors import CalibrationError, NoiseModelError
from napari_denoisplit.events import Progress, Stage
from napari_denoisplit.jobs.calibration_fields import cut, kept_aside, limited, make_fields
from napari_denoisplit.jobs.calibration_pixels import draw_field, pixels_of
from napari_denoisplit.jobs.channel_noise import channel_noise_job
from napari_denoisplit.measures.calibration import (
    ErrorPixels,
    fit_channel,
    fit_every_way,
    noise_scale,
    variance_factor,
)
from napari_denoisplit.measures.calibration_verdict import judge_sigma
from napari_denoisplit.measures.reliability import coverage, reliability
from napari_denoisplit.measures.sigma import mapped
from napari_denoisplit.noise.model import noise_model_from_dict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.curves import ReliabilityCurve
    from napari_denoisplit.events import Job
    from napari_denoisplit.images.training_fields import TrainingFields
    from napari_denoisplit.jobs.calibration_fields import CalibrationField
    from napari_denoisplit.jobs.calibration_pixels import Drawn
    from napari_denoisplit.noise.model import NoiseModel
    from napari_denoisplit.settings import CalibrateSettings, CalibrationMethod
    from napari_denoisplit.verdict import Verdict

    Floats = NDArray[np.float32]

__all__ = ["Calibrated", "ChannelResult", "calibrate_job", "calibration_fields", "conclude"]

_FEWEST = 5  # samples whose squared spread can be divided by
CLEARLY = 0.9
"""A less simple calibration is taken if it leaves less than this share of the variance error."""


@dataclass(frozen=True, slots=True, eq=False)
class ChannelResult:
    """What was found of the sigma of one channel."""

    curves: SigmaCurves
    factors: Mapping[str, float]
    """By name: 'variance' and 'likelihood', the factors of either kind, the second where the noise
    of the targets allows for it; from targets whose noise
    is in the input also 'uncorrected', the variance factor if that were not minded."""
    noise_scale: float
    """Noise of the targets relative to that of the noise model; 1 for clean targets."""
    verdict: Verdict


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
    noise_models: Sequence[NoiseModel] | None = None,
    stop: threading.Event | None = None,
) -> Job[Calibrated]:
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
        Other images to report on; all pixels of `images` are then fitted to.
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
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
        model = load_model(model)
    plain = model.calibrated(None)
    fields = calibration_fields(plain, images, settings, superpositions, report_on)
    notes = list(dict.fromkeys(note for field in fields for note in field.notes))
    for note in notes:
        yield Stage(note)
    noise: Sequence[NoiseModel] = ()
    if any(field.kind != "clean" for field in fields):
        noise = yield from _noise_models(plain, images, noise_models)
    drawn: list[Drawn] = []
    for i, field in enumerate(fields):
        if stop.is_set():
            break
        steps = draw_field(plain, field, noise, settings, seed=settings.seed + i, stop=stop)
        found = yield from _counted(steps, i, len(fields))
        drawn += [] if found is None else [found]
    if stop.is_set() and not any(d.field.report.any() for d in drawn):
        text = "Calibration was stopped before its first image to report on: let it run longer."
        raise CalibrationError(text)
    yield Stage("Comparing spread and error")
    stopped = len(drawn) < len(fields)
    return conclude(model, drawn, settings, images.sources, notes, stopped_early=stopped)


def calibration_fields(
    model: Model,
    images: TrainingFields,
    settings: CalibrateSettings,
    superpositions: Sequence[Floats] | None = None,
    report_on: TrainingFields | None = None,
) -> list[CalibrationField]:
    """Everything that is to be split; see `calibrate_job`."""
    header = model.header
    alpha = (header.mix.alpha_low + header.mix.alpha_high) / 2
    weights = [w * alpha for w in header.mix.channel_weights(header.network.n_channels)]
    for given in (images, *(() if report_on is None else (report_on,))):
        if given.n_channels != header.network.n_channels:
            raise CalibrationError(
                f"The images have {given.n_channels} channels ({', '.join(given.channel_names)}), "
                f"the model splits into {header.network.n_channels} "
                f"({', '.join(header.channel_names)}): give one of each, in this order."
            )
    role = "both" if report_on is None else "fit"
    fields = make_fields(images, weights, superpositions, role)  # type: ignore[arg-type]
    aside = kept_aside(images, header)
    if aside and report_on is None:
        fields = [cut(fields[region.field], region, role) for region, role in aside]
    elif aside:
        fields = [cut(fields[r.field], r, "fit") for r, role in aside if role != "report"]
    fields = limited(fields, settings.max_pixels)
    if report_on is not None:
        if kept_aside(report_on, header):
            raise CalibrationError(
                "The model was trained on the images to report on: give others, or leave them out."
            )
        others = make_fields(report_on, weights, None, "report")
        fields += limited(others, settings.max_pixels)
    return fields


def _noise_models(
    model: Model, images: TrainingFields, given: Sequence[NoiseModel] | None
) -> Job[Sequence[NoiseModel]]:
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


def _counted(steps: Job[Drawn | None], number: int, total: int) -> Job[Drawn | None]:
    """Progress of one field as that of all."""
    while True:
        try:
            event = next(steps)
        except StopIteration as done:
            result: Drawn | None = done.value
            return result
        if isinstance(event, Progress):
            text = f"image {number + 1} of {total}, {event.text}"
            yield Progress((number + event.done) / total, None, text)
        else:
            yield event


def conclude(
    model: Model,
    drawn: Sequence[Drawn],
    settings: CalibrateSettings,
    sources: Sequence[str] = (),
    notes: Sequence[str] = (),
    *,
    stopped_early: bool = False,
) -> Calibrated:
    """Fit and judge, once every image is split; see `calibrate_job`."""
    kind = drawn[0].field.kind
    results, calibrations, scores, n_pixels = [], [], [], 0
    for c, name in enumerate(model.header.channel_names):
        calibration, result, score, n_pixels = _channel(drawn, c, name, settings)
        calibrations.append(calibration)
        results.append(result)
        scores.append(score)
    record = CalibrationRecord(
        channels=tuple(calibrations),
        target=kind,
        n_samples=settings.n_samples,
        n_pixels=n_pixels,
        data=tuple(sources) or ("images without a name",),
        scores=tuple(scores),
        notes=tuple(notes),
        versions={
            "napari-denoisplit": version("napari-denoisplit"),
            "torch": str(torch.__version__),
        },
    )
    return Calibrated(model.calibrated(record), record, tuple(results), stopped_early)


def _channel(
    drawn: Sequence[Drawn], channel: int, name: str, settings: CalibrateSettings
) -> tuple[ChannelCalibration, ChannelResult, CalibrationScore, int]:
    """Fit one channel in every way, and judge each on the pixels left out."""
    pair = pixels_of(drawn, channel, settings.n_samples)
    scale = noise_scale(pair.fit)
    fit, report = pair.fit.scaled(scale), pair.report.scaled(scale)
    fitted = fit_every_way(fit, settings.method)
    before = _curve(report, report.spread, settings)
    after = {
        way: _curve(report, mapped(report.spread, found), settings) for way, found in fitted.items()
    }
    chosen = _best(after) if settings.method == "auto" else settings.method
    curves = SigmaCurves(
        name, before, after, chosen, _by_samples(drawn, channel, settings, scale, chosen)
    )
    sigma = mapped(report.spread, fitted[chosen])
    final = after[chosen]
    score = CalibrationScore(
        channel=name,
        ece_before=before.ece,
        ece_after=final.ece,
        relative_ece_before=before.relative_ece,
        relative_ece_after=final.relative_ece,
        slope=final.line[0],
        correlation=final.correlation,
        coverage=coverage(report, sigma),
        n_pixels=len(report.spread),
    )
    factors: dict[str, float] = {way: c.factor for way, c in fitted.items() if way != "map"}
    factors |= _uncorrected(drawn, channel, fit)
    verdict = judge_sigma(score, fitted["variance"].factor, is_clean=report.is_clean)
    result = ChannelResult(curves, factors, 1.0 if fit.is_clean else scale, verdict)
    return fitted[chosen], result, score, len(fit.spread)


def _curve(
    pixels: ErrorPixels, sigma: NDArray[np.floating], settings: CalibrateSettings
) -> ReliabilityCurve:
    return reliability(pixels, sigma, n_bins=settings.n_bins, binning=settings.binning)


def _best(after: Mapping[CalibrationMethod, ReliabilityCurve]) -> CalibrationMethod:
    """Return the simplest way whose variance error no other way clearly lowers."""
    best: CalibrationMethod = "variance"
    for way, curve in after.items():  # from the simplest to the least simple
        if curve.variance_error < CLEARLY * after[best].variance_error:
            best = way
    return best


def _by_samples(
    drawn: Sequence[Drawn],
    channel: int,
    settings: CalibrateSettings,
    scale: float,
    way: CalibrationMethod,
) -> tuple[SampleStep, ...]:
    """Calibrate in the chosen way with fewer samples, too.

    Not by likelihood with very few: its factor, of a ratio to their spread, has no finite mean.
    """
    steps = []
    fewest = _FEWEST if way == "likelihood" else 0
    for n_samples in sorted(k for k in drawn[0].moments if k >= fewest):
        pair = pixels_of(drawn, channel, n_samples)
        fit, report = pair.fit.scaled(scale), pair.report.scaled(scale)
        try:
            fitted = fit_channel(fit, way)
        except CalibrationError:
            continue  # the noise may hide the error with few samples only
        sigma = mapped(report.spread, fitted)
        found = _curve(report, sigma, settings), coverage(report, sigma)
        steps.append(SampleStep(n_samples, fitted.factor, *found))
    return tuple(steps)


def _uncorrected(drawn: Sequence[Drawn], channel: int, fit: ErrorPixels) -> dict[str, float]:
    """Return the variance factor as it were if noise and prediction were independent."""
    if drawn[0].field.kind != "noisy":
        return {}
    variance = np.concatenate([d.variance[channel][d.field.fit] for d in drawn]).astype(float)
    naive = ErrorPixels(fit.spread, fit.residual, variance)
    naive = naive.scaled(noise_scale(naive))
    try:
        return {"uncorrected": variance_factor(naive)}
    except CalibrationError:
        return {"uncorrected": 0.0}  # all of the error was taken for noise
