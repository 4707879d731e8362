"""The residual check, on phantoms whose split is known."""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.jobs.conftest import NETWORK
from tests.quick_training import training_quickly

from napari_denoisplit.checkpoint import ModelHeader, read_header
from napari_denoisplit.errors import ImageError, JobError, ModelFileError, message_of
from napari_denoisplit.events import EpochDone, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom import phantoms
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train import job as training
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.trust import residuals
from napari_denoisplit.jobs.trust.job import trust_job
from napari_denoisplit.jobs.trust.likeness import N_TILES, likeness_of
from napari_denoisplit.jobs.trust.reference import reference_job, with_reference
from napari_denoisplit.jobs.trust.residuals import reference_of, residual_job
from napari_denoisplit.measures.trust.reference import KEY, ResidualReference
from napari_denoisplit.measures.trust.residual import ResidualSums, standardized, tile_figures
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.noise.models.superposed import superposed_noise, superposed_variance
from napari_denoisplit.settings import Acquisition, MixSettings, SplitSettings
from napari_denoisplit.verdict import Verdict

CAMERA = PoissonGaussian(5.0, 100.0, 40.0, 0, 1e5)
MODELS = (CAMERA, CAMERA)
SIZE = 256

phantom = cache(phantoms.phantom)


def noisy(clean, weights=(0.5, 0.5), seed=0):
    mixed = superpose(clean, weights) + superposed_noise(MODELS, weights, clean, seed)
    return Image(mixed, "YX", name="cells")


def header(**mix) -> ModelHeader:
    """Of a model that was trained on the phantom, with what it leaves of its own kind: nothing."""
    clean = phantom((SIZE, SIZE), seed=5)
    variance = superposed_variance(MODELS, (0.5, 0.5), clean)
    mixed = superpose(clean, (0.5, 0.5))
    z = standardized(noisy(clean, seed=3).data, mixed, variance)
    tiles = tile_figures([z], mixed / np.sqrt(variance), 64)
    reference = ResidualReference.of([tiles], z.size, 64)
    return ModelHeader(
        network=NETWORK,
        mix=MixSettings(**mix),
        normalization={
            "input_mean": 0.0,
            "input_std": 1.0,
            "channel_means": (0.0, 0.0),
            "channel_stds": (1.0, 1.0),
        },
        channel_names=("filaments", "pits"),
        noise_models=tuple(model.to_dict() for model in MODELS),
        training={KEY: reference.model_dump(mode="json")},
    )


def known(mmse, axes="CYX", samples=None):
    return Split.of_image(Image(mmse, axes), mmse=mmse, samples=samples)


def test_the_truth_explains_its_noisy_superposition():
    clean = phantom((SIZE, SIZE), seed=1)
    check = run(residual_job(header(), noisy(clean), known(clean, samples=clean[None])))
    assert check.verdict.grade == "good"
    assert check.residual.data.std() == pytest.approx(1, abs=0.02)
    assert check.figures.outside == pytest.approx(check.expected_outside, abs=0.001)


def test_a_structure_that_the_model_does_not_know_is_told():
    clean, third = phantom((SIZE, SIZE), seed=1), phantom((SIZE, SIZE), ("filaments",), seed=2)[0]
    image = noisy(clean)
    strange = Image(image.data + 0.25 * (third - third.min()), "YX", name="other cells")
    check = run(residual_job(header(), strange, known(clean, samples=clean[None])))
    assert check.verdict.grade == "do not use"
    assert np.abs(check.bias.data).max() > 6


