from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.nn.foreign import ForeignLadder
from napari_denoisplit.settings import ImportSettings

# What tiny networks of other programs hold and compute, stored by
# `python -m benchmarks.speed.foreign_networks --store`.
STORED = Path(__file__).with_name("foreign_networks.safetensors")
GIVEN = {
    "careamics": {},
    "denoiSplit": {},
    "muSplit": {},
    "lean": {"context": "lean"},
    "regular": {"context": "regular"},
}


def arrays(name: str) -> dict[str, torch.Tensor]:
    return part(load_file(STORED), f"{name}/")


def part(stored: dict[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(name): v for k, v in stored.items() if k.startswith(name)}


@pytest.mark.parametrize("name", GIVEN)
def test_an_imported_network_computes_what_it_computed_where_it_was_made(name):
    stored = arrays(name)
    ladder = ForeignLadder(part(stored, "state/"))
    network = network_of(ladder.settings(2, ImportSettings(**GIVEN[name]))).eval()
    network.load_state_dict({**network.state_dict(), **ladder.weights})
    noise = iter(part(stored, "noise/").values())
    with torch.no_grad():
        prediction = network(stored["x"], lambda level, shape: next(noise))
    out = torch.cat([p for p in prediction[:2] if p is not None], dim=1)
    torch.testing.assert_close(out, stored["out"], rtol=1e-5, atol=1e-5 * stored["out"].std())
    for ours, theirs in zip(prediction.kl_per_level, part(stored, "kl/").values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=0)


def test_four_maps_are_two_structures_with_variance_or_four_structures():
    ladder = ForeignLadder(part(arrays("muSplit"), "state/"))
    assert ladder.settings(2, ImportSettings()).predict_logvar
    assert not ladder.settings(4, ImportSettings()).predict_logvar
    with pytest.raises(ModelFileError, match=r"4 maps.* neither 3 .* name 2 or 4 structures"):
        ladder.settings(3, ImportSettings())


def test_more_than_four_levels_keep_the_factor_of_the_published_code_unless_told():
    ladder = ForeignLadder(part(arrays("denoiSplit"), "state/"))
    assert ladder.settings(2, ImportSettings()).level_factor == "times"
    assert ladder.settings(2, ImportSettings(level_factor="none")).level_factor == "none"


def test_weights_of_another_network_are_refused_by_the_name_of_one():
    state = part(arrays("careamics"), "state/")
    with pytest.raises(ModelFileError, match=r"1 of \d+ weights .*attention\.weight"):
        ForeignLadder({**state, "model.attention.weight": torch.zeros(3)})
    with pytest.raises(ModelFileError, match=r"no stem\.0\.weight"):
        ForeignLadder({"output_layer.weight": torch.zeros(2, 4, 3, 3)})
    del state["model.top_down_layers.1.merge.layer.0.weight"]
    with pytest.raises(ModelFileError, match=r"merge\.conv\.weight: nothing there"):
        ForeignLadder(state).settings(2, ImportSettings())


def test_weights_that_are_not_finite_are_refused():
    state = part(arrays("careamics"), "state/")
    state["model.output_layer.bias"][0] = torch.nan
    with pytest.raises(ModelFileError, match=r"output\.bias are NaN"):
        ForeignLadder(state).settings(2, ImportSettings())


def test_context_of_musplit_is_asked_for_with_what_it_may_be():
    ladder = ForeignLadder(part(arrays("lean"), "state/"))
    with pytest.raises(ModelFileError, match="regular on patches of 2 or lean on patches of 8"):
        ladder.settings(2, ImportSettings())
    by_size = ladder.settings(2, ImportSettings(patch_size=8)).context
    assert by_size == ladder.settings(2, ImportSettings(context="lean")).context
    assert (by_size.variant, by_size.scales) == ("lean", 3)
    assert by_size.kept_size == 8  # no more than there is
    few = ladder.settings(2, ImportSettings(context="lean", kept_size=2)).context
    assert few.kept_size == 2


def test_an_autoencoder_is_told_to_be_one():
    ladder = ForeignLadder(part(arrays("muSplit"), "state/"))
    assert not ladder.settings(2, ImportSettings()).autoencoder
    assert ladder.settings(2, ImportSettings(autoencoder=True)).autoencoder
