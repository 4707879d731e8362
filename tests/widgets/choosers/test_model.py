"""Whoever chooses a model sees what it was made with."""

from __future__ import annotations

from qtpy.QtWidgets import QApplication
from tests.widgets.noise_fakes import BAD, GOOD

from napari_denoisplit.checkpoint import ModelHeader, load_model, save_model
from napari_denoisplit.settings import LadderSettings, MixSettings
from napari_denoisplit.verdict import NoiseRecord
from napari_denoisplit.widgets.choosers.model import ModelChoice, describe_model, sum_up_model


def test_the_verdict_on_the_noise_model_of_each_structure_is_told():
    records = [NoiseRecord(verdict=verdict).to_values() for verdict in (GOOD, BAD)]
    header = ModelHeader(
        network=LadderSettings(),
        mix=MixSettings(),
        normalization={
            "input_mean": 0.0,
            "input_std": 1.0,
            "channel_means": (0.0, 0.0),
            "channel_stds": (1.0, 1.0),
        },
        channel_names=("nuclei", "actin"),
        noise_models=tuple({"kind": "histogram", "record": record} for record in records),
    )
    text = describe_model(header)
    assert "Noise model of nuclei: ✔ good: Nothing speaks against it." in text
    assert "Noise model of actin: ✖ do not use: Neighbouring pixels are alike" in text
    assert "Noise model" not in describe_model(header.model_copy(update={"noise_models": None}))
    brief = sum_up_model(header)
    assert "Noise: nuclei ✔ good, actin ✖ do not use." in brief
    assert "alike" not in brief
    assert len(brief.split("\n")) <= 4
    foreseen = header.model_copy(update={"training": {"outlook": "6 min more would help."}})
    assert "Training: 6 min more would help." in describe_model(foreseen)
    alike = header.model_copy(update={"noise_models": header.noise_models[:1] * 2})
    assert "Noise models: ✔ good." in sum_up_model(alike)


def test_details_of_a_damaged_model_can_be_copied_until_another_is_chosen(qtbot, tmp_path, model):
    damaged = tmp_path / "damaged.denoisplit"
    damaged.write_bytes(b"no model")
    choice = ModelChoice()
    qtbot.addWidget(choice)
    choice.open(damaged)
    choice.copy_button.click()
    assert "damaged.denoisplit" in QApplication.clipboard().text()
    choice.open(model)
    assert choice.copy_button.isHidden()


def test_a_model_whose_weights_are_no_numbers_is_told_where_it_is_chosen(qtbot, small_model):
    model = load_model(small_model)
    next(iter(model.network.parameters())).data.view(-1)[0] = float("nan")
    save_model(small_model, model)
    choice = ModelChoice()
    qtbot.addWidget(choice)
    choice.open(small_model)
    assert choice.problem == "The model cannot be used: see above."
    assert choice.header is None
    assert choice.about.text().startswith("⚠")
    assert "weights that are NaN or infinite" in choice.about.text()


def test_a_file_that_is_no_model_is_forgotten_with_its_name(qtbot, tmp_path):
    (tmp_path / "damaged.denoisplit").write_bytes(b"no model")
    choice = ModelChoice()
    qtbot.addWidget(choice)
    choice.open(tmp_path / "damaged.denoisplit")
    choice.edit.clear()
    choice.edit.editingFinished.emit()
    assert choice.problem.startswith("Choose a model")
    assert not choice.about.text()
    assert choice.copy_button.isHidden()
