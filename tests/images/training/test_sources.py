from __future__ import annotations

from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.sources import same_content, source_line, source_name


def test_an_image_is_recognized_under_another_name_and_told_from_one_that_differs_in_a_pixel(rng):
    pixels = rng.normal(size=(2, 8, 9)).astype("f4")
    line = source_line(Image(pixels, "CYX", name="day 1"))
    assert source_name(line) == "day 1 CYX (2, 8, 9)"
    renamed = source_line(Image(pixels.copy(), "CYX", name="field A"))
    pixels[1, 3, 4] += 1
    changed = source_line(Image(pixels, "CYX", name="day 1"))
    assert same_content([renamed, changed], [line]) == [renamed]


def test_names_without_a_hash_tell_images_apart():
    assert same_content(["dish 1", "dish 2"], ["dish 2"]) == ["dish 2"]
