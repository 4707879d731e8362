from __future__ import annotations

from pathlib import Path

import pytest

from napari_denoisplit.images.zarr.nodes import image_name, is_zarr


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/cells.ome.zarr", "cells"),
        ("data/cells.zarr", "cells"),
        ("data/plate.ome.zarr/A/1/0", "plate_A_1_0"),
        ("data/cells", "cells"),
        ("/data/cells", "cells"),
    ],
)
def test_an_image_is_called_after_its_folder_and_its_place_in_it(path, name):
    assert image_name(Path(path)) == name


def test_a_zarr_folder_is_known_by_its_name_or_its_metadata(tmp_path):
    assert is_zarr(tmp_path / "A.OME.ZARR")
    assert not is_zarr(tmp_path)
    (tmp_path / ".zgroup").touch()
    assert is_zarr(tmp_path)
    assert not is_zarr(tmp_path / "a.tif")
