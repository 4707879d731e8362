from __future__ import annotations

import pytest

from napari_denoisplit.images.units import LENGTHS, TIMES, in_known_unit, normal_unit, pixel_edge


@pytest.mark.parametrize(
    "text",
    ["µm", "μm", "um", "micron", "microns", "\\u00B5m", "\\u00b5m", "Micrometer", " µm ", "UM"],
)
def test_every_spelling_of_the_micrometre_becomes_one(text):
    assert normal_unit(text) == "µm"


@pytest.mark.parametrize("unit", sorted(LENGTHS | TIMES))
def test_a_normal_unit_stays(unit):
    assert normal_unit(unit) == unit


@pytest.mark.parametrize("text", [None, "", "pixel", "pixels", "Reference Frame", "dimensionless"])
def test_pixels_are_no_unit(text):
    assert normal_unit(text) == ""


@pytest.mark.parametrize(
    ("text", "unit"), [("sec", "s"), ("nanometers", "nm"), ("inch", "in"), ("minutes", "min")]
)
def test_words_become_symbols(text, unit):
    assert normal_unit(text) == unit


def test_an_unknown_unit_is_kept():
    assert normal_unit("parsec") == "parsec"


METRES = {"dm": 0.1, "decimeter": 0.1, "km": 1e3, "Mm": 1e6, "fm": 1e-15, "mile": 1609.344}
METRES |= {"thou": 2.54e-5, "pt": 0.0254 / 72, "yd": 0.9144, "pc": 3.0856775814913673e16}


@pytest.mark.parametrize(("unit", "metres"), METRES.items())
def test_any_other_length_becomes_micrometres(unit, metres):
    assert in_known_unit(2, unit) == (pytest.approx(2e6 * metres), "µm")


def test_any_other_time_becomes_seconds():
    assert in_known_unit(3, "ks") == (3000, "s")
    assert in_known_unit(3, "picosecond") == (pytest.approx(3e-12), "s")


@pytest.mark.parametrize("unit", sorted(LENGTHS | TIMES))
def test_a_size_in_a_normal_unit_stays(unit):
    assert in_known_unit(2.0, unit) == (2.0, unit)


@pytest.mark.parametrize("unit", ["furlong", "V", "DM"])
def test_a_size_in_an_unknown_unit_says_nothing(unit):
    assert in_known_unit(2.0, unit) is None


def test_a_size_beyond_all_numbers_says_nothing():
    assert in_known_unit(1e300, "Ym") is None


def test_the_edge_of_a_pixel_is_a_length_or_unknown():
    assert pixel_edge({"Y": 200, "X": 0.2}, {"Y": "nm", "X": "µm"}) == pytest.approx(0.2)
    assert pixel_edge({"Y": 200, "X": 0.2}, {"X": "µm"}) is None
    assert pixel_edge({"X": 0.2}, {"X": "µm"}) is None
