"""The job behind the lens: views come, pictures go, and the newest view wins."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.jobs.split.test_job import image, model

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import LensDrawn, run
from napari_denoisplit.jobs.split import lens
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.split.lens import lens_job
from napari_denoisplit.sampling.focus import Focus, FocusSlot
from napari_denoisplit.settings import SplitSettings

__all__ = ["model"]

SETTINGS = SplitSettings(n_samples=6, overlap=48, device="cpu", precision="float32")
STACK = image((3, 180, 150), "ZYX")
VIEW = Focus((1,), (60, 100), (50, 110))


@pytest.fixture(autouse=True)
def every_picture(monkeypatch):
    monkeypatch.setattr(lens, "POLL", 0.001)
    monkeypatch.setattr(lens, "REFRESH", 0.0)


def started(model, *views, shown=STACK, settings=SETTINGS):
    requests, stop = FocusSlot(), threading.Event()
    for view in views:
        requests.put(view)
    return lens_job(model, shown, settings, requests, stop), requests, stop


def until_done(job):
    """Pictures up to the first that has every sample."""
    pictures = []
    for event in job:
        if isinstance(event, LensDrawn):
            pictures.append(event)
            if event.n_samples == event.of:
                return pictures
    raise AssertionError("the job has ended")


def test_a_view_is_refined_sample_by_sample_up_to_what_the_split_gives(model):
    job, _, _ = started(model, VIEW)
    pictures = until_done(job)
    assert [p.n_samples for p in pictures] == [1, 2, 3, 4, 5, 6]
    last = pictures[-1]
    place = (slice(None), 1, slice(*last.y), slice(*last.x))
    whole = run(split_job(model, STACK, SETTINGS))
    np.testing.assert_allclose(last.mmse, whole.mmse.data[place], atol=1e-2)
    np.testing.assert_allclose(last.sigma, whole.sigma.data[place], atol=1e-2)


def test_sigma_needs_two_samples(model):
    job, _, _ = started(model, VIEW)
    pictures = until_done(job)
    assert np.isnan(pictures[0].sigma).all()
    assert np.isfinite(pictures[0].mmse).all()
    assert (pictures[1].sigma > 0).all()


def test_a_newer_view_takes_the_place_of_the_one_that_is_drawn(model):
    job, requests, _ = started(model, VIEW)
    while not isinstance(event := next(job), LensDrawn) or event.n_samples < 2:
        pass
    other = Focus((2,), VIEW.y, VIEW.x)
    requests.put(Focus((0,), VIEW.y, VIEW.x))
    requests.put(other)
    assert {p.plane for p in until_done(job)} == {(2,)}


def test_going_back_shows_what_was_there_at_once(model):
    job, requests, _ = started(model, VIEW)
    until_done(job)
    requests.put(Focus((2,), VIEW.y, VIEW.x))
    until_done(job)
    requests.put(VIEW)
    assert len(until_done(job)) == 1


def test_a_view_that_is_too_large_is_split_around_its_middle(model, monkeypatch):
    monkeypatch.setattr(lens, "LARGEST_VIEW", 64)
    job, _, _ = started(model, Focus((0,), (-10, 190), (0, 150)))
    last = until_done(job)[-1]
    assert (last.y, last.x) == ((48, 144), (16, 112))


def test_it_waits_for_views_until_it_is_stopped(model):
    job, _, stop = started(model, Focus((0,), (500, 600), (0, 50)))
    timer = threading.Timer(0.2, stop.set)
    timer.start()
    assert not [event for event in job if isinstance(event, LensDrawn)]
    timer.join()


def test_an_image_with_channels_is_refused(model):
    job, _, _ = started(model, VIEW, shown=image((2, 180, 150), "CYX"))
    with pytest.raises(ImageError, match="2 channels"):
        next(job)
