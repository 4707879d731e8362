from __future__ import annotations

import inspect
import re

import pytest

import napari_denoisplit
from napari_denoisplit.api.docstrings import documented_by

FUNCTIONS = [
    function
    for name in napari_denoisplit.__all__
    if (function := getattr(napari_denoisplit, name)).__module__.startswith("napari_denoisplit.api")
]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_every_parameter_of_a_public_function_is_described_in_order(function):
    section = inspect.getdoc(function).split("Parameters\n----------\n")[1]
    described = re.findall(
        r"^(\w[\w, ]*)\n    ", re.split(r"^\w+\n---", section, flags=re.M)[0], re.M
    )
    names = [name for names in described for name in names.split(", ")]
    assert names == list(inspect.signature(function).parameters)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_public_function_says_nothing_of_how_a_job_is_run(function):
    assert not re.search(r"^(Yields|stop)$", inspect.getdoc(function), re.M)


def test_a_public_function_keeps_its_own_words_and_takes_the_rest_from_the_job():
    @documented_by("jobs.split.job", "split_job")
    def split(model, image, settings=None):
        """Split it.

        Parameters
        ----------
        image
            What to split.

        Returns
        -------
        A split.
        """

    doc = inspect.getdoc(split)
    assert doc.startswith("Split it.\n\nParameters\n")
    assert "image\n    What to split.\n" in doc
    assert "None takes every default.\n" in doc
    assert "Returns\n-------\nA split.\n\nRaises\n------\nImageError\n" in doc


def test_a_parameter_that_nothing_is_said_of_is_an_error():
    with pytest.raises(KeyError, match="colour"):

        @documented_by("jobs.split.job", "split_job")
        def split(model, colour):
            """Split it."""


def test_a_job_that_is_not_there_is_an_error():
    with pytest.raises(LookupError, match=r"jobs\.split\.job has no function no_job"):

        @documented_by("jobs.split.job", "no_job")
        def split(model):
            """Split it."""
