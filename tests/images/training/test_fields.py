from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.separate import fields_of


def image(shape, axes, **kwargs) -> Image:
    data = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    return Image(data, axes, **kwargs)


def test_planes_of_a_channel_image_are_fields():
    stack = image((3, 2, 4, 5, 6), "TCZYX", channel_names=("actin", "mito"))
    fields = TrainingFields.from_images([stack])
    assert len(fields.fields) == 12
    assert fields.channel_names == ("actin", "mito")
    np.testing.assert_array_equal(fields.fields[5], stack.data[1, :, 1])


def test_one_stack_per_channel_gives_the_same_fields_as_one_image_with_channels():
    both = image((3, 2, 5, 6), "TCYX")
    apart = [Image(both.data[:, c], "TYX", name=f"channel {c + 1}") for c in range(2)]
    a, b = TrainingFields.from_images([both]), TrainingFields.from_images(apart)
    for x, y in zip(a.fields, b.fields, strict=True):
        np.testing.assert_array_equal(x, y)
    assert a.channel_names == b.channel_names


def test_several_images_may_differ_in_size():
    fields = TrainingFields.from_images([image((2, 5, 6), "CYX"), image((2, 7, 8), "CYX")])
    assert [f.shape for f in fields.fields] == [(2, 5, 6), (2, 7, 8)]


def test_images_larger_than_memory_are_not_read():
    huge = zarr.create_array({}, shape=(9000, 30_000, 30_000), chunks=(1, 512, 512), dtype="u2")
    pair = [Image(huge, "TYX", name=name) for name in ("nuclei", "actin")]
    fields = TrainingFields.from_images(pair)
    assert fields.is_unread
    assert {field.shape for field in fields.fields} == {(2, 30_000, 30_000)}


def test_equal_names_are_numbered():
    pair = [image((5, 6), "YX", name="cell"), image((5, 6), "YX", name="cell")]
    assert TrainingFields.from_images(pair).channel_names == ("cell 1", "cell 2")


def test_sources_change_with_the_pixels():
    one = image((2, 5, 6), "CYX")
    other = Image(one.data + 1, "CYX")
    sources = {TrainingFields.from_images([i]).sources for i in (one, other, one)}
    assert len(sources) == 2


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([], "no image"),
        ([image((5, 6), "YX", name="a"), image((5, 7), "YX", name="b")], "differ in size"),
        ([image((2, 5, 6), "CYX"), image((5, 6), "YX")], "Some images have a channel axis"),
        ([image((2, 5, 6), "CYX"), image((3, 5, 6), "CYX")], "differ in their number"),
    ],
)
def test_images_that_do_not_belong_together_are_refused(images, message):
    with pytest.raises(ImageError, match=message):
        TrainingFields.from_images(images)


def test_one_to_sixteen_channels_are_taken():
    alone = TrainingFields.from_images(image((3, 5, 6), "ZYX", name="actin"))
    assert alone.channel_names == ("actin",)
    assert [field.shape for field in alone.fields] == [(1, 5, 6)] * 3
    many = image((17, 5, 6), "CYX")
    with pytest.raises(ImageError, match="1 to 16 channels, 17 found"):
        TrainingFields.from_images(many)


def test_the_same_channels_in_another_order_are_refused():
    names = [("actin", "mito"), ("mito", "actin"), ("phalloidin", "tom20")]
    first, swapped, other = (image((2, 5, 6), "CYX", channel_names=pair) for pair in names)
    with pytest.raises(ImageError, match=r"another order \(mito, actin\)"):
        TrainingFields.from_images([first, swapped])
    assert TrainingFields.from_images([first, other]).channel_names == ("actin", "mito")


def test_pixels_that_are_not_finite_are_counted():
    bad = np.ones((2, 5, 6), np.float32)
    bad[0, 0, :3] = np.nan
    with pytest.raises(ImageError, match="3 pixels that are NaN"):
        TrainingFields((bad,), ("a", "b"))


@pytest.mark.parametrize("gathered", [TrainingFields.from_images, fields_of])
def test_of_several_images_the_one_with_pixels_that_are_no_numbers_is_named(gathered):
    good, bad = (Image(np.ones((2, 40, 40), np.float32), "CYX", name=n) for n in ("one", "two"))
    bad.data[1, 3, 4] = np.inf
    with pytest.raises(ImageError, match=r"^two has 1 pixel that is NaN or infinite"):
        gathered([good, bad])
    alone = [image.channel(1) for image in (good, bad)]
    with pytest.raises(ImageError, match=r"^two has 1 pixel that"):
        gathered([[alone[0]], [alone[1]]])


def test_clean_images_must_match():
    noisy = np.ones((2, 5, 6), np.float32)
    with pytest.raises(ImageError, match="clean"):
        TrainingFields((noisy,), ("a", "b"), clean=(noisy[:, :4],))


def test_a_t_axis_of_repeats_is_counted():
    stack = image((4, 2, 5, 6), "TCYX")
    assert TrainingFields.from_images([stack, stack], t_is_repeats=True).repeats == 4
    assert TrainingFields.from_images([stack, stack]).repeats == 1


@pytest.mark.parametrize(("shape", "axes"), [((2, 5, 6), "CYX"), ((3, 2, 4, 5, 6), "TCZYX")])
def test_repeats_need_a_t_axis_and_no_z(shape, axes):
    with pytest.raises(ImageError, match="T axis"):
        TrainingFields.from_images([image(shape, axes)], t_is_repeats=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float64])
def test_any_kind_of_number_becomes_float32(dtype):
    pixels = np.arange(60).reshape(2, 5, 6).astype(dtype)
    fields = TrainingFields((pixels,), ("a", "b"), clean=(pixels,))
    assert fields.fields[0].dtype == fields.clean[0].dtype == np.float32
    np.testing.assert_array_equal(fields.fields[0], pixels)


def test_recorded_superpositions_lie_beside_their_fields():
    stack = image((3, 2, 5, 6), "TCYX")
    recorded = image((3, 5, 6), "TYX")
    fields = TrainingFields.from_images([stack], superpositions=recorded)
    np.testing.assert_array_equal(np.stack(fields.superpositions), recorded.data)


@pytest.mark.parametrize(
    ("recorded", "message"),
    [
        (image((2, 5, 6), "TYX"), r"TYX \(2, 5, 6\)\) have 2 planes, and the channels 1 fields"),
        (image((5, 7), "YX"), r"YX \(5, 7\)\) have 1 planes, and the channels 1 fields of 5x6"),
        (image((2, 5, 6), "CYX", name="both"), "'both' has 2 channels: choose the one"),
        (
            Image(np.full((5, 6), np.nan, "f4"), "YX", name="dish"),
            "^dish has 30 pixels",
        ),
    ],
)
def test_recorded_superpositions_that_do_not_fit_are_refused(recorded, message):
    with pytest.raises(ImageError, match=message):
        TrainingFields.from_images([image((2, 5, 6), "CYX")], superpositions=recorded)
