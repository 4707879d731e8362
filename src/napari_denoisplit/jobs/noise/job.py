"""Fit a noise model to whatever data there is, and judge it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.events import PairsGathered, Stage, unless_stopped
from napari_denoisplit.images.windows import spread_planes
from napari_denoisplit.jobs.denoise.job import denoise_job
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.noise.fitting.selection import check_source, fit_steps
from napari_denoisplit.noise.judging.judge import judge
from napari_denoisplit.noise.pairs.gathering import check_region, gather, joint_histogram
from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings
from napari_denoisplit.verdict import Finding, NoiseRecord

if TYPE_CHECKING:
    import threading

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.events import Job, NoiseEvent
    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.jobs.denoise.job import Denoised
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.verdict import Verdict

_STOPPED = "The fit was stopped before there was a noise model."
LEAST_STEPS = 200
"""Of a denoiser whose result serves as signal: twice what its weights are averaged over."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """How well a noise model describes pixels."""

    curves: NoiseCurves
    verdict: Verdict


@dataclass(frozen=True, slots=True, eq=False)
class NoiseFit:
    """A fitted noise model; `model.record` says where it comes from and whether to trust it."""

    model: NoiseModel
    curves: NoiseCurves
    pairs: Pairs
    """What it was fitted to and judged by."""
    candidates: dict[str, float]
    """Held-out mean negative log-likelihood of everything that was tried, nats per pixel."""
    denoised: Denoised | None
    """For the source 'bootstrap': the images that served as signal."""


def fit_noise_job(
    data: NoiseData,
    settings: NoiseFitSettings | None = None,
    *,
    denoise: DenoiseSettings | None = None,
    stop: threading.Event | None = None,
) -> Job[NoiseEvent, NoiseFit]:
    """Fit a noise model to one channel, and judge it.

    Parameters
    ----------
    data
        Pixels and where their signal comes from.
    settings
        Kind of the model; None takes every default.
    denoise
        How the denoiser of the source 'bootstrap' is trained.
    stop
        When set, the job ends soon, and with an error: half of a fit is no noise model.

    Yields
    ------
    Stage, Progress, PairsGathered, FitStep

    Returns
    -------
    NoiseFit

    Raises
    ------
    NoiseModelError
        The data hold no noise, or too few pixels, or the denoiser's result is degenerate.
    """
    fitting = _fit(data, settings or NoiseFitSettings(), denoise, stop)
    return (yield from unless_stopped(fitting, stop, NoiseModelError(_STOPPED)))


def _fit(
    data: NoiseData,
    settings: NoiseFitSettings,
    denoise: DenoiseSettings | None,
    stop: threading.Event | None,
) -> Job[NoiseEvent, NoiseFit]:
    check_source(settings.kind, data.source)  # before minutes of denoising
    pairs, denoised = yield from gather_job(data, settings, denoise=denoise, stop=stop)
    yield Stage("Fitting the noise model")
    model, candidates = yield from fit_steps(pairs, settings)
    yield Stage("Judging the noise model")
    curves, verdict = judge(model, pairs)
    record = NoiseRecord(
        name=data.name,
        source=data.source,
        files=data.files,
        n_pixels=len(pairs.signal),
        notes=pairs.notes,
        verdict=verdict,
        versions=versions(),
    )
    return NoiseFit(model.with_record(record), curves, pairs, candidates, denoised)


def gather_job(
    data: NoiseData,
    settings: NoiseFitSettings,
    *,
    denoise: DenoiseSettings | None = None,
    stop: threading.Event | None = None,
) -> Job[NoiseEvent, tuple[Pairs, Denoised | None]]:
    """Gather pairs of signal and observation, to fit models to or to judge them by.

    Parameters
    ----------
    data, settings, denoise, stop
        As of `fit_noise_job`.

    Yields
    ------
    Stage, Progress, PairsGathered

    Returns
    -------
    The pairs, and for the source 'bootstrap' the images that served as signal.
    """
    check_region(data)  # before minutes of denoising
    denoised = None
    if data.source == "bootstrap":
        data = replace(
            data,
            observation=spread_planes(
                data.observation, settings.max_pixels, whole=data.mask is not None
            ),
        )
        denoising = denoise_job(
            [data.observation],
            denoise or DenoiseSettings(seed=settings.seed),
            for_noise_model=True,
            stop=stop,
            names=(data.name,),
        )
        denoised = yield from unless_stopped(denoising, stop, NoiseModelError(_STOPPED))
        denoised.check()
    yield Stage("Gathering pixels")
    pairs = gather(data, settings, signal=None if denoised is None else denoised.images[0])
    if denoised is not None and denoised.n_steps < LEAST_STEPS:
        few = Finding(
            1,
            f"The denoiser took {denoised.n_steps} steps, which are too few to learn from: let it "
            "learn longer (more minutes or steps).",
        )
        pairs = replace(pairs, findings=(*pairs.findings, few))
    yield PairsGathered(joint_histogram(pairs), len(pairs.signal), pairs.notes)
    return pairs, denoised


def judge_noise_job(model: NoiseModel, pairs: Pairs) -> Job[Stage, Judged]:
    """Judge a noise model by pixels that it need not have been fitted to.

    Yields
    ------
    Stage

    Returns
    -------
    Judged
    """
    yield Stage("Judging the noise model")
    return Judged(*judge(model, pairs))
