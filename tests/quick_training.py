"""Trainings of tests without what takes most of their time and is tested by itself."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.stand_in import stand_in

from napari_denoisplit.jobs.noise.job import fit_noise_job as real_job

_FITTED = {}


@contextmanager
def training_quickly(*, measured: bool = False) -> Iterator[None]:
    """Let trainings on the same pixels share the fit of their noise, and look at none afterwards.

    What a model remembers of the images that it was trained on, and what it leaves unexplained of
    them (left out unless `measured`), is a matter of `jobs.trust`.
    """

    def fit_noise_job(data, settings=None, *, denoise=None, stop=None):
        asked = pickle.dumps((data, settings, denoise))
        if asked not in _FITTED:
            _FITTED[asked] = yield from real_job(data, settings, denoise=denoise, stop=stop)
        return _FITTED[asked]

    def with_likeness(model, batches, stop):
        return model

    def reference_job(model, images, settings=None, *, data="", stop=None):
        yield from ()

    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch, "jobs.train.channel_noise", fit_noise_job)
        stand_in(patch, "jobs.train.job", with_likeness, *[reference_job][measured:])
        yield


@pytest.fixture
def quick_training():
    """Every training of a test."""
    with training_quickly():
        yield
