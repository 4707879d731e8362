"""Grey levels of a TIFF file as its header means them, for arrays of numpy or dask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tifffile

_WHITE_IS_ZERO = 0  # PhotometricInterpretation
_ALPHA = {1, 2}  # ExtraSamples: associated and unassociated
_STRAIGHT_LINE, _NO_CALIBRATION = 0, 20  # ImageJ's numbers of calibration functions


def without_alpha(
    key: tifffile.TiffPage, data: Any, axes: str, samples: str | None
) -> tuple[Any, str, tuple[str, ...]]:
    """Leave out opacity, which is no measured channel; return pixels, their axes, and notes.

    Parameters
    ----------
    key
        Page that describes the pixels.
    data, axes
        Pixels and the letters of their axes.
    samples
        Letter of the axis of samples per pixel; None where there is none.
    """
    first = key.samplesperpixel - len(key.extrasamples)
    alpha = [first + i for i, kind in enumerate(key.extrasamples) if int(kind) in _ALPHA]
    if not alpha or samples is None:
        return data, axes, ()
    at = axes.index(samples)
    kept = [i for i in range(data.shape[at]) if i not in alpha]
    chosen: list[Any] = [slice(None)] * len(axes)
    chosen[at] = kept[0] if len(kept) == 1 else kept
    axes = axes.replace(samples, "") if len(kept) == 1 else axes
    return data[tuple(chosen)], axes, ("Its opacity (alpha) was left out.",)


def as_meant(file: tifffile.TiffFile, key: tifffile.TiffPage, data: Any) -> tuple[Any, Any]:
    """Turn stored numbers into the grey levels that Fiji shows; return them with notes.

    Numbers in which white is zero are inverted, and ImageJ's signed 16 bits are given their sign.
    Any other calibration is told and not applied: noise is that of the stored numbers.
    """
    metadata = (file.imagej_metadata or {}) if file.is_imagej else {}
    notes = []
    if int(key.photometric) == _WHITE_IS_ZERO:
        if data.dtype.kind == "u" and not file.is_imagej:
            data = data.dtype.type(2**key.bitspersample - 1) - data
            notes.append("Its white is zero: it was inverted, as Fiji shows it.")
        else:
            notes.append("Its white is zero: bright pixels have low numbers, as they are stored.")
    function = int(metadata.get("cf", _NO_CALIBRATION))
    line = [float(metadata.get(name, default)) for name, default in (("c0", 0), ("c1", 1))]
    if function == _STRAIGHT_LINE and line == [-(2**15), 1] and data.dtype == np.uint16:
        return (data.astype(np.int32) - 2**15).astype(np.int16), tuple(notes)
    if function != _NO_CALIBRATION and (function, line) != (_STRAIGHT_LINE, [0, 1]):
        unit = str(metadata.get("vunit", "")).strip()
        notes.append(
            f"Fiji shows calibrated values{f' ({unit})' if unit else ''}; the grey levels that are "
            "stored were taken."
        )
    return data, tuple(notes)
