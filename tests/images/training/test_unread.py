from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.partition import Region
from napari_denoisplit.images.training.unread import UnreadField, planes_of

PART = Region(0, 1, 4, 2, 6)


def image(axes: str, shape: tuple[int, ...], seed: int = 0) -> Image:
    return Image(np.random.default_rng(seed).integers(0, 99, shape, np.uint16), axes)


@pytest.mark.parametrize(
    ("axes", "shape"), [("TCZYX", (3, 2, 4, 5, 6)), ("ZTYX", (3, 2, 5, 6)), ("CYX", (2, 5, 6))]
)
def test_a_part_of_an_unread_field_is_that_of_the_field_in_memory(axes, shape):
    one = image(axes, shape)
    unread = [UnreadField([plane]) for plane in planes_of(one)]
    for cut, field in zip(unread, one.fields(), strict=True):
        assert cut.shape == field.shape
        np.testing.assert_array_equal(PART.of([cut]), PART.of([field]))
        assert PART.of([cut]).dtype == np.float32


def test_images_that_memory_does_not_hold_give_the_same_fields_unread(tight):
    channels = [image("TYX", (3, 5, 6), seed) for seed in range(2)]
    recorded, clean = image("TYX", (3, 5, 6), 2), [image("TYX", (3, 5, 6), s) for s in (3, 4)]
    held = TrainingFields.from_images(channels, clean, superpositions=recorded)
    tight(0)
    unread = TrainingFields.from_images(channels, clean, superpositions=recorded)
    assert unread.is_unread
    assert not held.is_unread
    regions = [Region(i, 0, 5, 0, 6) for i in range(3)]
    read = unread.cut(regions)
    for name in ("fields", "clean", "superpositions"):
        np.testing.assert_array_equal(getattr(read, name), getattr(held, name))


def test_what_needs_all_at_once_refuses_unread_fields(tight):
    tight(1000)
    fields = TrainingFields.from_images([image("CYX", (2, 50, 60))])
    with pytest.raises(ImageError, match=r"take up to .* of memory \(8 bytes .*take fewer"):
        fields.held()


def test_pixels_that_are_not_finite_are_found_when_they_are_read():
    pixels = np.zeros((5, 6), np.float32)
    pixels[2, 3] = np.nan
    field = UnreadField(list(planes_of(Image(pixels, "YX", name="cells"))))
    assert not Region(0, 0, 2, 0, 6).of([field]).any()
    with pytest.raises(ImageError, match="cells holds pixels that are NaN"):
        PART.of([field])


def test_a_zarr_folder_that_vanishes_is_named_and_not_taken_for_darkness(tmp_path):
    path = tmp_path / "cells.ome.zarr"
    write_image(path, image("YX", (5, 6)))
    field = UnreadField(list(planes_of(read_image(path))))
    assert PART.of([field]).any()
    path.rename(tmp_path / "elsewhere.ome.zarr")
    with pytest.raises(ImageError, match=r"cells\.ome\.zarr does not exist any more"):
        PART.of([field])


def test_a_library_that_fails_to_read_ends_in_an_error_of_ours():
    lazy = da.map_blocks(lambda _: 1 // 0, da.zeros((5, 6), chunks=5), dtype="u1", meta=np.empty(0))
    field = UnreadField(list(planes_of(Image(lazy, "YX", name="cells"))))
    with pytest.raises(ImageError, match=r"cells cannot be read \(ZeroDivisionError"):
        PART.of([field])
