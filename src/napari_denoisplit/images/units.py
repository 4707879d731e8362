"""Units of length and time, each spelled in one way."""

from __future__ import annotations

LENGTHS = frozenset({"pm", "Å", "nm", "µm", "mm", "cm", "m", "in"})
"""Units of length that OME knows, as this package spells them."""
TIMES = frozenset({"ns", "µs", "ms", "s", "min", "h", "d"})
"""Units of time that OME knows, as this package spells them."""

_SPELLINGS = {
    "µm": "um micron microns micrometer micrometers micrometre micrometres",
    "nm": "nanometer nanometers nanometre nanometres",
    "pm": "picometer picometers picometre picometres",
    "Å": "å angstrom angstroms",
    "mm": "millimeter millimeters millimetre millimetres",
    "cm": "centimeter centimeters centimetre centimetres",
    "m": "meter meters metre metres",
    "in": "inch inches",
    "ns": "nsec nanosecond nanoseconds",
    "µs": "us usec microsecond microseconds",
    "ms": "msec millisecond milliseconds",
    "s": "sec secs second seconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "d": "day days",
    "": "pixel pixels px dimensionless reference_frame referenceframe null none unknown",
}
_NORMAL = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}


def normal_unit(text: object) -> str:
    """One spelling of a unit; '' where the text means pixels or nothing.

    Parameters
    ----------
    text
        What a file or a napari layer says: 'micron', 'um', a Greek mu, a micro sign, an escaped
        micro sign as ImageJ writes it, a pint unit.

    Returns
    -------
    str
        A member of `LENGTHS` or `TIMES`, '', or the text itself where it is none of them.
    """
    word = str(text or "").strip().replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    word = word.replace("μ", "µ")  # Greek mu to micro sign
    if word in LENGTHS or word in TIMES:
        return word
    lower = word.lower().replace(" ", "_").replace("µ", "u")
    return _NORMAL.get(lower, word)
