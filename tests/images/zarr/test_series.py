from __future__ import annotations

import numpy as np
import pytest
import zarr

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image


def group(path, **ome) -> None:
    zarr.open_group(path, mode="a").attrs.update({"ome": {"version": "0.5", **ome}})


def image(path, value: float) -> None:
    write_image(path.with_name("made.zarr"), Image(np.full((4, 5), value, "f4"), "YX"))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_name("made.zarr").rename(path)


def test_a_plate_is_refused_with_its_wells_and_the_path_of_a_field(tmp_path):
    path = tmp_path / "plate.ome.zarr"
    group(path, plate={"wells": [{"path": "A/1"}, {"path": "B/3"}]})
    group(path / "A/1", well={"images": [{"path": "0"}, {"path": "1"}]})
    for number in range(2):
        image(path / f"A/1/{number}", number)
    with pytest.raises(ImageError, match=r"2 wells \(A/1, B/3\).*plate\.ome\.zarr/A/1/0"):
        read_image(path)
    with pytest.raises(ImageError, match=r"2 images \(0, 1\): choose one with series=0 to 1"):
        read_image(path / "A/1")
    assert read_image(path / "A/1", series=1).data[0, 0] == 1
    assert read_image(path / "A/1/1").name == "plate_A_1_1"


@pytest.mark.parametrize("listed", [True, False])
def test_of_a_series_one_image_is_chosen(tmp_path, listed):
    path = tmp_path / "a.zarr"
    group(path, **{"bioformats2raw.layout": 3})
    for number in range(3):
        image(path / str(number), number)
    if listed:
        group(path / "OME", series=["2", "0"])
    with pytest.raises(ImageError, match=f"{2 if listed else 3} images"):
        read_image(path)
    assert read_image(path, series=0).data[0, 0] == (2 if listed else 0)
    with pytest.raises(ImageError, match="no image 7"):
        read_image(path, series=7)


def test_a_series_of_one_is_an_image(tmp_path):
    group(tmp_path / "a.zarr", **{"bioformats2raw.layout": 3})
    image(tmp_path / "a.zarr/0", 5)
    assert read_image(tmp_path / "a.zarr").data[0, 0] == 5


def test_labels_are_no_intensities(tmp_path):
    group(tmp_path / "a.zarr/labels", labels=["cells"])
    with pytest.raises(ImageError, match=r"group of labels \(cells\)"):
        read_image(tmp_path / "a.zarr/labels")
    group(tmp_path / "a.zarr/labels/cells", **{"image-label": {}, "multiscales": [{}]})
    with pytest.raises(ImageError, match="numbers of objects"):
        read_image(tmp_path / "a.zarr/labels/cells")


def test_of_a_group_of_plain_arrays_their_names_are_told(tmp_path):
    zarr.create_array(tmp_path / "a.zarr", name="raw", shape=(3, 4), dtype="u2")
    with pytest.raises(ImageError, match=r"it holds raw \[3, 4\].*a\.zarr/raw"):
        read_image(tmp_path / "a.zarr")
