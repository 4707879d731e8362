from __future__ import annotations

import numpy as np
import psutil
import pytest
import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.image_file import ImageFile, read_images

PIXELS = np.random.default_rng(0).integers(0, 99, (3, 2, 20, 30), np.uint16)


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / f"{i}.tif" for i in range(8)]
    for i, path in enumerate(paths):
        tifffile.imwrite(path, PIXELS + i, imagej=True, metadata={"axes": "TCYX"})
    return paths


def test_an_unread_image_has_the_pixels_of_its_file_and_keeps_it_closed(files):
    image = ImageFile(files[0]).open_unread()
    assert image.axes == "TCYX"
    np.testing.assert_array_equal(image.data, PIXELS)
    np.testing.assert_array_equal(image.channel(1).data[2, 3:9, 4:], PIXELS[2, 1, 3:9, 4:])
    assert not [f for f in psutil.Process().open_files() if f.path == str(files[0])]


def test_images_that_take_much_of_the_memory_together_are_opened_and_not_read(files, tight):
    size = sum(path.stat().st_size for path in files)
    tight(4 * size)
    assert all(isinstance(image.data, np.ndarray) for image in read_images(files))
    tight(4 * size - 4)
    images = read_images(files)
    assert not any(isinstance(image.data, np.ndarray) for image in images)
    np.testing.assert_array_equal(images[7].data, PIXELS + 7)


def test_all_files_that_cannot_be_used_are_named_before_any_is_read(files, tight):
    tight(0)
    for path in files[1:8]:
        path.write_bytes(path.read_bytes()[:-100])
    files[2].unlink()
    with pytest.raises(
        ImageError, match=r"1\.tif .*2\.tif does not .*5\.tif .*cannot 2 more files"
    ):
        read_images(files)


def test_a_file_that_vanishes_or_changes_is_named_when_it_is_needed(files, tight):
    tight(0)
    gone, changed = read_images(files[:2])
    files[0].unlink()
    tifffile.imwrite(files[1], PIXELS[:1], imagej=True, metadata={"axes": "TCYX"})
    with pytest.raises(ImageError, match=r"0\.tif does not exist"):
        np.asarray(gone.data)
    with pytest.raises(ImageError, match=r"1\.tif is now of .* was of \(3, 2, 20, 30\)"):
        np.asarray(changed.data)
