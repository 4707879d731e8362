from __future__ import annotations

import pytest
from pydantic import ValidationError

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.named_settings import (
    assigned,
    merged,
    read_settings,
    train_settings,
)
from napari_denoisplit.settings import (
    METHODS,
    PRESETS,
    ContextSettings,
    TrainSettings,
    UNetSettings,
)


def test_a_named_part_leaves_the_rest_as_preset_and_method_have_it():
    texts = ("preset=tiny", "method=musplit", "loss.beta=0.5", "network.n_levels=2", "mix.mode=sum")
    settings = train_settings(assigned(texts))
    assert settings.network == PRESETS["tiny"].network.model_copy(update={"n_levels": 2})
    assert settings.loss == METHODS["musplit"].model_copy(update={"beta": 0.5})
    assert settings.mix.mode == "sum"


def test_values_have_the_types_of_their_settings():
    texts = (
        "augment=false",
        "minutes=none",
        "epochs=3",
        "network.n_latents=[8, 8, 4, 4]",
        "network.context.scales=3",
        "learning_rate=1e-2",
    )
    settings = train_settings(assigned(texts))
    assert (settings.augment, settings.minutes, settings.epochs) == (False, None, 3)
    assert settings.network.n_latents == (8, 8, 4, 4)
    assert settings.network.context == ContextSettings(scales=3)
    assert settings.learning_rate == 0.01


def test_another_kind_of_network_has_the_defaults_of_its_own():
    network = train_settings(assigned(["network.kind=unet", "network.n_levels=3"])).network
    assert network == UNetSettings(n_levels=3)
    assert (network.n_channels, network.n_filters) == (2, 32)


def test_a_unet_has_context_as_a_ladder_has():
    settings = train_settings(assigned(["preset=unet", "network.context.scales=4"]))
    assert settings.network == UNetSettings(context=ContextSettings(scales=4))
    lean = ["preset=unet", "network.context.variant=lean", "network.context.patch_size=64"]
    with pytest.raises(ValidationError, match="A U-Net has no context of the variant 'lean'"):
        train_settings(assigned(lean))


def test_what_is_named_changes_a_recipe():
    settings = train_settings(assigned(["recipe=paper", "network.dropout=0", "stop_patience=7"]))
    assert settings.network.top_prior_size == 8
    assert (settings.network.dropout, settings.stop_patience) == (0, 7)
    assert settings.epochs == TrainSettings(recipe="paper").epochs


def test_a_file_names_settings_and_the_command_comes_before_it(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("steps = 5\nlearning_rate = 0.1\n[network]\nn_filters = 8\n[loss]\nbeta = 2\n")
    settings = train_settings(merged(read_settings(path), {"learning_rate": 0.2}))
    assert (settings.steps, settings.minutes, settings.learning_rate) == (5, None, 0.2)
    assert (settings.network.n_filters, settings.loss.beta) == (8, 2)
    path.write_text("steps: 5")
    with pytest.raises(UsageError, match=r"settings\.toml cannot be read as TOML"):
        read_settings(path)
    with pytest.raises(UsageError, match=r"gone\.toml cannot be opened \(No such file"):
        read_settings(tmp_path / "gone.toml")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("network.levels=5", "network.n_levels"),
        ("loss.betta=1", "loss.beta"),
        ("learningrate=1", "learning_rate"),
        ("beta=1", "loss.beta"),
        ("network=5", "network.kind"),
        ("network.kind=resnet", "ladder"),
        ("loss.beta", "NAME=VALUE"),
    ],
)
def test_a_wrong_name_is_answered_with_those_near_it(text, near):
    with pytest.raises(UsageError) as error:
        train_settings(assigned([text]))
    assert near in str(error.value)


@pytest.mark.parametrize("text", ["loss.beta=-1", "network.n_levels=many", "network.depth=2"])
def test_a_wrong_value_is_told_with_its_setting(text):
    with pytest.raises(ValidationError, match=text.partition("=")[0].rpartition(".")[2]):
        train_settings(assigned([text]))
