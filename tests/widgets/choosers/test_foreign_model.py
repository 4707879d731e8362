"""A checkpoint of another program is imported where a model is chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from qtpy.QtWidgets import QApplication
from safetensors.torch import load_file

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.widgets.choosers.model import ModelChoice


@pytest.fixture
def checkpoint(request, tmp_path):
    stored = load_file(request.config.rootpath / "tests" / "nn" / "foreign_networks.safetensors")
    start = "muSplit/state/"
    state = {k.removeprefix(start): v for k, v in stored.items() if k.startswith(start)}
    torch.save({"state_dict": state}, tmp_path / "best.ckpt")
    return tmp_path / "best.ckpt"


def copied(part):
    """What the button below an error copies."""
    assert not part.copy_button.isHidden()
    part.copy_button.click()
    return QApplication.clipboard().text()


@pytest.fixture
def choice(qtbot, checkpoint):
    choice = ModelChoice()
    qtbot.addWidget(choice)
    choice.open(checkpoint)
    return choice


def test_a_foreign_checkpoint_brings_the_questions_and_another_model_takes_them_away(
    choice, checkpoint
):
    assert choice.header is None
    assert "Another program's model" in choice.about.text()
    assert not choice.foreign.isHidden()
    choice.open(checkpoint.with_name("absent.ckpt"))
    assert choice.foreign.isHidden()


def test_answers_make_a_model_beside_the_checkpoint_which_is_chosen(qtbot, choice, checkpoint, rng):
    checkpoint.with_suffix(".denoisplit").write_text("mine")
    for name in ("ER", "tubules"):
        data = rng.normal(50, 3, (40, 40)).astype(np.float32)
        write_image(checkpoint.with_name(f"{name}.tif"), Image(data, "YX"))
    choice.foreign.images.add([checkpoint.with_name(f"{n}.tif") for n in ("ER", "tubules")])
    choice.foreign.panel.button.click()
    qtbot.waitUntil(lambda: choice.header is not None, timeout=20_000)
    assert choice.path.name == "best-2.denoisplit"
    assert choice.header.channel_names == ("ER", "tubules")
    assert checkpoint.with_suffix(".denoisplit").read_text() == "mine"
    assert choice.foreign.isHidden()


def test_numbers_take_the_place_of_images_and_what_is_missing_is_told(qtbot, choice):
    form = choice.foreign
    form.names.setText("a, b")
    form.means.setText("5, x")
    form.panel.button.click()
    assert "points for decimals" in form.panel.status.text()
    assert "(got '5, x')" in copied(form.panel)
    form.means.setText("5, 4, 6")
    form.panel.button.click()
    qtbot.waitUntil(lambda: "give training images, or" in form.panel.status.text(), timeout=20_000)
    assert "ModelFileError: The weights" in copied(form.panel)
    assert "in import_job" in copied(form.panel)
    form.stds.setText("1, 2, 3")
    form.panel.button.click()
    qtbot.waitUntil(lambda: choice.header is not None, timeout=20_000)
    assert read_header(choice.path).normalization.channel_stds == (2, 3)
