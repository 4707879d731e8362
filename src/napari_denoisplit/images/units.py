"""Units of length and time, each spelled in one way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MICROMETRES = {
    **{"pm": 1e-6, "Å": 1e-4, "nm": 1e-3, "µm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6},
    "in": 25_400.0,
}
"""Of each unit of length."""
LENGTHS = frozenset(MICROMETRES)
"""Units of length as this package spells them; other ones become µm."""
TIMES = frozenset({"ns", "µs", "ms", "s", "min", "h", "d"})
"""Units of time as this package spells them; other ones become s."""

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


_PREFIXES = {
    **{"Y": ("yotta", 24), "Z": ("zetta", 21), "E": ("exa", 18), "P": ("peta", 15)},
    **{"T": ("tera", 12), "G": ("giga", 9), "M": ("mega", 6), "k": ("kilo", 3)},
    **{"h": ("hecto", 2), "da": ("deca", 1), "d": ("deci", -1), "c": ("centi", -2)},
    **{"m": ("milli", -3), "µ": ("micro", -6), "n": ("nano", -9), "p": ("pico", -12)},
    **{"f": ("femto", -15), "a": ("atto", -18), "z": ("zepto", -21), "y": ("yocto", -24)},
}
# In metres: what OME and NGFF know beside powers of ten.
_METRES = {
    **{"thou": 2.54e-5, "mil": 2.54e-5, "li": 2.54e-2 / 12, "line": 2.54e-2 / 12},
    **{"pt": 2.54e-2 / 72, "point": 2.54e-2 / 72, "ft": 0.3048, "foot": 0.3048, "feet": 0.3048},
    **{"yd": 0.9144, "yard": 0.9144, "mi": 1609.344, "mile": 1609.344},
    **{"ua": 1.495978707e11, "au": 1.495978707e11, "ly": 9.4607304725808e15},
    **{"pc": 3.0856775814913673e16, "parsec": 3.0856775814913673e16},
}


def _factors() -> dict[str, tuple[float, str]]:
    """Factor and unit that a symbol or a word beyond `LENGTHS` and `TIMES` stands for."""
    found = {word: (metres * 1e6, "µm") for word, metres in _METRES.items()}
    for symbol, (word, power) in _PREFIXES.items():
        for names, factor, unit in (
            (("m", "meter", "metre", "meters", "metres"), 10.0 ** (power + 6), "µm"),
            (("s", "second", "seconds"), 10.0**power, "s"),
        ):
            found[symbol + names[0]] = factor, unit
            found |= dict.fromkeys((word + name for name in names[1:]), (factor, unit))
    return found


_FACTORS = _factors()


def in_known_unit(size: float, text: object) -> tuple[float, str] | None:
    """Convert a length or a time to a unit that every file format knows.

    Parameters
    ----------
    size
        In the unit that `text` names.
    text
        As of `normal_unit`.

    Returns
    -------
    tuple
        (size, unit), the unit a member of `LENGTHS` or `TIMES`, or '' for pixels; None where
        nobody knows the unit or the size is beyond all numbers, so that it says nothing.
    """
    unit = normal_unit(text)
    if not unit or unit in LENGTHS or unit in TIMES:
        return size, unit
    factor = _FACTORS.get(unit) or _FACTORS.get(unit.lower() if len(unit) > 3 else unit)
    if factor is None or not math.isfinite(size * factor[0]):
        return None
    return size * factor[0], factor[1]


def pixel_edge(pixel_size: Mapping[str, float], units: Mapping[str, str]) -> float | None:
    """Return the edge of a pixel in the plane, µm; None where it is not known as a length."""
    edges = [
        pixel_size[axis] * MICROMETRES[units[axis]]
        for axis in "YX"
        if axis in pixel_size and units.get(axis) in MICROMETRES
    ]
    return math.sqrt(math.prod(edges)) if len(edges) == 2 else None