@pytest.mark.parametrize("samples", [True, False])
def test_noise_that_goes_on_as_the_noise_models_say_is_no_structure(samples):
    clean = phantom((SIZE, SIZE), seed=1)
    weights = ((0.0,) * 3, (0.6, 0.0, 0.0))
    rows = CorrelatedNoise(5.0, 100.0, 40.0, 0, 1e5, weights, 0.8, along_both=False)
    mixed = superpose(clean, (0.5, 0.5))
    image = Image(mixed + superposed_noise((rows, rows), (0.5, 0.5), clean, 0), "YX", name="cells")
    split = known(clean, samples=clean[None] if samples else None)
    found = {}
    for model in (CAMERA, rows):
        of = header().model_copy(update={"noise_models": (model.to_dict(),) * 2, "training": {}})
        found[model.kind] = run(residual_job(of, image, split)).figures
    assert found["poisson_gaussian"].correlation[0] == pytest.approx(0.3, abs=0.02)
    assert found["correlated"].correlation == pytest.approx((0, 0, 0), abs=0.02)
    assert found["correlated"].bias < 0.5 * found["poisson_gaussian"].bias


@pytest.mark.parametrize("damage", ["clipped", "clipped, with haze", "weak stripes"])
def test_what_a_camera_does_is_no_structure(damage):
    clean = phantom((SIZE, SIZE), seed=1)
    image = noisy(clean)
    split = known(clean, samples=clean[None])
    plain = run(residual_job(header(), image, split)).verdict
    if damage == "clipped":
        damaged = np.maximum(image.data, np.percentile(image.data, 25))
    elif damage == "clipped, with haze":
        rise = 0.5 * float(image.data.std())
        hazy = image.data + rise * np.linspace(0, 1, SIZE, dtype=np.float32)
        damaged = np.maximum(hazy, np.percentile(hazy, 15))
        taken = Acquisition(background=((0.0, rise), (0.0, rise)))
        split = replace(split, provenance={"acquisition": taken.model_dump(mode="json")})
    else:
        variance = superposed_variance(MODELS, (0.5, 0.5), clean)
        stripes = np.random.default_rng(0).normal(0, 0.3, (SIZE, 1))
        damaged = (image.data + stripes * np.sqrt(variance)).astype(np.float32)
    check = run(residual_job(header(), replace(image, data=damaged), split)).verdict
    assert check.grade == plain.grade == "good"
    assert check.figures["correlation at 1"] == pytest.approx(
        plain.figures["correlation at 1"], abs=0.01
    )
    distances = [f"distance in {figure}" for figure in ("covariance", "trend")]
    for name in distances:
        assert check.figures[name] == pytest.approx(plain.figures[name], abs=1)


def test_without_samples_the_mean_is_judged_roughly():
    clean = phantom((SIZE, SIZE), seed=1)
    check = run(residual_job(header(), noisy(clean), known(clean)))
    assert check.verdict.grade == "usable"
    assert check.figures.n_samples == 0


def test_every_plane_of_a_stack_takes_part_and_one_that_was_not_split_is_empty():
    clean = np.stack([phantom((SIZE, SIZE), seed=s) for s in (1, 2)])  # (T, C, Y, X)
    image = Image(np.stack([noisy(c, seed=9).data for c in clean]), "TYX")
    mmse = clean.copy()
    mmse[1] = np.nan
    samples = np.stack([mmse, mmse])
    check = run(residual_job(header(), image, known(mmse, "TCYX", samples)))
    assert check.residual.axes == "TYX"
    assert np.isfinite(check.residual.data[0]).all()
    assert np.isnan(check.residual.data[1]).all()
    assert check.figures.n_pixels == SIZE**2


def test_a_plane_whose_check_is_given_up_does_not_count(monkeypatch):
    clean = np.stack([phantom((SIZE, SIZE), seed=s) for s in (1, 2)])  # (T, C, Y, X)
    image = Image(np.stack([noisy(c, seed=9).data for c in clean]), "TYX")
    split = known(clean, "TCYX", clean[None])
    stop, n_planes = threading.Event(), 0

    def stopped_in_the_second(*given):
        nonlocal n_planes
        n_planes += 1
        if n_planes == 2:
            stop.set()
        return tile_figures(*given)

    monkeypatch.setattr(residuals, "tile_figures", stopped_in_the_second)
    check = run(residual_job(header(), image, split, stop=stop))
    assert n_planes == 2
    assert check.figures.n_pixels == SIZE**2
    assert np.isfinite(check.residual.data[0]).all()
    assert np.isnan(check.residual.data[1]).all()
    assert check.verdict.grade == "good"


