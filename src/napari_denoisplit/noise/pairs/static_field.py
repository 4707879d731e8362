"""Noise from repeated exposures of a static field.

Each exposure is compared with the mean of all, brought to its brightness and place. The mean of T
exposures holds 1/T of the noise of each, so that the rest has 1 - 1/T of its variance: it is
stretched by sqrt(T / (T - 1)). Its skewness is (T - 2) / sqrt(T (T - 1)) of that of the noise: none
of two repeats, 58 % of four, 90 % of sixteen.

The mean of a few also goes up with its own noise, so that pixels sorted by it are chosen by their
noise. Their signal is told by their neighbours instead, whose mean is brought to the scale of the
pixels by asking how bright pixels are that have such neighbours.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.pairs.pairs import Field
from napari_denoisplit.noise.pairs.registration import shift_between
from napari_denoisplit.noise.pairs.scaling import Reference, mean_of_neighbours
from napari_denoisplit.noise.pairs.spread import noise_spread
from napari_denoisplit.noise.pairs.windows import read_window, spread_windows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Booleans = NDArray[np.bool_]

_FEWEST, _MOST = 16, 64  # repeats to read of more: 16 tell the mean, more is better if it is cheap
_MANY = 16  # repeats whose mean is nearly the signal
_TELLING = 4  # repeats that keep half of the skewness of the noise
_SMOOTH = 2.0  # pixels: changes of the field are wider than noise
_OUTLIER = 2.0  # times the usual difference from the others
_LEAST_FOR_OUTLIERS = 3  # of two, nobody can say which is wrong
_STRIKE = 12.0  # standard deviations
_MOST_STRUCK = 1e-3  # of the pixels
_DRIFT = 0.5  # pixels worth a note
_DIMMING = 0.03  # of the brightness, worth a note
_LEAST_LEFT = 16  # pixels of an edge after alignment
_BINS = 60
_LEAST_COUNT = 50


def fields_of_repeats(
    stack: Any, max_pixels: int, mask: Booleans | None = None
) -> tuple[list[Field], list[str]]:
    """Read windows of repeats; their mean is the signal.

    Parameters
    ----------
    stack
        (T, ..., Y, X), numpy or sliceable like it, T >= 2.
    max_pixels
        How many pixels to read.
    mask
        (Y, X), True where pixels are used.

    Returns
    -------
    The windows, and what was found on the way, in sentences.

    Raises
    ------
    NoiseModelError
        Exposures show different fields, or hold no numbers.
    """
    n, *rest = (int(length) for length in stack.shape)
    n_read = min(n, int(np.clip(max_pixels // math.prod(rest), _FEWEST, _MOST)))
    times = np.unique(np.linspace(0, n - 1, n_read).round().astype(int))
    windows: list[Floats] = []
    masks: list[Booleans] = []
    for window in spread_windows(rest, max(max_pixels // n_read, 1), mask=mask):
        raw = np.stack([read_window(stack, (int(t), *window)) for t in times])
        usable: Booleans = np.asarray(np.isfinite(raw).all(axis=0))
        if mask is not None:
            usable &= mask[window[-2:]]
        if usable.any():
            windows.append(np.where(usable, raw, np.float32(np.median(raw[:, usable]))))
            masks.append(usable)
    if not windows:
        raise NoiseModelError(
            "No pixel is a number in every repeat: crop the stack to where all are numbers, and "
            "leave out repeats that hold none."
        )
    notes = [f"{len(times)} of {n} repeats were read."] if len(times) < n else []
    windows, masks = _aligned(windows, masks, notes)
    kept = _alike(windows, masks)
    if not kept.all():
        notes.append(_left_out(times[~kept]))
    slopes, fields, n_struck = [], [], 0
    for raw, usable in zip(windows, masks, strict=True):
        calm, struck = _without_strikes(raw[kept], usable)
        field, found = _field(calm, usable, struck)
        fields.append(field)
        slopes.append(found)
        n_struck += int(struck.sum())
    if (n := int(kept.sum())) < _TELLING:
        notes.append(
            f"{n} repeats tell how strong the noise is, but little of its form: the offset and the "
            f"read noise of a camera need {_TELLING} or more."
        )
    if n_struck:
        notes.append(
            f"{n_struck} pixel{'s' if n_struck > 1 else ''} in single repeats stood far out of the "
            "others (cosmic rays, blinking) and were left out."
        )
    span = np.ptp(np.median(slopes, axis=0))
    if span > _DIMMING:
        notes.append(
            f"Brightness changed by {span:.0%} between repeats (bleaching or the lamp); each is "
            "compared with the mean at its own brightness."
        )
    return fields, notes


def _left_out(times: NDArray[np.int64]) -> str:
    """Sentence about repeats that differ from the others."""
    numbers = ", ".join(str(int(t) + 1) for t in times)
    plural = len(times) > 1
    return (
        f"Repeat{'s' if plural else ''} {numbers} differ{'' if plural else 's'} from the others by "
        f"more than noise (movement, focus, light) and {'are' if plural else 'is'} left out."
    )


def _aligned(
    windows: Sequence[Floats], masks: Sequence[Booleans], notes: list[str]
) -> tuple[list[Floats], list[Booleans]]:
    """Windows whose repeats lie on each other to half a pixel; no pixel is interpolated."""
    shifts = np.array([_shifts(raw) for raw in windows])  # (W, T, 2)
    if np.isnan(shifts).all():
        return list(windows), list(masks)
    # A window without structure follows the others.
    common = np.nan_to_num(np.nanmedian(shifts, axis=0)) if len(shifts) > 1 else shifts[0]
    common = np.nan_to_num(common)
    drift = float(np.hypot(*np.ptp(common, axis=0)))
    if drift < _DRIFT:
        return list(windows), list(masks)
    whole = np.rint(common).astype(int)
    height, width = windows[0].shape[1:]
    (top, left), (bottom, right) = (-whole.min(axis=0)).clip(0), whole.max(axis=0).clip(0)
    rows, columns = height - top - bottom, width - left - right
    if min(rows, columns) < _LEAST_LEFT:
        raise NoiseModelError(
            f"The field moves by {drift:.0f} pixels between repeats, more than the window that is "
            "read: align the repeats first, or estimate the noise from a single image."
        )
    notes.append(
        f"The field drifts by {drift:.1f} pixels between repeats; they were aligned to whole "
        "pixels, and the rest was taken out of the comparison."
    )
    moved = [
        np.stack(
            [
                x[top + dy : top + dy + rows, left + dx : left + dx + columns]
                for x, (dy, dx) in zip(raw, whole, strict=True)
            ]
        )
        for raw in windows
    ]
    usable = []
    for mask in masks:
        parts = [
            mask[top + dy : top + dy + rows, left + dx : left + dx + columns] for dy, dx in whole
        ]
        usable.append(np.logical_and.reduce(parts))
    return moved, usable


def _shifts(raw: Floats) -> NDArray[np.float64]:
    """Shift of each repeat against the middle one, (T, 2); NaN where it cannot be told."""
    reference = raw[len(raw) // 2]
    found = (shift_between(reference, x) for x in raw)
    return np.array([(np.nan, np.nan) if shift is None else shift for shift in found])


def _alike(windows: Sequence[Floats], masks: Sequence[Booleans]) -> Booleans:
    """Which repeats show the same as the others, (T,)."""
    from scipy import ndimage  # takes 0.2 s; only fits need it

    n = len(windows[0])
    if n < _LEAST_FOR_OUTLIERS:
        return np.ones(n, dtype=bool)
    scores = []
    for raw, usable in zip(windows, masks, strict=True):
        level = raw[:, usable].mean(axis=1)[:, None, None]
        middle = np.median(raw - level, axis=0) + np.median(level)
        field = Reference(middle, usable, shift=True)
        score = []
        for x in raw:
            _, _, signal = field.followed_by(x)
            rest = x - signal
            # A cosmic ray is no fault of the whole repeat.
            most = _STRIKE / 2 * 1.4826 * float(np.median(np.abs(rest[usable])))
            smooth = ndimage.gaussian_filter(np.clip(rest, -most, most), _SMOOTH)
            score.append(float(smooth[usable].std()))
        scores.append(np.array(score) / max(float(np.median(score)), 1e-12))
    kept = np.median(scores, axis=0) < _OUTLIER
    return kept if kept.sum() >= 2 else np.ones(n, dtype=bool)


def _without_strikes(raw: Floats, usable: Booleans) -> tuple[Floats, Booleans]:
    """Repeats in which pixels far out of the others are replaced, and where those are."""
    struck = np.zeros(raw.shape, dtype=bool)
    if len(raw) < _LEAST_FOR_OUTLIERS:
        return raw, struck
    middle = np.median(raw, axis=0)
    level = np.median(raw[:, usable] - middle[usable], axis=1)
    expected = middle + level[:, None, None]
    sigma = noise_spread(
        np.tile(middle[usable], len(raw)), (raw - level[:, None, None])[:, usable].ravel()
    )(middle)
    struck = usable & (np.abs(raw - expected) > _STRIKE * np.maximum(sigma, np.median(sigma)))
    # Where many stand out, they are no accident, but noise of another form or a changed field.
    if struck.mean() > _MOST_STRUCK:
        return raw, np.zeros(raw.shape, dtype=bool)
    return np.where(struck, expected, raw), struck


def _field(raw: Floats, usable: Booleans, struck: Booleans) -> tuple[Field, list[float]]:
    """One window, with the brightness of each repeat."""
    n = len(raw)
    mean = raw.mean(axis=0)
    if n < _MANY:
        known = _by_neighbours(mean, usable)
    else:
        known = mean
    signal, observation, slopes = np.empty_like(raw), np.empty_like(raw), []
    field = Reference(mean, usable, shift=True)
    for t, x in enumerate(raw):
        slope, offset, expected = field.followed_by(x)
        noise = (x - expected) * np.float32(math.sqrt(n / (n - 1)))
        signal[t] = slope * known + offset
        observation[t] = signal[t] + noise
        slopes.append(slope)
    return Field(signal, observation, np.where(struck, np.float32(np.nan), raw), usable), slopes


def _by_neighbours(mean: Floats, usable: Booleans) -> Floats:
    """Signal of each pixel (Y, X), as pixels have it that are surrounded alike."""
    around = mean_of_neighbours(mean)
    sorted_around = np.sort(around[usable])
    n_bins = int(np.clip(len(sorted_around) // _LEAST_COUNT, 1, _BINS))
    shares = np.quantile(sorted_around, np.linspace(0, 1, n_bins + 1))
    # Equal counts describe the background, equal widths the few bright pixels.
    edges = np.unique(np.concatenate([shares, np.linspace(shares[0], shares[-1], n_bins + 1)]))
    bin_of = np.digitize(around[usable], edges[1:-1])
    counts = np.bincount(bin_of, minlength=len(edges) - 1)
    full = counts >= min(_LEAST_COUNT, counts.max())
    x, y = (
        np.bincount(bin_of, values[usable], minlength=len(counts))[full] / counts[full]
        for values in (around, mean)
    )
    # A brighter surrounding does not make a darker pixel: what says so is noise.
    rising = np.maximum.accumulate(y)
    known = np.interp(around, x, rising)
    # Beyond the outer bins the signal goes on as the surrounding does.
    known += np.where(around > x[-1], around - x[-1], 0.0)
    known += np.where(around < x[0], around - x[0], 0.0)
    return known.astype(np.float32)
