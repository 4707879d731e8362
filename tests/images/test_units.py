from __future__ import annotations

import pytest

from napari_denoisplit.images.units import LENGTHS, TIMES, normal_unit


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
