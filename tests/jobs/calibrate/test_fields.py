from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_denoisplit.checkpoint import ModelHeader
from napari_denoisplit.errors import CalibrationError, ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.partition import Region
from napari_denoisplit.jobs.calibrate.fields import (
    CONTEXT,
    GAP,
    cut,
    kept_aside,
    limited,
    make_fields,
    superposed_planes,
)
from napari_denoisplit.settings import LadderSettings, MixSettings

BLOCK = {"field": 0, "y0": 64, "y1": 128, "x0": 96, "x1": 160}
OTHER = BLOCK | {"y0": 0, "y1": 32}


def images(rng, n=1, clean=False, **kwargs) -> TrainingFields:
    fields = tuple(rng.normal(100, 10, (2, 192, 256)).astype("f4") for _ in range(n))
    sources = tuple(f"dish {i}" for i in range(n))
    return TrainingFields(fields, ("a", "b"), sources, **kwargs)


def header(**provenance) -> ModelHeader:
    return ModelHeader(
        network=LadderSettings(n_levels=1, n_filters=4, n_latents=2),
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("a", "b"),
        provenance=provenance,
    )


def test_no_pixel_is_fitted_to_and_reported_on_nor_is_its_neighbour(rng):
    (field,) = make_fields(images(rng), MixSettings())
    assert field.kind == "noisy"
    np.testing.assert_allclose(field.superposition, field.target.mean(axis=0), rtol=1e-6)
    near_fit = ndimage.binary_dilation(field.fit, np.ones((3, 3)), iterations=2 * GAP - 1)
    assert not (near_fit & field.report).any()
    for part in (field.fit, field.report):
        assert 0.2 < part.mean() < 0.5


def test_channels_are_mixed_as_the_model_was_trained(rng):
    given = images(rng)
    (field,) = make_fields(given, MixSettings(weights=(0.5, 2.0), offset=-7.0))
    expected = 0.5 * given.fields[0][0] + 2 * given.fields[0][1] - 7
    np.testing.assert_allclose(field.superposition, expected, rtol=1e-5, atol=1e-4)


def test_one_exposure_is_compared_with_the_next_of_its_place(rng):
    four = images(rng, n=4, repeats=2)
    fields = make_fields(four, MixSettings())
    assert {field.kind for field in fields} == {"second_exposure"}
    for field, partner in zip(fields, (1, 0, 3, 2), strict=True):
        assert field.target is four.fields[partner]


def test_recorded_superpositions_take_the_place_of_mixed_ones(rng):
    two = images(rng, n=2)
    stack = Image(rng.normal(size=(2, 192, 256)), "TYX")
    fields = make_fields(two, MixSettings(), superposed_planes([stack]))
    assert [field.kind for field in fields] == ["second_exposure"] * 2
    np.testing.assert_allclose(fields[1].superposition, stack.data[1], rtol=1e-6)
    with pytest.raises(ImageError, match="same fields"):
        make_fields(two, MixSettings(), [stack.data[0]])


def test_clean_images_are_brought_to_the_scale_of_the_noisy_ones(rng):
    signal = ndimage.gaussian_filter(rng.normal(size=(2, 192, 256)), (0, 4, 4)) * 1000
    noisy = (signal + rng.normal(0, 5, signal.shape)).astype("f4")
    clean = (2 * signal + 300).astype("f4")
    (field,) = make_fields(TrainingFields((noisy,), ("a", "b"), clean=(clean,)), MixSettings())
    assert field.kind == "clean"
    assert np.abs(field.target - signal).max() < 5
    assert len(field.notes) == 2
    assert "0.5 x clean" in field.notes[0]


def test_a_channel_that_is_the_same_everywhere_is_refused_by_name(rng):
    (noisy,) = images(rng).fields
    clean = noisy.copy()
    clean[1] = 5
    with pytest.raises(ImageError, match=r"clean image of b is the same everywhere \(5 grey"):
        make_fields(TrainingFields((noisy,), ("a", "b"), clean=(clean,)), MixSettings())
    both = TrainingFields((noisy, noisy), ("a", "b"), clean=(clean, noisy))
    assert len(make_fields(both, MixSettings())) == 2  # a structure may be missing in one field


def test_images_that_a_model_has_not_seen_are_used_whole(rng):
    assert kept_aside(images(rng), header(sources=["another dish"], validation=[BLOCK])) == ()


def test_of_training_images_only_the_parts_kept_aside_are_used(rng):
    (region, role), (_, other) = kept_aside(
        images(rng), header(sources=["dish 0"], validation=[BLOCK], test=[OTHER])
    )
    assert (role, other) == ("fit", "report")
    (whole,) = make_fields(images(rng), MixSettings())
    part = cut(whole, region, role)
    assert part.superposition.shape == (64 + 2 * CONTEXT, 64 + 2 * CONTEXT)
    assert part.fit.sum() == 64 * 64
    assert not part.report.any()
    np.testing.assert_array_equal(part.superposition[part.fit][0], whole.superposition[64, 96])


def test_some_of_the_training_images_are_refused(rng):
    trained = header(sources=["dish 0", "dish 1"], validation=[BLOCK])
    with pytest.raises(CalibrationError, match="trained on dish 0"):
        kept_aside(images(rng), trained)


def test_a_region_to_report_on_is_left_however_few_pixels_are_wanted(rng):
    (field,) = make_fields(images(rng), MixSettings())
    regions = [cut(field, Region(**BLOCK), role) for role in ("fit", "fit", "report")]
    few = limited(regions, 1000)
    assert any(f.fit.any() for f in few)
    assert any(f.report.any() for f in few)


def test_many_pixels_are_limited_evenly(rng):
    fields = make_fields(images(rng, n=6), MixSettings())
    few = limited(fields, 3 * 192 * 256)
    assert [any(np.array_equal(f.target, g.target) for g in few) for f in fields] == [
        True,
        False,
        True,
        False,
        False,
        True,
    ]
    (small,) = limited(fields[:1], 100 * 100)
    assert small.superposition.shape == (100, 100)
