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
from napari_denoisplit.images.windows import spread_windows
from napari_denoisplit.noise.pairs.exposures import (
    alike,
    blank,
    copies,
    correlation_in_time,
    without_strikes,
)
from napari_denoisplit.noise.pairs.pairs import Field
from napari_denoisplit.noise.pairs.registration import shift_between
from napari_denoisplit.noise.pairs.scaling import Reference, mean_of_neighbours
from napari_denoisplit.noise.pairs.windows import read_window
from napari_denoisplit.verdict import CERTAIN, CORRELATED, SLIGHTLY_CORRELATED, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Booleans = NDArray[np.bool_]
    Shifts = NDArray[np.int64]

_FEWEST, _MOST = 16, 64  # repeats to read of more: 16 tell the mean, more is better if it is cheap
_MANY = 16  # repeats whose mean is nearly the signal
_TELLING = 4  # repeats that keep half of the skewness of the noise
_DRIFT = 0.5  # pixels worth a note
_DIMMING = 0.03  # of the brightness, worth a note
_LEAST_LEFT = 16  # pixels of an edge after alignment
_BINS = 60
_LEAST_COUNT = 50


def fields_of_repeats(
    stack: Any, max_pixels: int, mask: Booleans | None = None
) -> tuple[list[Field], list[str], list[Finding]]:
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
    The windows, what was found on the way, in sentences, and what makes the repeats doubtful.

    Raises
    ------
    NoiseModelError
        Exposures show different fields, hold no numbers, or there are not two of them.
    """
    n, *rest = (int(length) for length in stack.shape)
    n_read = min(n, int(np.clip(max_pixels // math.prod(rest), _FEWEST, _MOST)))
    times = _times(n, n_read)
    windows, masks = _windows(stack, times, max_pixels // n_read, mask)
    notes = [f"{len(times)} of {n} repeats were read."] if len(times) < n else []
    times, windows, findings = _telling(times, windows, masks, notes)
    windows, masks, whole = _aligned(windows, masks, notes)
    kept = alike(windows, masks)
    if not kept.all():
        notes.append(
            _left_out(
                times[~kept], "differ from the others by more than noise (movement, focus, light)"
            )
        )
    slopes, fields, n_struck = [], [], 0
    for raw, usable in zip(windows, masks, strict=True):
        calm, struck = without_strikes(raw[kept], usable)
        field, found = _field(calm, usable, struck)
        fields.append(field)
        slopes.append(found)
        n_struck += int(struck.sum())
    findings += _dependence(fields, times[kept], whole[kept])
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
    return fields, notes, findings


def _windows(
    stack: Any, times: NDArray[np.int64], max_pixels: int, mask: Booleans | None
) -> tuple[list[Floats], list[Booleans]]:
    """Read windows (T, Y, X) of some exposures, and which pixels (Y, X) are numbers in all."""
    windows: list[Floats] = []
    masks: list[Booleans] = []
    for window in spread_windows(stack.shape[1:], max(max_pixels, 1), mask=mask):
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
    return windows, masks


def _telling(
    times: NDArray[np.int64], windows: list[Floats], masks: list[Booleans], notes: list[str]
) -> tuple[NDArray[np.int64], list[Floats], list[Finding]]:
    """Leave out exposures that are blank or copies of others."""
    empty = blank(windows, masks)
    same = copies(windows) & ~empty
    findings = []
    if empty.any():
        notes.append(
            _left_out(times[empty], "show nothing of the field (a closed shutter, no light)")
        )
    if same.any():
        text = _left_out(times[same], "hold the same pixels as earlier ones")
        findings.append(
            Finding(
                1,
                f"{text} The camera had stopped, or a program doubled exposures: if others were "
                "made up from their neighbours, they show too little noise. Use the raw recording.",
            )
        )
    kept = ~(empty | same)
    if kept.sum() < 2:
        raise NoiseModelError(
            " ".join([*notes, *(f.text for f in findings)])
            + " What is left is one exposure: there is no noise to model. Give exposures that were "
            "taken one after the other, or estimate the noise from a single image."
        )
    return times[kept], [raw[kept] for raw in windows], findings


def _dependence(
    fields: Sequence[Field], times: NDArray[np.int64], whole: Shifts
) -> Iterator[Finding]:
    """Say if the noise of an exposure goes on in the next, at the same pixel of the detector."""
    noise = [np.where(f.usable, f.observation - f.signal, np.float32(0)) for f in fields]
    noise = [_moved(n, -whole) for n in noise if _edge(n, -whole) >= _LEAST_LEFT]
    found = correlation_in_time(noise, times, whole)
    if found is None or found[0] - CERTAIN * found[1] < SLIGHTLY_CORRELATED:
        return
    yield Finding(
        2 if found[0] >= CORRELATED else 1,
        f"The noise of a repeat goes on in the next (correlation {found[0]:.2f}), as that of means "
        "over time, of doubled or interpolated exposures: they show less noise than single "
        "exposures have. Use the raw recording, from before any averaging in time.",
    )


def _times(n: int, n_read: int) -> NDArray[np.int64]:
    """Exposures to read of n: all, or groups of neighbours, which tell whether these are alike."""
    if n_read >= n:
        return np.arange(n)
    starts = np.linspace(0, n - _TELLING, n_read // _TELLING).round().astype(int)
    return np.unique(starts[:, None] + np.arange(_TELLING))


def _left_out(numbers: NDArray[np.int64], why: str) -> str:
    """Sentence about exposures that are not used; `why` holds a verb for one and for several."""
    ends = np.flatnonzero(np.diff(numbers) > 1)
    runs = zip([0, *(ends + 1)], [*ends, len(numbers) - 1], strict=True)
    words = [f"{numbers[a] + 1}" + (f" to {numbers[b] + 1}" if b > a else "") for a, b in runs]
    plural = len(numbers) > 1
    verb, rest = why.split(" ", 1)
    if not plural:
        verb = {"have": "has"}.get(verb, f"{verb}s")
    return (
        f"Repeat{'s' * plural} {', '.join(words)} {verb} {rest} and "
        f"{'are' if plural else 'is'} left out."
    )


def _aligned(
    windows: Sequence[Floats], masks: Sequence[Booleans], notes: list[str]
) -> tuple[list[Floats], list[Booleans], Shifts]:
    """Windows whose repeats lie on each other to half a pixel; no pixel is interpolated."""
    shifts = np.array([_shifts(raw) for raw in windows])  # (W, T, 2)
    whole: Shifts = np.zeros(shifts.shape[1:], dtype=np.int64)
    if np.isnan(shifts).all():
        return list(windows), list(masks), whole
    # A window without structure follows the others, and a repeat that no window places lies still.
    common, known = np.zeros(shifts.shape[1:]), np.isfinite(shifts).any(axis=0)
    common[known] = np.nanmedian(shifts[:, known], axis=0)
    drift = float(np.hypot(*np.ptp(common, axis=0)))
    if drift < _DRIFT:
        return list(windows), list(masks), whole
    whole = np.rint(common).astype(np.int64)
    if _edge(windows[0], whole) < _LEAST_LEFT:
        raise NoiseModelError(
            f"The field moves by {drift:.0f} pixels between repeats, more than the window that is "
            "read: align the repeats first, or estimate the noise from a single image."
        )
    if not _explains(windows, masks, whole):
        return list(windows), list(masks), np.zeros_like(whole)
    notes.append(
        f"The field drifts by {drift:.1f} pixels between repeats; they were aligned to whole "
        "pixels, and the rest was taken out of the comparison."
    )
    usable = [_moved(np.broadcast_to(mask, (len(whole), *mask.shape)), whole) for mask in masks]
    return [_moved(raw, whole) for raw in windows], [np.all(u, axis=0) for u in usable], whole


def _explains(windows: Sequence[Floats], masks: Sequence[Booleans], whole: Shifts) -> bool:
    """Whether repeats differ clearly less once they are moved.

    Where a field is smooth, its noise alone makes it lie best a pixel or two beside itself.
    """
    gains = []
    for raw, mask in zip(windows, masks, strict=True):
        after = _moved(raw, whole)
        usable = _moved(np.broadcast_to(mask, raw.shape), whole).all(axis=0)
        (y, x), (rows, columns) = -whole.min(axis=0).clip(None, 0), after.shape[1:]
        inside = np.s_[y : y + rows, x : x + columns]
        gain = raw[:, *inside].var(axis=0) - after.var(axis=0)
        gains.append(gain[usable & mask[inside]])
    gain = np.concatenate(gains)
    error = float(gain.std()) / math.sqrt(max(gain.size, 1))
    return float(gain.sum()) > CERTAIN * error * gain.size


def _edge(planes: NDArray[Any], whole: Shifts) -> int:
    """Shorter edge of what `_moved` leaves of planes (T, Y, X)."""
    return int(min(planes.shape[1:] - whole.max(axis=0).clip(0) + whole.min(axis=0).clip(None, 0)))


def _moved(planes: NDArray[Any], whole: Shifts) -> NDArray[Any]:
    """Planes (T, Y, X) cut so that what lies `whole` pixels further in each comes to lie alike."""
    first, last = whole.min(axis=0).clip(None, 0), whole.max(axis=0).clip(0)
    rows, columns = planes.shape[1:] - last + first
    corners = whole - first
    return np.stack(
        [x[y : y + rows, z : z + columns] for x, (y, z) in zip(planes, corners, strict=True)]
    )


def _shifts(raw: Floats) -> NDArray[np.float64]:
    """Shift of each repeat against the middle one, (T, 2); NaN where it cannot be told."""
    reference = raw[len(raw) // 2]
    found = (shift_between(reference, x) for x in raw)
    return np.array([(np.nan, np.nan) if shift is None else shift for shift in found])


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
