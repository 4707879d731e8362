"""What a user is told of an error, and what can be told of it to others."""

from __future__ import annotations

import errno
import tomllib
from importlib.metadata import version

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.fault_report import TRACKER, explained, fault_report


def raised(error, cause=None):
    try:
        raise error from cause
    except type(error) as caught:
        return caught


def test_what_is_raised_on_purpose_speaks_for_itself():
    assert explained(ImageError("cells.tif has 3 axes:\nname them.")) == (
        "cells.tif has 3 axes:\nname them."
    )


def test_what_is_not_names_a_way_out():
    disk = explained(OSError(errno.ENOSPC, "No space left on device", "out.zarr"))
    assert "out.zarr" in disk
    assert "disk is full" in disk
    library = explained(raised(JobError("device-side assert"), RuntimeError("device-side assert")))
    assert "device-side assert" in library
    assert "Device cpu" in library
    fault = explained(KeyError("axes"))
    assert "KeyError" in fault
    assert TRACKER in fault


def test_faults_are_reported_where_the_package_says(repository):
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["urls"]["Issues"] == TRACKER


def test_a_report_has_versions_settings_and_where_the_cause_arose():
    error = raised(JobError("no"), raised(RuntimeError("below")))
    text = fault_report(error, {"n_samples": 50}, {"page": "Split and denoise", "pyqt6": "6.9"})
    for part in (version("napari-denoisplit"), version("torch"), "n_samples=50", "pyqt6: 6.9"):
        assert part in text
    assert "RuntimeError: below" in text
    assert "test_fault_report.py" in text
