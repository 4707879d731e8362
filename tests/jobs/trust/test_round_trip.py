from __future__ import annotations

import threading
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.jobs.trust.test_residuals import MODELS, header, known, phantom
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import Model
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.trust import round_trip
from napari_denoisplit.measures.trust.round_trip import turned_apart
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.noise.models.superposed import superposed_variance
from napari_denoisplit.settings import (
    Acquisition,
    ContextSettings,
    LadderSettings,
    SplitSettings,
)

EXACT = {"device": "cpu", "precision": "float32"}


def test_the_parts_turned_apart_are_superposed_with_fresh_noise_and_split_again(monkeypatch):
    clean = phantom((256, 256), seed=1)
    turned = turned_apart(clean)
    asked = []

    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        asked.append((image.data, settings))
        return known(turned)
        yield

    stand_in(monkeypatch, "jobs.trust.round_trip", split_job)
    model = SimpleNamespace(header=header(weights=(0.4, 0.7), offset=50.0))
    settings = SplitSettings(n_samples=50, grey_levels="matched", tile_size=64)
    found = run(round_trip.round_trip_job(model, known(clean), settings))
    assert found.errors == pytest.approx((0, 0), abs=1e-3)
    ((image, used),) = asked
    noise = image - superpose(turned, (0.4, 0.7), 50.0)
    variance = superposed_variance(MODELS, (0.4, 0.7), turned)
    assert float((noise**2 / variance).mean()) == pytest.approx(1, abs=0.02)
    assert (used.n_samples, used.acquisition, used.tile_size) == (3, Acquisition(), 64)


@pytest.mark.parametrize("context", [None, ContextSettings(scales=3)], ids=["plain", "context"])
def test_it_is_the_same_however_planes_are_cut(context):
    torch.manual_seed(0)
    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2, context=context)
    clean = phantom((256, 256), seed=1)
    levels = {"input_mean": 1e3, "input_std": 200.0, "channel_means": (1e3, 1e3)}
    known_levels = header().normalization.model_copy(update=levels)
    of = header().model_copy(update={"network": network, "normalization": known_levels})
    model = Model(network_of(network).eval(), of)
    found = [
        run(round_trip.round_trip_job(model, known(clean), cut)).errors
        for cut in (SplitSettings(**EXACT), SplitSettings(tile_size=192, overlap=64, **EXACT))
    ]
    # An untrained network gets next to nothing right, several times as much without an overlap.
    whole, in_tiles = (1 - np.array(errors) for errors in found)
    assert whole == pytest.approx(in_tiles, rel=0.01)
    assert whole.min() > 0


@pytest.mark.parametrize("empty", [np.nan, 200.0], ids=["not split", "flat"])
def test_planes_that_show_nothing_take_no_part(monkeypatch, empty):
    clean = phantom((256, 256), seed=1)
    stack = np.stack([clean, np.full_like(clean, empty)])

    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        return known(turned_apart(clean))
        yield

    stand_in(monkeypatch, "jobs.trust.round_trip", split_job)
    model = SimpleNamespace(header=header())
    split = known(stack, axes="TCYX")
    assert run(round_trip.round_trip_job(model, split, SplitSettings())).errors[0] < 0.01
    nothing = known(np.full_like(stack, empty), axes="TCYX")
    assert run(round_trip.round_trip_job(model, nothing, SplitSettings())) is None


@pytest.mark.parametrize("n_done", [0, 1])
def test_a_stop_ends_it_with_the_planes_so_far(monkeypatch, n_done):
    clean, stop, n_asked = phantom((256, 256), seed=1), threading.Event(), 0

    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        nonlocal n_asked
        n_asked += 1
        if n_asked > n_done:
            stop.set()
            raise JobError("Stopped before the first sample.")
        return known(turned_apart(clean))
        yield

    stand_in(monkeypatch, "jobs.trust.round_trip", split_job)
    model, split = SimpleNamespace(header=header()), known(np.stack([clean] * 3), axes="TCYX")
    found = run(round_trip.round_trip_job(model, split, SplitSettings(), stop=stop))
    assert (found is not None) == bool(n_done)
    assert n_asked == n_done + 1


def test_a_stop_while_the_parts_are_put_together_splits_nothing(monkeypatch):
    clean, stop = phantom((256, 256), seed=1), threading.Event()

    def turned(parts):
        stop.set()
        return turned_apart(parts)

    monkeypatch.setattr(round_trip, "turned_apart", turned)
    monkeypatch.setattr(round_trip, "split_job", None)
    model = SimpleNamespace(header=header())
    assert run(round_trip.round_trip_job(model, known(clean), SplitSettings(), stop=stop)) is None
