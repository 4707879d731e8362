from __future__ import annotations

from napari_denoisplit.docstrings import parameters, sections

TEXT = """Do it.

    With care.

    Parameters
    ----------
    first, second
        Both
        alike.
    third
        Another.

    Returns
    -------
    Nothing.
    """


def test_what_stands_before_the_first_section_has_no_title():
    found = sections(TEXT)
    assert list(found) == ["", "Parameters", "Returns"]
    assert found[""] == "Do it.\n\nWith care."
    assert sections(None) == {"": ""}


def test_every_parameter_has_its_text_in_one_line():
    found = parameters(sections(TEXT)["Parameters"])
    assert found == {"first": "Both alike.", "second": "Both alike.", "third": "Another."}
