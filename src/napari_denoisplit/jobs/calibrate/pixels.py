"""Predictions beside their targets, which a calibration is fitted to.

Letters: C channels, Y, X pixels, N pixels that are used, K samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from napari_denoisplit.events import Progress, SampleDrawn, Stage
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.measures.calibration.fit import ErrorPixels
from napari_denoisplit.noise.pairs.scaling import mean_of_neighbours
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.jobs.calibrate.fields import CalibrationField
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import CalibrateSettings

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

Part = Literal["fit", "report"]
_PARTS: tuple[Part, ...] = ("fit", "report")

SAMPLE_STEPS = (2, 5, 10, 50)
"""Numbers of samples whose moments are kept, besides those of all samples."""
PROBE = 0.3
"""Size of the perturbation that measures the response, in standard deviations of the noise."""
N_BINS = 30
"""Bins of spread over which the response is averaged."""


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """What the samples of one field come to, image units."""

    field: CalibrationField
    moments: dict[int, tuple[Floats, Floats]]
    """K: MMSE (C, Y, X) and spread (C, Y, X) of the first K samples."""
    variance: Floats
    """(C, Y, X), of the noise of the target; 0 for a clean one."""
    covariance: Floats
    """(C, Y, X), of that noise and the prediction, right on average over many pixels; 0 where the
    noise is not in the input."""


@dataclass(frozen=True, slots=True, eq=False)
class PixelPair:
    """Pixels of one channel to fit to, and others to report on."""

    fit: ErrorPixels
    report: ErrorPixels


def draw_field(
    model: Model,
    field: CalibrationField,
    noise_models: Sequence[NoiseModel],
    settings: CalibrateSettings,
    *,
    seed: int,
    stop: threading.Event,
) -> Job[StatusEvent, Drawn | None]:
    """Split one field, and where it is its own target measure the response to its noise.

    Prediction and noise of the target are correlated where the noise is in the input. By Stein's
    lemma their covariance is variance x weight x (d prediction / d input) at the same pixel. The
    derivative is measured by a random perturbation b of the input, as mean of b x (difference of
    predictions), with the same latent noise for both signs (Ramani et al. 2008,
    doi 10.1109/TIP.2008.2001404).

    Yields
    ------
    Progress, of this field, and Stage

    Returns
    -------
    Drawn, or None after a stop.
    """
    x, shape = field.superposition, field.target.shape
    steps = {k for k in SAMPLE_STEPS if k <= settings.n_samples} | {settings.n_samples}
    probed = field.kind == "noisy"
    cost = settings.n_samples + (2 * settings.probe_samples if probed else 0)
    share = settings.n_samples / cost
    moments = yield from _moments(model, x, steps, settings, seed, stop, (0.0, share))
    if stop.is_set():
        return None
    nothing = np.zeros(shape, np.float32)
    if field.kind == "clean":
        return Drawn(field, moments, nothing, nothing)
    variance = _noise_variance(field.target, noise_models)
    if not probed:
        return Drawn(field, moments, variance, nothing)
    header = model.header
    weights = np.array(header.mix.mean_weights(header.network.n_channels), np.float32)
    # The noise of the input, by which the perturbation is measured: sum of weight^2 x variance.
    size = PROBE * np.sqrt(np.tensordot(weights**2, variance, axes=1))
    signs = np.random.default_rng(seed).choice(np.array([-1, 1], np.float32), size=x.shape)
    few, predictions = {settings.probe_samples}, []
    for number, side in enumerate((1, -1)):
        begin = share + number * (1 - share) / 2
        bounds = (begin, begin + (1 - share) / 2)
        perturbed = (x + side * size * signs).astype(np.float32)
        found = yield from _moments(model, perturbed, few, settings, seed, stop, bounds)
        if stop.is_set():
            return None
        predictions.append(found[settings.probe_samples][0])
    derivative = signs * (predictions[0] - predictions[1]) / (2 * size)
    return Drawn(field, moments, variance, variance * weights[:, None, None] * derivative)


def pixels_of(drawn: Sequence[Drawn], channel: int, n_samples: int) -> PixelPair:
    """Gather the pixels of one channel from all fields, with the moments of `n_samples` samples.

    Raises
    ------
    CalibrationError
        There are too few pixels in one of the parts.
    """
    most = max(drawn[0].moments)
    spread = [d.moments[most][1][channel] for d in drawn]
    covariance = [d.covariance[channel] for d in drawn]
    shared = _averaged(_chosen(spread, drawn, "fit"), _chosen(covariance, drawn, "fit"))
    residual = [d.field.target[channel] - d.moments[n_samples][0][channel] for d in drawn]
    own = [d.moments[n_samples][1][channel] for d in drawn]
    variance = [d.variance[channel] for d in drawn]
    shares = [
        np.where(d.covariance[channel].any(), shared(s), 0.0)
        for d, s in zip(drawn, spread, strict=True)
    ]
    fit, report = (
        ErrorPixels(
            _chosen(own, drawn, part),
            _chosen(residual, drawn, part),
            _chosen(variance, drawn, part) - 2 * _chosen(shares, drawn, part),
        )
        for part in _PARTS
    )
    return PixelPair(fit, report)


def _chosen(arrays: Sequence[NDArray[np.floating]], drawn: Sequence[Drawn], part: Part) -> Doubles:
    """Pixels of one part of every field, (N,)."""
    masks = [d.field.fit if part == "fit" else d.field.report for d in drawn]
    picked = [array[mask] for array, mask in zip(arrays, masks, strict=True)]
    return np.concatenate(picked).astype(np.float64)


def _moments(
    model: Model,
    x: Floats,
    steps: set[int],
    settings: CalibrateSettings,
    seed: int,
    stop: threading.Event,
    bounds: tuple[float, float],
) -> Job[StatusEvent, dict[int, tuple[Floats, Floats]]]:
    """Mean and spread of the first K samples, for each K of `steps`."""
    n = max(steps)
    drawing = SplitSettings(
        n_samples=n,
        keep_samples=0,
        device=settings.device,
        precision=settings.precision,
        seed=seed,
        grey_levels="kept",
    )
    found: dict[int, tuple[Floats, Floats]] = {}
    for event in split_job(model, Image(x, "YX", name="the input"), drawing, stop=stop):
        if isinstance(event, SampleDrawn) and event.index + 1 in steps:
            found[event.index + 1] = event.mmse, event.sigma
        elif isinstance(event, Progress):
            done = bounds[0] + (bounds[1] - bounds[0]) * event.done
            yield Progress(done, None, event.text)
        elif isinstance(event, Stage) and not event.text.startswith("Splitting"):
            yield event
    return found


def _noise_variance(target: Floats, noise_models: Sequence[NoiseModel]) -> Floats:
    """Variance of the noise of each pixel, (C, Y, X), at the signal that its neighbours show.

    The pixel itself would bring its own noise in: bright noise would be taken for bright signal.
    """
    variance = np.empty_like(target)
    for c, model in enumerate(noise_models):
        signal = torch.from_numpy(mean_of_neighbours(target[c]))
        with torch.no_grad():
            variance[c] = model.variance(signal).numpy()
    return variance


def _averaged(
    spread: Doubles, values: Doubles
) -> Callable[[NDArray[np.floating]], NDArray[np.floating]]:
    """Mean of `values` in bins of spread, as a function of the spread.

    A derivative from one perturbation holds only on average: at a pixel it is mostly chance.
    """
    parts = [p for p in np.array_split(np.argsort(spread, kind="stable"), N_BINS) if len(p)]
    centres, means = ([a[part].mean() for part in parts] for a in (spread, values))
    return lambda at: np.interp(at, centres, means)
