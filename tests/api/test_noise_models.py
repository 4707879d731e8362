"""The jobs on noise models as plain functions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import napari_denoisplit as nd
from napari_denoisplit.events import PairsGathered

GAIN, OFFSET, READ_NOISE = 2.0, 100.0, 5.0


@pytest.fixture(scope="module")
def repeats():
    """Exposures of one field by a camera whose numbers are known."""
    rng = np.random.default_rng(1)
    cells = ndimage.gaussian_filter(rng.normal(size=(180, 200)), 4) ** 2
    photons = 2 + 400 * cells / cells.max()
    exposures = OFFSET + GAIN * rng.poisson(photons, (6, 180, 200))
    return nd.Image(exposures + rng.normal(0, READ_NOISE, exposures.shape), "TYX", name="field")


@pytest.fixture(scope="module")
def fit(repeats):
    return nd.fit_noise_model(repeats, "repeats")


def variance(signal: np.ndarray) -> np.ndarray:
    """Return the camera's variance at each signal."""
    return GAIN * (signal - OFFSET) + READ_NOISE**2


def test_a_fit_finds_the_variance_of_the_camera_and_says_where_it_comes_from(fit):
    bands = fit.curves.bands
    inner = (bands.signal > 150) & (bands.signal < 850)
    ratio = bands.variance[inner] / variance(bands.signal[inner])
    assert ratio == pytest.approx(np.ones(inner.sum()), abs=0.1)
    record = fit.model.record
    assert (record.name, record.source) == ("field", "repeats")
    assert record.verdict.grade == "good", record.verdict.reasons


def test_a_model_judged_by_its_own_data_gets_its_own_verdict_from_a_file_too(
    fit, repeats, tmp_path
):
    nd.write_noise_model(tmp_path / "camera.npz", fit.model)
    for model in (fit.model, tmp_path / "camera.npz"):
        judged = nd.judge_noise_model(model, repeats, "repeats")
        assert judged.verdict.grade == fit.model.record.verdict.grade
        assert judged.curves.nll == pytest.approx(fit.curves.nll, abs=1e-6)


def test_the_model_of_another_camera_is_not_to_be_used(fit, repeats):
    other = nd.Image(repeats.data * 10, "TYX")
    assert nd.judge_noise_model(fit.model, other, "repeats").verdict.grade == "do not use"


def test_noise_data_are_taken_as_they_are_and_events_are_told(repeats):
    data = nd.NoiseData.from_image(repeats, "repeats")
    events = []
    settings = nd.NoiseFitSettings(kind="poisson_gaussian")
    fit = nd.fit_noise_model(data, settings=settings, on_event=events.append)
    assert any(isinstance(event, PairsGathered) for event in events)
    assert fit.model.kind == "poisson_gaussian"
    values = fit.model.to_dict()
    assert values["gain"] == pytest.approx(GAIN, rel=0.05)
    # Offset and read noise can stand in for each other; what they make together is known.
    dark = values["read_noise"] ** 2 - values["gain"] * values["offset"]
    assert dark == pytest.approx(READ_NOISE**2 - GAIN * OFFSET, rel=0.1)


def test_a_single_image_needs_no_word_about_its_source(repeats):
    fit = nd.fit_noise_model(nd.Image(repeats.data[0], "YX"))
    assert fit.model.record.source == "single"
