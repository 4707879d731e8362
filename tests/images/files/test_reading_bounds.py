"""Files that claim more than they hold, and files that are none."""

from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest
import tifffile

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import DenoisplitError, ImageError
from napari_denoisplit.images.files.image_file import read_images
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.noise.files.noise_file import read_noise_model


@pytest.mark.parametrize("claim", ["99999999", " 99999999 ", "99_999_999", "&#57;9999999"])
@pytest.mark.parametrize("name", ["SizeT", "PlaneCount"])
def test_every_way_to_write_a_number_is_bounded(tmp_path, name, claim):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 64, 64), np.uint16), metadata={"axes": "TYX"})
    header = tifffile.tiffcomment(path)
    assert header.count(f'{name}="2"') == 1
    tifffile.tiffcomment(path, header.replace(f'{name}="2"', f'{name}="{claim}"').encode())
    with pytest.raises(ImageError, match="more than can be true"):
        read_image(path)


@pytest.mark.parametrize("axis", ["T", "Z", "C"])
@pytest.mark.parametrize("read", [read_image, lambda path: read_images([path])])
def test_planes_that_no_file_has_are_refused_before_they_are_listed(tmp_path, axis, read):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, np.zeros((2, 64, 64), np.uint16), metadata={"axes": f"{axis}YX"})
    data = path.read_bytes()
    claimed = data.replace(f'Size{axis}="2"'.encode(), f'Size{axis}="99999999"'.encode())
    comment = tifffile.tiffcomment(path).replace(f'Size{axis}="2"', f'Size{axis}="99999999"')
    assert claimed != data
    tifffile.tiffcomment(path, comment.encode())
    with pytest.raises(ImageError, match="more than can be true"):
        read(path)


@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize(("n_pages", "back_to"), [(1, 0), (3, 0), (3, 2), (150, 0), (150, 149)])
def test_pages_that_follow_each_other_in_a_circle_are_refused(tmp_path, n_pages, back_to, bigtiff):
    path = tmp_path / "a.tif"
    for n in range(n_pages):  # pages of different sizes, which are looked at one by one
        tifffile.imwrite(
            path, np.zeros((8, 8 + n % 2), np.uint16), append=n > 0, metadata=None, bigtiff=bigtiff
        )
    with tifffile.TiffFile(path) as file:
        again, last = file.pages[back_to].offset, file.pages.next_page_offset
    with path.open("r+b") as file:
        file.seek(last)
        file.write(again.to_bytes(8 if bigtiff else 4, sys.byteorder))
    with pytest.raises(ImageError, match=rf"a\.tif is damaged: after {n_pages} pages .* once more"):
        read_image(path, series=0)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.tif", read_image),
        ("m.denoisplit", load_model),
        *((f"n.{kind}", read_noise_model) for kind in ("npz", "npy", "json")),
    ],
)
def test_nobody_waits_for_a_pipe(tmp_path, name, read):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DenoisplitError, match="is a pipe or a device"):
        read(tmp_path / name)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names are of Unix")
def test_nobody_waits_for_a_chunk_that_is_a_pipe(tmp_path, shared_data):
    folder = tmp_path / "a.zarr"
    shutil.copytree(shared_data / "interop" / "tiffs" / "derived" / "ome_zarr_v04_cyx.zarr", folder)
    (folder / "0" / "0" / "0" / "0").unlink()
    os.mkfifo(folder / "0" / "0" / "0" / "0")
    with pytest.raises(ImageError, match="is a pipe or a device"):
        np.asarray(read_image(folder).data)


def test_a_tile_that_asks_for_all_memory_is_told(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint16), compression="zlib")

    def greedy(*_, **__):
        raise MemoryError

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", greedy)
    with pytest.raises(ImageError, match="more memory than there is"):
        read_image(path)
