"""Each structure has its noise model, and whoever chooses one sees what it is worth."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.stand_in import stand_in
from tests.widgets.noise_fakes import BAD, GOOD, FakeModel

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.files import noise_file
from napari_denoisplit.verdict import NoiseRecord
from napari_denoisplit.widgets.choosers.known_model import KnownModel
from napari_denoisplit.widgets.train.noise_choice import NoiseChoice


@pytest.fixture
def choice(qtbot, monkeypatch):
    def read_noise_header(path):
        if "broken" in path.name:
            raise NoiseModelError(f"{path.name} is damaged.")
        record = NoiseRecord(verdict=BAD if "bad" in path.name else GOOD)
        return noise_file.NoiseHeader("poisson_gaussian", (0.0, 1.0), record, {"gain": 2.0})

    stand_in(monkeypatch, "noise.files.noise_file", read_noise_header)
    choice = NoiseChoice()
    qtbot.addWidget(choice)
    choice.set_structures(("nuclei", "actin"))
    return choice


def handed(name="camera"):
    return KnownModel.of_model(name, FakeModel(NoiseRecord(verdict=GOOD)))


def test_models_are_fitted_unless_some_are_given(choice):
    assert choice.models == ()
    assert choice.problem == ""


def test_a_model_is_handed_over_in_memory(choice):
    known = handed()
    choice.take(known)
    assert choice.models == (known.model,)
    assert "actin" in choice.problem
    choice.files.add([Path("bad.npz")])
    assert choice.models == (known.model, Path("bad.npz"))
    assert choice.problem == ""


def test_verdict_and_numbers_of_each_structure_are_told(choice):
    choice.take(handed())
    choice.files.add([Path("bad.npz")])
    first, second = choice.about.text().split("\n")
    assert first.startswith("nuclei: camera, poisson-gaussian, gain 2")
    assert "✔ good: Nothing speaks against it." in first
    assert second.startswith("actin: bad.npz")
    assert "✖ do not use: Neighbouring pixels" in second


def test_a_file_that_cannot_be_read_is_named(choice):
    choice.take(handed())
    choice.files.add([Path("broken.npz")])
    assert "broken.npz is damaged" in choice.problem
    assert not choice.copy_button.isHidden()
    choice.kind.setCurrentIndex(0)
    assert choice.copy_button.isHidden()


def test_more_models_than_structures_are_refused(choice):
    for name in ("a", "b", "c"):
        choice.take(handed(name))
    assert "3 noise models for 2 structures" in choice.problem


def test_a_model_handed_over_again_takes_the_place_of_the_old(choice):
    choice.take(handed())
    new = handed()
    choice.take(new)
    assert choice.models == (new.model,)
