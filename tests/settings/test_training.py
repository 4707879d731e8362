from __future__ import annotations

import pytest
from pydantic import ValidationError

from napari_denoisplit.settings import LossSettings, TrainSettings


@pytest.mark.parametrize(
    ("preset", "loss", "refused"),
    [
        ("unet", {"beta": 0.5}, "beta"),
        ("divnoising", {"free_bits": 0.0}, "free_bits"),
        ("divnoising", {"beta": 0.5}, None),
        ("fast", {"kl": "mean", "free_bits": 0.0, "beta": 0.5}, None),
    ],
)
def test_a_loss_that_has_no_effect_on_the_network_is_refused(preset, loss, refused):
    if refused is None:
        assert TrainSettings(preset=preset, loss=loss).loss == LossSettings(**loss)
    else:
        with pytest.raises(ValidationError, match=f"loss.{refused} has no effect on a network"):
            TrainSettings(preset=preset, loss=loss)


def test_the_loss_of_the_method_is_no_reason_to_refuse_a_network():
    assert TrainSettings(preset="unet", loss=LossSettings()).loss == LossSettings()


def test_turns_of_validation_and_test_ask_for_equal_shares():
    assert TrainSettings(alternate=True, validation_fraction=0.2, test_fraction=0.2).alternate
    with pytest.raises(ValidationError, match=r"as for test, not 0\.2 and 0\.1"):
        TrainSettings(alternate=True, validation_fraction=0.2)


@pytest.mark.parametrize("recipe", ["own", "paper"])
@pytest.mark.parametrize("preset", ["hdn", "divnoising"])
def test_a_preset_that_denoises_is_for_one_structure(preset, recipe):
    settings = TrainSettings(preset=preset, recipe=recipe)
    assert settings.misfit(1) == ""
    assert settings.misfit(2).startswith(f"The preset '{preset}' denoises one structure, and 2")
    assert TrainSettings(recipe=recipe).misfit(2) == ""


def test_a_batch_leaves_every_level_something_to_normalize():
    with pytest.raises(ValidationError, match=r"coarsest of 6 levels a single value.*batch_size"):
        TrainSettings(preset="hdn", patch_size=64, batch_size=1)
    with pytest.raises(ValidationError, match="coarsest of 5 levels a single value"):
        TrainSettings(preset="unet", patch_size=32, batch_size=1)
    TrainSettings(preset="unet", patch_size=64, batch_size=1)
    TrainSettings(preset="hdn", patch_size=64, batch_size=2)
    TrainSettings(preset="hdn", patch_size=128, batch_size=1)


def test_until_good_asks_for_a_rate_that_falls_and_for_structures_to_be_apart():
    assert TrainSettings(until_good=True).misfit(2) == ""
    assert "there is one" in TrainSettings(until_good=True).misfit(1)
    with pytest.raises(ValidationError, match="needs the schedule 'budget'"):
        TrainSettings(until_good=True, schedule="plateau")