def test_what_structures_contribute_explains_a_mixture_within_the_range():
    clean = phantom((SIZE, SIZE), seed=1)
    contributed = clean * np.float32([0.7, 1.2])[:, None, None]
    image = noisy(clean, (0.35, 0.6))
    split = known(contributed, samples=contributed[None])
    check = run(residual_job(header(alpha_low=0.5, alpha_high=1.5), image, split))
    assert check.figures.variance == pytest.approx(1, abs=0.1)
    assert check.figures.bias < 0.1


def test_the_offset_of_the_mix_is_no_residual():
    clean = phantom((SIZE, SIZE), seed=1)
    image, split = noisy(clean), known(clean, samples=clean[None])
    lower = Image(image.data - 300, "YX", name="cells")
    check = run(residual_job(header(offset=-300), lower, split))
    plain = run(residual_job(header(), image, split))
    np.testing.assert_allclose(check.residual.data, plain.residual.data, atol=1e-3)


def test_sizes_that_differ_and_models_without_noise_models_are_refused():
    clean = phantom((64, 64), seed=1)
    with pytest.raises(ImageError, match="split of this image"):
        run(residual_job(header(), noisy(clean), known(clean[:, :32])))
    bare = header().model_copy(update={"noise_models": None})
    with pytest.raises(ModelFileError, match="no noise models"):
        run(residual_job(bare, noisy(clean), known(clean)))


def test_a_trained_model_is_checked_and_keeps_its_reference(fields, settings):
    model = run(train_job(fields, settings)).model
    images = [Image(superpose(field, (0.5, 0.5)), "YX") for field in fields.fields]
    reference = run(reference_job(model, images, SplitSettings(device="cpu")))
    kept = with_reference(model, reference)
    assert reference_of(kept.header) == reference
    small = SplitSettings(n_samples=2, device="cpu")
    split, check = run(trust_job(kept, images[0], small))
    assert check.residual.shape == images[0].shape
    assert check.figures.n_samples == split.n_samples == 2
    assert check.verdict.figures["distance in variance"] == pytest.approx(0, abs=2)
    assert len(reference.round_trip.errors) == len(check.round_trip.errors) == 2
    assert "expected error of pits" in check.verdict.figures


def test_sums_of_no_plane_are_no_figures():
    with pytest.raises(ValueError, match="no plane"):
        ResidualSums().figures()


@pytest.fixture
def quick_training():
    with training_quickly(measured=True):
        yield


@pytest.fixture(scope="module")
def large_fields():
    """Return fields whose validation blocks are large enough for a reference."""
    clean = np.stack([phantom((320, 320), seed=s) for s in range(2)])
    return TrainingFields(tuple(add_noise(clean, gaussian=0.5, seed=0)), ("a", "b"))


def trained(large_fields, settings, path, on_event=lambda event: None, **kwargs):
    few = settings.model_copy(update={"steps": 2, "validation_fraction": 0.3})
    return run(train_job(large_fields, few, path=path, **kwargs), on_event)


def besides_training(result):
    """Return what is noted but for what a training of two steps says of itself."""
    return [n for n in result.notes if not n.startswith(("Separation: ", "Training: "))]


def test_training_leaves_a_reference_where_validation_blocks_are_large_enough(
    quick_training, large_fields, settings, tmp_path
):
    result = trained(large_fields, settings, tmp_path / "m.denoisplit")
    assert reference_of(result.model.header) is not None
    assert reference_of(read_header(tmp_path / "m.denoisplit")) is not None
    assert not besides_training(result)


