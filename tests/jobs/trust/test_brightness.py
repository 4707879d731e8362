"""How bright structures are in a recording, found by a model that was trained over a range."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.jobs.recording.test_job import SETTINGS, WEIGHTS, found, noisy
from tests.plain_batches import plain_batches

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import run
from napari_denoisplit.giving_up import finished
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.recording.job import recording_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.brightness import with_brightness
from napari_denoisplit.jobs.trust.likeness import likeness_of, with_likeness
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.objective import Batch
from napari_denoisplit.settings import Acquisition, LadderSettings, MixSettings

NETWORK = LadderSettings(n_levels=2, n_filters=12, n_latents=4, told_brightness=True)
UNTOLD = NETWORK.model_copy(update={"told_brightness": False})
RANGE = MixSettings(alpha_low=0.4, alpha_high=1.6)


def batches_of(fields: list[np.ndarray], mix: MixSettings) -> Batches:
    masks = [np.ones(field.shape[1:], bool) for field in fields]
    n = Normalization.of(fields, masks, WEIGHTS, ("filaments", "pits"))
    return plain_batches(fields, n, mix)


def trained(mix: MixSettings, network: LadderSettings = NETWORK) -> Model:
    torch.manual_seed(0)
    fields = [noisy(seed) for seed in range(6)]
    batches = batches_of(fields, mix)
    masks = [np.ones(field.shape[1:], bool) for field in fields]
    n = Normalization.of(fields, masks, WEIGHTS, ("filaments", "pits"))
    header = ModelHeader(
        network=network, mix=mix, normalization=n, channel_names=("filaments", "pits")
    )
    vse = VSE(network).eval()
    if vse.brightness is not None:
        torch.nn.init.normal_(vse.brightness.layers[2].weight, std=0.1)
    model = with_likeness(Model(vse, header), batches, threading.Event())
    return with_brightness(model, batches)


@pytest.fixture(scope="module")
def model() -> Model:
    return trained(RANGE)


def recorded(brightness: tuple[float, float], seed: int = 77) -> np.ndarray:
    clean = phantom((320, 320), seed=seed)
    noise = noisy(seed, 320) - clean
    weights = tuple(w * b for w, b in zip(WEIGHTS, brightness, strict=True))
    return superpose(clean, weights) + superpose(noise, WEIGHTS)


@pytest.mark.parametrize("brightness", [(1.0, 1.0), (0.6, 1.4), (1.4, 0.6)])
def test_it_is_found_in_images_that_the_model_has_not_seen(model, brightness):
    look = found(model, recorded(brightness))
    assert look.acquisition.brightness == pytest.approx(brightness, abs=0.2)
    assert look.acquisition.gain == 1
    assert "filaments" in look.notes[0]


def test_dimmer_than_the_range_goes_is_told(model):
    look = found(model, recorded((1.0, 3.0)))
    assert look.verdict.grade != "good"
    assert any("pits: as dim or as bright" in reason for reason in look.verdict.reasons)


def test_a_model_that_cannot_find_what_it_is_to_be_told_says_so(model):
    small = found(model, recorded((1.0, 1.0))[:70, :70])
    header = model.header.model_copy(update={"training": {}})
    unlearned = found(replace(model, header=header), recorded((1.0, 1.0)))
    for look in (small, unlearned):
        assert look.acquisition.brightness == ()
        assert look.verdict.grade == "usable"
        assert "could not be found" in look.verdict.reasons[0]


def test_a_split_goes_by_it(model):
    image = Image(recorded((0.6, 1.4)), "YX", name="dish")
    split = run(split_job(model, image, SETTINGS))
    taken = Acquisition.model_validate(split.provenance["acquisition"])
    again = run(split_job(model, image, SETTINGS.model_copy(update={"acquisition": taken})))
    plain = run(split_job(model, image, SETTINGS.model_copy(update={"grey_levels": "kept"})))
    assert taken.brightness
    np.testing.assert_array_equal(split.read_mmse(()), again.read_mmse(()))
    assert not np.allclose(split.read_mmse(()), plain.read_mmse(()), rtol=1e-2)


@pytest.fixture(scope="module")
def plain() -> Model:
    return trained(MixSettings(), UNTOLD)


def test_a_model_of_one_brightness_says_with_which_weights_to_train(plain):
    look = found(plain, recorded((0.6, 1.4)))
    assert look.acquisition.brightness == ()
    assert look.verdict.grade == "usable"
    advice = look.verdict.reasons[0]  # all that a window has room for
    weights = [float(w) for w in advice.split("weights ")[1].split(" (")[0].split(", ")]
    assert weights == pytest.approx([0.3, 0.7], abs=0.07)
    factors = [look.verdict.figures[f"brightness of {name}"] for name in ("filaments", "pits")]
    assert factors == pytest.approx([0.6, 1.4], abs=0.2)


def test_more_noise_is_told_before_what_it_hides(plain, rng):
    unequal = recorded((0.4, 1.6))
    more = likeness_of(plain.header).noise * plain.header.normalization.input_std * np.sqrt(2)
    look = found(plain, unequal + rng.normal(0, more, unequal.shape).astype(np.float32))
    assert look.verdict.grade == "usable"
    first, *others = look.verdict.reasons
    assert "Its noise is 1.7 times" in first
    assert any("due to the noise" in reason for reason in others)
    assert "--weights" not in " ".join(others)


def test_of_another_specimen_the_weights_are_not_told(plain):
    _, x = np.mgrid[:320, :320]
    stripes = recorded((1.0, 1.0)) + 200 * np.sin(x / 3)
    look = found(plain, stripes)
    assert look.verdict.grade == "do not use"
    assert not any("weights" in reason for reason in look.verdict.reasons)
    assert "brightness of pits" in look.verdict.figures


def test_where_all_is_as_bright_as_in_training_nothing_is_said(plain):
    assert found(plain, recorded((1.0, 1.0))).verdict.grade == "good"


def test_the_gain_is_that_of_the_middle_of_the_range(model, plain):
    assert likeness_of(model.header).noise == pytest.approx(
        likeness_of(plain.header).noise, rel=0.05
    )


def test_a_stop_gives_it_up(model, monkeypatch):
    stop, draw = threading.Event(), Batches.draw

    def stopped(batches: Batches) -> Batch:
        stop.set()
        return draw(batches)

    monkeypatch.setattr(Batches, "draw", stopped)
    assert not finished(stop, with_brightness, model, batches_of([noisy(0)], RANGE))


@pytest.mark.parametrize("network", [NETWORK, UNTOLD])
def test_a_model_of_a_range_is_not_sent_to_train_over_one(model, network):
    """Where it is not told, as the grey levels are to be kept, or as it is a U-Net."""
    header = model.header.model_copy(update={"network": network})
    kept = SETTINGS.model_copy(update={"grey_levels": "kept"})
    image = Image(recorded((0.6, 1.4)), "YX", name="dish")
    look = run(recording_job(replace(model, header=header), image, kept, threading.Event()))
    [advice] = [reason for reason in look.verdict.reasons if "with the weights" in reason]
    assert "Train over a mixing range" not in advice
    assert ("Let the model be told" in advice) == network.told_brightness


def test_images_that_are_clipped_to_their_background_tell_neither_noise_nor_brightness(plain):
    """Most of such an image has no noise at all."""
    fields = [noisy(seed) for seed in range(2)]
    dark = np.percentile(fields[0], 99, axis=(1, 2), keepdims=True).astype(np.float32)
    clipped = [np.maximum(field, dark) for field in fields]
    batches = batches_of(clipped, MixSettings())
    bare = replace(plain, header=plain.header.model_copy(update={"training": {}}))
    assert with_brightness(with_likeness(bare, batches, threading.Event()), batches) is bare


def test_of_very_many_structures_too_few_tiles_tell_the_brightness(plain):
    names = tuple(map(str, range(16)))
    header = plain.header.model_copy(update={"channel_names": names})
    many = replace(plain, header=header)
    assert with_brightness(many, batches_of([noisy(0)], MixSettings())) is many


@pytest.mark.parametrize(
    ("told", "brightness", "why"),
    [(False, (1.2, 0.8), "trained with one brightness"), (True, (1.2,), "1 numbers of brightness")],
)
def test_what_the_model_cannot_be_told_is_refused(model, told, brightness, why):
    network = model.header.network.model_copy(update={"told_brightness": told})
    header = model.header.model_copy(update={"network": network})
    known = replace(model, network=VSE(network), header=header)
    settings = SETTINGS.model_copy(update={"acquisition": Acquisition(brightness=brightness)})
    with pytest.raises(JobError, match=why):
        run(split_job(known, Image(recorded((1.0, 1.0)), "YX", name="dish"), settings))
