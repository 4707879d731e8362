from __future__ import annotations

import threading
from itertools import product

import dask.array as da
import numpy as np
import pytest
import torch

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.events import FitStep, PairsGathered, run
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job, gather_job, judge_noise_job
from napari_denoisplit.settings import NoiseFitSettings

KINDS = ["gaussian_mixture", "histogram", "poisson_gaussian"]
EDGE = 96
GAIN, OFFSET, READ_NOISE = 2.0, 10.0, 3.0


def clean():
    y, x = np.mgrid[:EDGE, :EDGE]
    return OFFSET + GAIN * (100 + 80 * np.sin(x / 9) * np.cos(y / 11))


def exposures(n=4):
    rng = np.random.default_rng(0)
    photons = rng.poisson((clean() - OFFSET) / GAIN, (n, EDGE, EDGE))
    return OFFSET + GAIN * photons + rng.normal(0, READ_NOISE, photons.shape)


def fit(source, observation, kind="poisson_gaussian", mask=None):
    signal = clean() if source == "pairs" else None
    data = NoiseData(source, observation, signal, mask, name="mito", files=("mito.tif",))
    return run(fit_noise_job(data, NoiseFitSettings(kind=kind)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["repeats", "pairs"])
def test_every_kind_from_every_source_has_the_variance_of_the_camera(source, kind):
    found = fit(source, exposures(), kind)
    for level in (100.0, 200.0, 300.0):
        expected = GAIN * (level - OFFSET) + READ_NOISE**2
        assert float(found.model.variance(torch.tensor(level))) == pytest.approx(expected, rel=0.15)
    assert found.model.record.verdict.grade == "good"


def test_the_record_says_where_a_model_comes_from():
    found = fit("repeats", exposures())
    record = found.model.record
    assert (record.name, record.source, record.files) == ("mito", "repeats", ("mito.tif",))
    assert record.n_pixels == len(found.pairs.signal)
    assert set(record.versions) == {"napari-denoisplit", "torch", "numpy"}


@pytest.mark.parametrize("source", ["single", "bootstrap"])
def test_correlated_noise_is_refused_before_anything_is_learned(source):
    job = fit_noise_job(NoiseData(source, exposures()[0]), NoiseFitSettings(kind="correlated"))
    with pytest.raises(NoiseModelError, match="repeats"):
        next(job)


def altered(what):
    stack = exposures()
    match what:
        case "negative":
            return stack - 1000
        case "0 to 1":
            return (stack / 400).astype(np.float32)
        case "huge":
            return 1e7 * stack
        case "tiny":
            return 1e-9 * stack
        case "5-D":
            return stack.reshape(2, 2, 1, EDGE, EDGE)
        case "dask":
            return da.from_array(stack, chunks=(1, 48, 48))
        case "holes":
            stack[:, :10] = np.nan
            stack[:, 30, 30] = np.inf
    return stack


# The kind of model knows nothing of the shape of the images.
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("what", "kind"),
    [
        *product(["negative", "0 to 1", "huge", "tiny"], KINDS),
        *product(["5-D", "dask", "holes"], ["histogram"]),
    ],
)
def test_images_of_any_range_and_shape_have_a_model(what, kind):
    found = fit("repeats", altered(what), kind)
    low, high = found.model.signal_range
    variance = found.model.variance(torch.linspace(low, high, 9))
    assert torch.isfinite(variance).all()
    assert (variance > 0).all()
    assert found.model.record.verdict.grade != "do not use"


def region(n):
    mask = np.zeros((EDGE, EDGE), dtype=bool)
    mask[5, 5 : 5 + n] = True
    return mask


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("source", ["repeats", "pairs", "single"])
@pytest.mark.parametrize(
    ("observation", "mask", "says"),
    [
        (exposures() * np.nan, None, "number"),
        (np.full((4, EDGE, EDGE), 7.0), None, "no noise|No noise|no more than rounding"),
        (exposures() + 1e9, None, "subtract a constant"),
        (exposures() * 1e30, None, "divide it by a constant"),
        (exposures() * 1e-30, None, "multiply"),
        (exposures() + 1j, None, "real numbers"),
        (np.clip(4 * exposures(), 0, 255).astype(np.uint8), None, "shorter exposure"),
        (exposures(), region(5), "1 x 5 pixels"),
        (exposures(), region(0), "is empty"),
    ],
)
def test_what_tells_no_noise_is_refused_with_a_way_out(observation, mask, says, source):
    with pytest.raises(NoiseModelError, match=says):
        fit(source, observation, mask=mask)


def test_a_region_is_looked_at_before_a_denoiser_is_trained():
    data = NoiseData("bootstrap", exposures()[0], mask=region(5))
    with pytest.raises(NoiseModelError, match="1 x 5 pixels"):
        next(fit_noise_job(data))


def test_a_stopped_fit_ends_at_its_next_step_without_a_model():
    stop, steps = threading.Event(), []

    def stop_at(event):
        if isinstance(event, FitStep):
            steps.append(event)
            stop.set()

    data = NoiseData("repeats", exposures(), name="mito")
    with pytest.raises(NoiseModelError, match="stopped before there was a noise model"):
        run(fit_noise_job(data, NoiseFitSettings(kind="gaussian_mixture"), stop=stop), stop_at)
    assert len(steps) == 1


def test_copies_are_no_repeats():
    with pytest.raises(NoiseModelError, match=r"Repeat 2 holds the same pixels.* no noise"):
        fit("repeats", np.stack([exposures()[0]] * 2))


def test_an_image_without_pixels_is_refused():
    with pytest.raises(NoiseModelError, match="holds no pixels"):
        NoiseData("single", np.zeros((0, 10)))


def test_pairs_are_told_before_the_fit_and_judge_another_model_later():
    events = []
    data = NoiseData("repeats", exposures())
    pairs, denoised = run(gather_job(data, NoiseFitSettings()), events.append)
    (gathered,) = [e for e in events if isinstance(e, PairsGathered)]
    assert gathered.n_pixels == len(pairs.signal)
    assert denoised is None
    wrong = fit("repeats", 3 * exposures()).model
    assert run(judge_noise_job(wrong, pairs)).verdict.grade == "do not use"