def test_a_stop_ends_the_measuring_and_keeps_the_model(
    quick_training, large_fields, settings, tmp_path
):
    stop, said = threading.Event(), []

    def stop_at(event):
        if isinstance(event, Stage):
            said.append(event.text)
            if event.text.startswith("Measuring what"):
                stop.set()

    result = trained(large_fields, settings, tmp_path / "m.denoisplit", stop_at, stop=stop)
    assert reference_of(result.model.header) is None
    assert reference_of(read_header(tmp_path / "m.denoisplit")) is None
    (note,) = besides_training(result)
    assert said[-1] == note
    assert "(it was stopped)" in note
    assert "denoisplit trust m.denoisplit IMAGES --reference" in note


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_stopped_training_has_a_reference_of_a_block_if_there_is_time(
    large_fields, settings, tmp_path, monkeypatch, seconds
):
    monkeypatch.setattr(training, "SECONDS_AFTER_STOP", seconds)
    stop, said = threading.Event(), []

    def stop_at(event):
        if isinstance(event, Stage):
            said.append(event.text)
        if isinstance(event, EpochDone):
            stop.set()

    result = trained(large_fields, settings, tmp_path / "m.denoisplit", stop_at, stop=stop)
    assert result.stopped_early
    known = reference_of(read_header(tmp_path / "m.denoisplit")) is not None
    assert known == bool(seconds)
    assert any("(it was stopped)" in note for note in result.notes) != known
    likeness = likeness_of(read_header(tmp_path / "m.denoisplit"))
    assert (likeness is None) == (training.NOT_LEARNED in result.notes) == (not seconds)
    if known:
        assert likeness.n_tiles < N_TILES
        assert any(text.startswith("Measuring") and text.endswith("of 1 image") for text in said)


@pytest.mark.parametrize(
    "error",
    [
        JobError("Out of memory with the smallest tiles"),
        MemoryError("out of memory"),
        RuntimeError("CUDA out of memory"),
        OSError(28, "No space left on device", "m.denoisplit"),
    ],
)
def test_an_error_of_the_measuring_is_said_and_keeps_the_model(
    quick_training, large_fields, settings, tmp_path, monkeypatch, error
):
    def fail(*_, **__):
        yield Stage("Measuring")
        raise error

    monkeypatch.setattr(training, "reference_job", fail)
    result = trained(large_fields, settings, tmp_path / "m.denoisplit")
    assert read_header(tmp_path / "m.denoisplit").channel_names == ("a", "b")
    (note,) = besides_training(result)
    assert message_of(error).rstrip(".") in note


def test_a_mistake_in_the_measuring_is_not_hidden(
    quick_training, large_fields, settings, tmp_path, monkeypatch
):
    def fail(*_, **__):
        yield Stage("Measuring")
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(training, "reference_job", fail)
    with pytest.raises(RuntimeError, match="shapes"):
        trained(large_fields, settings, tmp_path / "m.denoisplit")
    assert (tmp_path / "m.denoisplit").exists()


def test_another_gain_and_offset_leave_the_same_residual():
    clean = phantom((SIZE, SIZE), seed=1)
    image, taken = noisy(clean), Acquisition(gain=3, offset=50)
    plain = run(residual_job(header(), image, known(clean, samples=clean[None])))
    result = known(3 * clean, samples=3 * clean[None])
    result = replace(result, provenance={"acquisition": taken.model_dump(mode="json")})
    stretched = run(residual_job(header(), Image(3 * image.data + 50, "YX"), result))
    np.testing.assert_allclose(stretched.residual.data, plain.residual.data, atol=1e-3)
    assert stretched.verdict.grade == plain.verdict.grade == "good"


def test_the_verdict_on_the_recording_counts():
    clean = phantom((SIZE, SIZE), seed=1)
    verdict = Verdict(grade="usable", reasons=("It does not look like it.",))
    result = known(clean, samples=clean[None])
    result = replace(result, provenance={"recording": verdict.model_dump(mode="json")})
    check = run(residual_job(header(), noisy(clean), result))
    assert check.verdict.grade == "usable"
    assert check.verdict.reasons == verdict.reasons
