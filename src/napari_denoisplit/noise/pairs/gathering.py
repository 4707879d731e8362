"""Pairs of signal and observation, from whatever images there are.

Large and lazy images are read in windows that are evenly spread, never as a whole.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.curves import JointHistogram
from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.pairs.clean_image import fields_of_pairs
from napari_denoisplit.noise.pairs.estimation import estimate_noise
from napari_denoisplit.noise.pairs.pairs import Pairs
from napari_denoisplit.noise.pairs.rounding import (
    grey_step,
    rounding_findings,
    rounding_notes,
)
from napari_denoisplit.noise.pairs.spread import check_spread, noise_spread, unsaturated_signal
from napari_denoisplit.noise.pairs.static_field import fields_of_repeats
from napari_denoisplit.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.noise.pairs.line import NoiseLine
    from napari_denoisplit.noise.pairs.pairs import Field
    from napari_denoisplit.settings import NoiseFitSettings

    Floats = NDArray[np.float32]

_LEAST_PAIRS = 1000
_OUTLIER = 12.0  # standard deviations: no noise of a detector, but cosmic rays and hot pixels
_WORTH_A_NOTE = 1e-5  # share of outlier pixels
_MOST_WINDOWS = 8
_RESIDUAL_EDGE = 512
_LEAST_EDGE = 8  # pixels: less is no stretch to measure correlation on
_BOOTSTRAP_CUT = (0.005, 0.995)  # as published: a denoiser is least right at the ends
_MOST_CORRELATED = 1_000_000  # pixels that tell the correlation of a noisy image
_MOST_BINS = 200
_GROUPS = 20  # of pixels by their signal, half of which have no more structure than that
_MUCH_LEFT, _FAR_TOO_MUCH_LEFT = 1.25, 1.6  # times the variance of the noise
_BOOTSTRAP_NOTE = (
    "The signal was found by a denoiser, which smooths a little: the noise may seem up to a few "
    "percent stronger than it is, most where structure is fine."
)
_SINGLE_NOTE = (
    "The noise was estimated from the image alone, on its flattest places: its variance is taken "
    "to be a straight line over the signal."
)


def gather(
    data: NoiseData, settings: NoiseFitSettings, *, signal: NDArray[np.float32] | None = None
) -> Pairs:
    """Gather pairs of signal and observation.

    Parameters
    ----------
    data
        Images, which may be lazy, and where their signal comes from.
    settings
        How many pixels to look at, and the seed of their order.
    signal
        For the source 'bootstrap': the denoised observation, of the same shape.

    Raises
    ------
    NoiseModelError
        There are too few usable pixels, no noise, or no signal was given for 'bootstrap'.
    """
    check_region(data)
    try:
        return _gather(data, settings, signal)
    except NoiseModelError as error:
        name = repr(data.name)
        if not data.name or name in str(error):
            raise
        raise NoiseModelError(f"{name}: {error}") from error  # of several images, which


def _gather(
    data: NoiseData, settings: NoiseFitSettings, signal: NDArray[np.float32] | None
) -> Pairs:
    """Gather pairs as the source of the signal asks for."""
    most, mask = settings.max_pixels, data.mask
    match data.source:
        case "single":
            return _of_single_image(data, settings)
        case "repeats":
            fields, notes, findings = fields_of_repeats(data.observation, most, mask)
            pairs = _pairs(data, fields, notes, settings.seed)
            return replace(pairs, findings=(*findings, *pairs.findings))
        case "pairs":
            fields, notes = fields_of_pairs(data.observation, data.signal, most, mask, rescale=True)
            return _pairs(data, fields, notes, settings.seed)
        case "bootstrap":
            pass
    if signal is None or tuple(signal.shape) != tuple(data.observation.shape):
        raise NoiseModelError(
            "The source 'bootstrap' needs the denoised image as its signal, of shape "
            f"{tuple(data.observation.shape)}; got {None if signal is None else signal.shape}."
        )
    fields, notes = fields_of_pairs(data.observation, signal, most, mask, rescale=False)
    pairs = _pairs(data, fields, [*notes, _BOOTSTRAP_NOTE], settings.seed, cut=_BOOTSTRAP_CUT)
    try:
        estimate = estimate_noise(data.observation, _MOST_CORRELATED)
    except NoiseModelError:  # too small, or flat: nothing is known of its noise
        return pairs
    return replace(
        pairs,
        # A denoiser keeps correlated noise as structure: what is left over looks independent.
        neighbour_correlation=estimate.neighbour_correlation,
        findings=(*pairs.findings, *_left_over(pairs, estimate.line)),
    )


def _left_over(pairs: Pairs, line: NoiseLine) -> Iterator[Finding]:
    """Say if a denoiser has left far more over than the noise that flat places show."""
    order = np.argsort(pairs.signal)
    squares = np.square(pairs.observation - pairs.signal, dtype=np.float64)[order]
    foreseen = line.variance(pairs.signal[order].astype(np.float64))
    groups = zip(*(np.array_split(a, _GROUPS) for a in (squares, foreseen)), strict=True)
    excess = float(np.median([seen.mean() / noise.mean() for seen, noise in groups]))
    if excess > _MUCH_LEFT:
        yield Finding(
            2 if excess > _FAR_TOO_MUCH_LEFT else 1,
            f"What the denoiser took away has {excess:.2f} times the variance of the noise on flat "
            "places: it has not learned the structure yet, which counts as noise. Let it learn "
            "longer (more minutes or steps), or use repeats of one field.",
        )


def check_region(data: NoiseData) -> None:
    """Refuse images and regions that are too narrow to compare a pixel with its neighbours.

    Raises
    ------
    NoiseModelError
        The region of interest is empty, or an edge is too short.
    """
    rows, columns = data.observation.shape[-2:]
    if data.mask is not None:
        if not data.mask.any():
            raise NoiseModelError(
                f"The region of interest of {data.name or 'the image'!r} is empty: draw it over "
                "the image, or leave it out."
            )
        rows, columns = (int(np.ptp(np.flatnonzero(data.mask.any(axis=a)))) + 1 for a in (1, 0))
    if min(rows, columns) < _LEAST_EDGE:
        what = "The image" if data.mask is None else "The region of interest"
        raise NoiseModelError(
            f"{what} of {data.name or 'this channel'!r} is {rows} x {columns} pixels: noise is "
            f"measured on at least {_LEAST_EDGE} x {_LEAST_EDGE}. Take a larger one."
        )


def _of_single_image(data: NoiseData, settings: NoiseFitSettings) -> Pairs:
    """Estimate the noise of an image, and give pairs of local mean and deviation from it."""
    found = estimate_noise(data.observation, settings.max_pixels, data.mask)
    order = np.random.default_rng(settings.seed).permutation(len(found.signal))
    s = found.signal[order].astype(np.float32)
    notes = [_SINGLE_NOTE, *rounding_notes(found.step)]
    if np.isfinite(found.saturation):
        notes.append(
            f"The detector saturates at {found.saturation:g} grey levels; pixels there and around "
            "are left out."
        )
    line = found.line
    spread = float(np.sqrt(np.median(line.variances)))
    return Pairs(
        source="single",
        signal=s,
        observation=s + found.noise[order].astype(np.float32),
        line=line,
        neighbour_correlation=found.neighbour_correlation,
        max_signal=found.saturation,
        signal_range=(float(s.min()), float(s.max())),
        observed_range=found.observed_range,
        notes=tuple(notes),
        findings=tuple(rounding_findings(found.step, spread, line.signals, line.variances)),
    )


def _pairs(
    data: NoiseData,
    fields: Sequence[Field],
    notes: Sequence[str],
    seed: int,
    cut: tuple[float, float] | None = None,
) -> Pairs:
    """Pairs of fields, without saturated pixels and outliers."""
    notes = list(notes)
    known = [np.isfinite(f.raw) & np.isfinite(f.signal) & f.usable for f in fields]
    s, x, raw = _pixels(fields, known, data)
    observed = tuple(float(v) for v in np.quantile(raw, (1e-4, 1 - 1e-4)))
    limit, step = unsaturated_signal(s, raw), grey_step(raw)
    kept = s <= limit
    if not kept.all():
        notes.append(
            f"{1 - kept.mean():.2%} of the pixels lie above a signal of {limit:.4g} grey levels, "
            "where the detector saturates; they are left out."
        )
    if cut is not None:
        low, high = np.quantile(s[kept], cut)
        kept &= (s > low) & (s < high)
    if np.count_nonzero(kept) < _LEAST_PAIRS:
        raise NoiseModelError(
            f"Almost every pixel of {data.name or 'the image'!r} is saturated: use images with a "
            "shorter exposure."
        )
    spread = noise_spread(s[kept], x[kept])
    # Where next to no photons arrive, one of them is many standard deviations: an outlier must
    # stand out of the noise of the image, too.
    sigma = spread(s)
    usual = float(np.median(sigma))
    outlier = np.abs(x - s) > _OUTLIER * np.maximum(sigma, usual)
    share = float(np.count_nonzero(outlier & kept) / np.count_nonzero(kept))
    if share > _WORTH_A_NOTE:
        notes.append(
            f"{share:.2g} of the pixels deviate by more than {_OUTLIER:.0f} standard deviations "
            "(cosmic rays, blinking or hot pixels); they are left out."
        )
    kept &= ~outlier
    order = np.random.default_rng(seed).permutation(np.flatnonzero(kept))
    residuals = _residuals(fields, known, spread, limit, _OUTLIER * usual)
    s, x = s[order], x[order]
    return Pairs(
        source=data.source,
        signal=s.astype(np.float32),
        observation=x.astype(np.float32),
        residuals=residuals,
        max_signal=limit,
        signal_range=(float(s.min()), float(s.max())),
        observed_range=(observed[0], observed[1]),
        notes=(*notes, *rounding_notes(step)),
        findings=tuple(rounding_findings(step, usual, s, (x - s) ** 2)),
    )


def _pixels(
    fields: Sequence[Field], known: Sequence[NDArray[np.bool_]], data: NoiseData
) -> tuple[Floats, Floats, Floats]:
    """Signal, observation and what was read, of all pixels that are known."""
    s, x, raw = (
        np.concatenate([getattr(f, of)[k] for f, k in zip(fields, known, strict=True)])
        for of in ("signal", "observation", "raw")
    )
    if len(s) < _LEAST_PAIRS:
        raise NoiseModelError(
            f"{len(s)} pixels of {data.name or 'the image'!r} are numbers and lie in the region of "
            f"interest: a noise model needs at least {_LEAST_PAIRS}. Take a larger region or image."
        )
    if np.array_equal(s, x):
        raise NoiseModelError(
            "Signal and observation are equal: there is no noise to model. Give the raw image as "
            "the observation, and its clean version as the signal; repeats must be exposures that "
            "were taken one after the other."
        )
    check_spread(float((x - s).std(dtype=np.float64)), float(np.abs(raw).max()))
    return s, x, raw


def _residuals(
    fields: Sequence[Field],
    known: Sequence[NDArray[np.bool_]],
    spread: Callable[[Floats], Floats],
    limit: float,
    most: float,
) -> tuple[Floats, ...]:
    """Windows of the noise in its standard deviations, of a few exposures."""
    every = [(f, k, t) for f, k in zip(fields, known, strict=True) for t in range(len(f.raw))]
    chosen = np.unique(np.linspace(0, len(every) - 1, _MOST_WINDOWS).round().astype(int))
    windows = []
    for field, mask, t in (every[index] for index in chosen):
        rows, columns = (slice(max(n - _RESIDUAL_EDGE, 0) // 2, None) for n in mask.shape[1:])
        here = (t, rows, columns)
        s, x, ok = (
            a[here][:_RESIDUAL_EDGE, :_RESIDUAL_EDGE]
            for a in (field.signal, field.observation, mask)
        )
        sigma = spread(s)
        z = (x - s) / sigma
        ok = ok & (np.abs(x - s) <= np.maximum(_OUTLIER * sigma, most)) & (s <= limit)
        if min(z.shape) >= _LEAST_EDGE and ok.any():
            windows.append(np.where(ok, z, np.nan).astype(np.float32))
    return tuple(windows)


def joint_histogram(pairs: Pairs) -> JointHistogram:
    """Count pairs by signal and observation, in bins of equal width.

    Outer 0.05 % of the signals and 0.01 % of the observations may lie outside.
    """
    s, x = pairs.signal, pairs.observation
    s_edges = _edges(s, 5e-4)
    x_edges = _edges(x, 1e-4)
    counts, _, _ = np.histogram2d(s, x, bins=(s_edges, x_edges))
    return JointHistogram(counts.astype(np.int64), s_edges, x_edges)


def _edges(values: Floats, cut: float) -> NDArray[np.float64]:
    """Bins over the bulk of the values; whole grey levels stay whole."""
    low, high = (float(v) for v in np.quantile(values, (cut, 1 - cut)))
    if not low < high:
        low, high = low - 0.5, low + 0.5
    if np.array_equal(values[:1000], np.rint(values[:1000])):
        step = max(int(np.ceil((high - low + 1) / _MOST_BINS)), 1)
        n = int(np.ceil((high - low + 1) / step))
        return low - 0.5 + step * np.arange(n + 1.0)
    return np.linspace(low, high, int(np.clip(len(values) // 1000, 20, _MOST_BINS)) + 1)
