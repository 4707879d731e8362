from __future__ import annotations

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.separate import SeparateFields, fields_of
from napari_denoisplit.settings import MixSettings


def image(rng, shape, level=0.0, name="image") -> Image:
    data = (level + rng.normal(size=shape)).astype("f4")
    return Image(data, "CTYX"[-len(shape) :] if len(shape) < 4 else "TCYX", name=name)


@pytest.fixture
def separate(rng):
    """Three fields of nuclei, one larger field of actin."""
    nuclei = [image(rng, (2, 96, 96), 10), image(rng, (80, 128), 10)]
    return SeparateFields.from_images({"nuclei": nuclei, "actin": image(rng, (160, 192), 90)})


def test_fields_of_every_structure_keep_their_number_and_size(separate):
    assert separate.channel_names == ("nuclei", "actin")
    shapes = [field.shape for field in separate.fields]
    assert shapes == [(1, 96, 96), (1, 96, 96), (1, 80, 128), (1, 160, 192)]
    assert separate.shows == (0, 0, 0, 1)
    assert len(separate.sources) == 3


def parts_of(separate):
    return separate.partition(patch_size=32, validation_fraction=0.1, test_fraction=0.1)


def test_of_each_field_pixels_are_set_aside_for_validation_and_test(separate):
    parts = parts_of(separate)
    assert [r.field for r in parts.validation] == [r.field for r in parts.test] == [0, 1, 2, 3]
    for region in (*parts.validation, *parts.test):
        assert not region.of(parts.train).any()


def test_statistics_of_the_superposition_are_those_of_independent_structures(separate):
    everywhere = [np.ones(field.shape[1:], bool) for field in separate.fields]
    found = separate.normalization(everywhere, MixSettings(weights=(0.5, 2.0), offset=-7.0))
    assert found.channel_means == pytest.approx((10, 90), abs=0.1)
    assert found.input_mean == pytest.approx(0.5 * 10 + 2 * 90 - 7, abs=0.2)
    assert found.input_std == pytest.approx((0.25 + 4) ** 0.5, rel=0.05)


def test_blocks_show_every_structure_at_the_smallest_size(separate):
    blocks = separate.blocks(parts_of(separate).validation)
    assert len(blocks) == 3
    for block in blocks:
        assert len(block) == 2
        assert block.mean(axis=(1, 2)) == pytest.approx((10, 90), abs=0.5)
    assert separate.blocks(parts_of(separate).validation, clean=True) is None


def test_images_that_cannot_show_the_same_fields_are_taken_apart(rng):
    nuclei, actin = image(rng, (96, 96), name="nuclei"), image(rng, (2, 96, 96), name="actin")
    found = fields_of([nuclei, actin])
    assert isinstance(found, SeparateFields)
    assert found.channel_names == ("nuclei", "actin")
    alike = fields_of([nuclei, image(rng, (96, 96), name="actin")])
    assert isinstance(alike, TrainingFields)


def test_lists_of_images_that_agree_one_by_one_show_the_same_fields(rng):
    pairs = [[image(rng, (64, 64)), image(rng, (48, 80))] for _ in range(2)]
    found = fields_of(pairs)
    assert [field.shape for field in found.fields] == [(2, 64, 64), (2, 48, 80)]
    np.testing.assert_array_equal(found.fields[1][1], pairs[1][1].data)


def test_recorded_superpositions_and_separate_fields_are_refused(rng):
    given = [image(rng, (96, 96), name="nuclei"), image(rng, (64, 96), name="actin")]
    with pytest.raises(ImageError, match="the planes of nuclei and actin differ in number or size"):
        fields_of(given, superpositions=[image(rng, (96, 96))])


def test_clean_images_must_be_of_every_structure(rng):
    given = [image(rng, (96, 96), name="nuclei"), image(rng, (64, 96), name="actin")]
    with pytest.raises(ImageError, match="1 clean images for 2 structures"):
        fields_of(given, given[:1])


def test_a_structure_of_several_channels_is_refused_by_name(rng):
    both = Image(rng.normal(size=(2, 64, 64)).astype("f4"), "CYX", name="both")
    with pytest.raises(ImageError, match="'both', an image of actin, has 2 channels"):
        SeparateFields.from_images({"nuclei": image(rng, (64, 64)), "actin": both})


def test_one_structure_is_not_separate(rng):
    with pytest.raises(ImageError, match="take TrainingFields"):
        SeparateFields.from_images({"nuclei": image(rng, (64, 64))})
