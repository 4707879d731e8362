from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.zarr.layout import OmeZarrLayout
from napari_denoisplit.images.zarr.writer import OmeZarrWriter

SHAPE = {"T": 2, "C": 3, "Z": 2, "Y": 1100, "X": 700}
SMALL = {"chunk": 128, "shard": 256}


def pixels(axes: str, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=[SHAPE[a] for a in axes]).astype("f4")


def write_all(writer: OmeZarrWriter, image: np.ndarray) -> None:
    for region in writer.regions:
        writer.write(region, image[region.slices])


def files_of(path: Path) -> dict[str, bytes]:
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def test_a_region_is_done_as_soon_as_it_is_written(tmp_path, rng):
    image = pixels("TCYX", rng)
    writer = OmeZarrWriter.create(
        tmp_path / "a.zarr", OmeZarrLayout(shape=image.shape, axes="TCYX", **SMALL)
    )
    assert len(writer.regions) == 2 * 5 * 3
    first = writer.regions[7]
    assert not writer.done(first)
    writer.write(first, image[first.slices])
    assert writer.done(first)
    assert len(writer.missing()) == len(writer.regions) - 1


def test_a_run_that_is_taken_up_again_makes_the_same_files(tmp_path, rng):
    image = pixels("CYX", rng)
    once = OmeZarrWriter.create(
        tmp_path / "once/a.zarr", OmeZarrLayout(shape=image.shape, axes="CYX", **SMALL)
    )
    write_all(once, image)
    once.finish()
    other = tmp_path / "other/a.zarr"
    begun = OmeZarrWriter.create(other, OmeZarrLayout(shape=image.shape, axes="CYX", **SMALL))
    for region in list(begun.regions)[::2]:
        begun.write(region, image[region.slices])
    again = OmeZarrWriter.resume(other)
    with pytest.raises(ImageError, match="8 of 15 regions"):
        again.finish()
    for region in again.missing():
        again.write(region, image[region.slices])
    next(again.finishing())
    OmeZarrWriter.resume(other).finish()
    assert files_of(other) == files_of(once.path)


def test_an_empty_region_counts_as_written(tmp_path):
    writer = OmeZarrWriter.create(
        tmp_path / "a.zarr", OmeZarrLayout(shape=(9, 9), axes="YX", dtype="u2")
    )
    writer.write(writer.regions[0], np.zeros((9, 9), "u2"))
    assert writer.done(writer.regions[0])


def test_a_write_that_is_cut_off_leaves_nothing_that_looks_complete(tmp_path, monkeypatch):
    writer = OmeZarrWriter.create(tmp_path / "a.zarr", OmeZarrLayout(shape=(99, 99), axes="YX"))
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", lambda *_: os.stat(tmp_path / "killed"))
        # Nor is anything tidied up by a process that is killed.
        patch.setattr("pathlib.Path.unlink", lambda *_, **__: None)
        with pytest.raises(ImageError, match="What was written before is kept"):
            writer.write(writer.regions[0], np.ones((99, 99), "f4"))
    assert list(tmp_path.rglob("*.partial"))
    again = OmeZarrWriter.resume(writer.path)
    assert not again.done(again.regions[0])
    again.write(again.regions[0], np.ones((99, 99), "f4"))
    again.finish()
    assert not list(tmp_path.rglob("*.partial"))


def test_what_is_there_is_not_overwritten_unasked(tmp_path):
    OmeZarrWriter.create(tmp_path / "a.zarr", OmeZarrLayout(shape=(9, 9), axes="YX"))
    with pytest.raises(ImageError, match="exists already"):
        OmeZarrWriter.create(tmp_path / "a.zarr", OmeZarrLayout(shape=(9, 9), axes="YX"))
    OmeZarrWriter.create(
        tmp_path / "a.zarr", OmeZarrLayout(shape=(7, 7), axes="YX"), overwrite=True
    )
    assert OmeZarrWriter.resume(tmp_path / "a.zarr").shape == (7, 7)


def test_a_folder_of_something_else_is_never_removed(tmp_path):
    (tmp_path / "thesis").mkdir()
    with pytest.raises(ImageError, match="not a Zarr folder"):
        OmeZarrWriter.create(
            tmp_path / "thesis", OmeZarrLayout(shape=(9, 9), axes="YX"), overwrite=True
        )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis"]


@pytest.mark.parametrize("made", [lambda path: None, Path.mkdir, Path.touch])
def test_what_was_not_begun_here_cannot_be_taken_up(tmp_path, made):
    path = tmp_path / "a.zarr"
    made(path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ImageError, match="not an OME-Zarr image that was begun here"):
        OmeZarrWriter.resume(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_pixels_of_another_shape_than_the_region_are_refused(tmp_path):
    writer = OmeZarrWriter.create(tmp_path / "a.zarr", OmeZarrLayout(shape=(2, 9, 9), axes="CYX"))
    with pytest.raises(ValueError, match="the region"):
        writer.write(writer.regions[0], np.zeros((9, 9), "f4"))


@pytest.mark.parametrize(
    ("axes", "shape"), [("YXC", (4, 5, 2)), ("CTYX", (2, 3, 4, 5)), ("YX", (1, 2, 3)), ("Y", (3,))]
)
def test_axes_that_the_format_does_not_allow_are_refused(tmp_path, axes, shape):
    with pytest.raises(ImageError, match="in the order of TCZYX"):
        OmeZarrWriter.create(tmp_path / "a.zarr", OmeZarrLayout(shape=shape, axes=axes))
    assert not list(tmp_path.iterdir())


def test_without_shards_a_region_is_done_when_all_its_files_are_there(tmp_path):
    path = tmp_path / "a.zarr"
    writer = OmeZarrWriter.create(
        path, OmeZarrLayout(shape=(2, 90, 90), axes="CYX", chunk=64, shard=None)
    )
    region = writer.regions[0]
    writer.write(region, np.ones(region.shape, "f4"))
    assert (len(writer.regions), writer.done(region)) == (4, True)
    (path / "0/c/1/0/0").unlink()
    assert not writer.done(region)
