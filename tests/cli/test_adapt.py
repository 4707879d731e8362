"""The command that adapts a model; what the job does is tested by itself."""

from __future__ import annotations

import numpy as np
import pytest
from tests.stand_in import stand_in
from typer.testing import CliRunner

from napari_denoisplit.cli.app import app
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.adapt.job import Adapted
from napari_denoisplit.verdict import Verdict


@pytest.fixture
def dish(tmp_path):
    path = tmp_path / "dish.tif"
    write_image(path, Image(np.ones((2, 64, 64), np.float32), "CYX", channel_names=("sum", "x")))
    return path


def adapting(monkeypatch, helps: bool) -> list:
    asked = []

    def adapt_job(model, recordings, settings, *, path=None, stop=None):
        asked.append((recordings, settings, path))
        grade = "good" if helps else "do not use"
        return Adapted(None, path if helps else None, Verdict(grade=grade, reasons=("so",)))
        yield

    stand_in(monkeypatch, "jobs.adapt.job", adapt_job)
    return asked


def adapt(*words: object):
    return CliRunner().invoke(app, ["adapt", *map(str, words)])


def test_the_file_that_was_made_is_printed(dish, tmp_path, monkeypatch):
    asked = adapting(monkeypatch, helps=True)
    new = tmp_path / "new.denoisplit"
    result = adapt("m.denoisplit", dish, "-o", new, "--channel", "sum", "--share", "0.3")
    assert result.exit_code == 0, result.output
    assert f"model: {new}" in result.stdout
    (((image,), settings, path),) = asked
    assert (image.n_channels, settings.share, path) == (1, 0.3, new)


def test_where_it_does_not_help_the_exit_code_says_so(dish, tmp_path, monkeypatch):
    adapting(monkeypatch, helps=False)
    result = adapt("m.denoisplit", dish, "-o", tmp_path / "new.denoisplit")
    assert result.exit_code == 3
    assert "model:" not in result.stdout


def test_no_file_is_replaced_unasked(dish, tmp_path, monkeypatch):
    asked = adapting(monkeypatch, helps=True)
    new = tmp_path / "new.denoisplit"
    new.write_bytes(b"mine")
    assert "exists" in str(adapt("m.denoisplit", dish, "-o", new).exception)
    assert not asked
