"""What is in view is split first, and the result is the same as without a view."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.jobs.split.test_job import SETTINGS, collected, image, model

from napari_denoisplit.events import PartDrawn, SampleDrawn, run
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.sampling.focus import Focus

__all__ = ["model"]

TILED = SETTINGS.model_copy(update={"tile_size": 96, "overlap": 16, "n_samples": 2})
VIEW = Focus((2,), (100, 150), (10, 60))


@pytest.fixture(scope="module")
def events_in_view(model):
    stack = image((3, 180, 150), "ZYX")
    return collected(split_job(model, stack, TILED, focus=lambda: VIEW))


def test_the_result_does_not_depend_on_what_is_in_view(model, events_in_view):
    plain = run(split_job(model, image((3, 180, 150), "ZYX"), TILED))
    split, _ = events_in_view
    np.testing.assert_array_equal(split.mmse.data, plain.mmse.data)
    np.testing.assert_array_equal(split.sigma.data, plain.sigma.data)
    np.testing.assert_array_equal(split.samples, plain.samples)


def test_the_plane_and_the_tiles_in_view_come_first(events_in_view):
    _, events = events_in_view
    drawn = [e for e in events if isinstance(e, SampleDrawn)]
    assert [e.plane for e in drawn] == [(2,), (2,), (1,), (1,), (0,), (0,)]
    first = next(e for e in events if isinstance(e, PartDrawn))
    assert first.plane == (2,)
    assert first.y[0] < 150
    assert first.y[1] > 100
    assert first.x[0] < 60


def test_the_parts_of_the_first_sample_make_it_up(events_in_view):
    _, events = events_in_view
    whole = next(e for e in events if isinstance(e, SampleDrawn))
    made = np.full_like(whole.sample, np.nan)
    for part in events[: events.index(whole)]:
        if isinstance(part, PartDrawn):
            made[:, slice(*part.y), slice(*part.x)] = part.sample
    np.testing.assert_array_equal(made, whole.sample)


def test_an_image_in_one_piece_has_no_parts(model):
    _, events = collected(split_job(model, image(), SETTINGS, focus=lambda: VIEW))
    assert not any(isinstance(e, PartDrawn) for e in events)


def test_a_stop_while_the_view_is_encoded_is_an_ordinary_end(model):
    stop = threading.Event()
    stop.set()
    split = run(split_job(model, image((180, 150)), TILED, stop=stop, focus=lambda: VIEW))
    assert (split.n_samples, split.stopped_early) == (0, True)
