from __future__ import annotations

import numpy as np
import pytest
import zarr
from numpy.testing import assert_array_equal

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.zarr_folder import open_zarr_folder


def test_samples_of_a_split_are_one_lazy_array(tmp_path, rng):
    samples = rng.normal(size=(3, 2, 8, 9)).astype("f4")
    path, names = tmp_path / "split.zarr", ["mmse", *(f"samples/{k:03d}" for k in range(3))]
    root = zarr.create_group(path, attributes={"ome": {"bioformats2raw.layout": 3}})
    root.create_group("OME", attributes={"ome": {"series": names}})
    for name, pixels in zip(names, [samples.mean(0), *samples], strict=True):
        write_image(tmp_path / "one.zarr", Image(pixels, "CYX", channel_names=("a", "b")))
        (path / name).parent.mkdir(exist_ok=True)
        (tmp_path / "one.zarr").rename(path / name)
    split = open_zarr_folder(path)
    assert (split.axes, split.structures, split.is_lazy) == ("YX", ("a", "b"), True)
    assert_array_equal(split.samples, samples)
    assert_array_equal(split.mmse.data, samples.mean(0))


def test_an_image_of_another_kind_is_refused(tmp_path):
    write_image(tmp_path / "a.zarr", Image(np.ones((4, 5), "f4"), "YX"))
    with pytest.raises(ImageError, match="not a result of a split"):
        open_zarr_folder(tmp_path / "a.zarr")
