"""What the public functions say when they are given the wrong thing."""

from __future__ import annotations

import numpy as np
import pytest

import napari_denoisplit as nd


def split_to_folder(model, image):
    return nd.split_to_zarr(model, image, "never.zarr")


@pytest.mark.parametrize("act", [nd.split, nd.preflight, nd.check_split, split_to_folder])
@pytest.mark.parametrize(
    ("image", "way_out"),
    [
        ("cells.tif", "read_image"),
        (np.zeros((8, 9)), r"\(8, 9\).*Image\(array"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_image_is_refused_with_the_way_out(act, image, way_out):
    with pytest.raises(nd.ImageError, match=way_out):
        act("model.denoisplit", image)


@pytest.mark.parametrize("act", [nd.split, nd.preflight, nd.check_split])
def test_the_name_of_a_model_may_be_text(act, tmp_path):
    image = nd.Image(np.zeros((8, 9)), "YX")
    with pytest.raises(nd.ModelFileError, match=r"missing\.denoisplit cannot be opened"):
        act(f"{tmp_path}/missing.denoisplit", image)


def test_a_model_file_is_read_by_text_as_by_path(tmp_path):
    with pytest.raises(nd.ModelFileError, match="cannot be opened"):
        nd.load_model(f"{tmp_path}/missing.denoisplit")


def test_arrays_are_neither_written_nor_trained_on_without_their_axes(tmp_path):
    array = np.zeros((2, 8, 9), "f4")
    with pytest.raises(nd.ImageError, match=r"Image\(array"):
        nd.write_image(tmp_path / "a.tif", array)
    with pytest.raises(nd.ImageError, match=r"Image\(array"):
        nd.TrainingFields.from_images([array])


def test_a_single_image_need_not_be_a_list(rng):
    image = nd.Image(rng.normal(size=(2, 8, 9)), "CYX", channel_names=("nuclei", "actin"))
    assert nd.TrainingFields.from_images(image).channel_names == ("nuclei", "actin")
