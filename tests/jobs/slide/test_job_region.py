"""A part of an image goes to disk as the whole does there."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from tests.jobs.slide.test_job import SETTINGS, files_of, image, model, pixels

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import BlocksWritten, run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.jobs.preflight import preflight
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.sampling.focus import Focus

__all__ = ["model"]

REGION = PlaneRegion((21, 140), (9, None))
WHOLE = image((2, 150, 100), "ZYX")


def split(model, path, region=REGION, **kwargs):
    return split_to_zarr_job(model, WHOLE, path, SETTINGS, region=region, **kwargs)


@pytest.mark.parametrize("tile_size", [None, 128])
def test_a_region_on_disk_is_that_part_of_the_whole_split(model, tmp_path, tile_size):
    settings = SETTINGS.model_copy(update={"tile_size": tile_size})
    run(split_to_zarr_job(model, WHOLE, tmp_path / "a.zarr", settings, region=REGION))
    whole = run(split_job(model, WHOLE, SETTINGS))
    place = (..., slice(21, 140), slice(9, 100))
    allowed = 1e-4 * float(np.median(whole.sigma.data))
    for name, expected in (
        ("mmse", whole.mmse.data),
        ("sigma", whole.sigma.data),
        ("samples/000", whole.samples[0]),
    ):
        found = pixels(tmp_path / "a.zarr", name)
        np.testing.assert_allclose(found, expected[place], rtol=0, atol=allowed)


def test_the_result_lies_where_the_region_does(model, tmp_path):
    run(split(model, tmp_path / "a.zarr"))
    mmse = read_image(tmp_path / "a.zarr" / "mmse")
    assert mmse.shape == (2, 2, 119, 91)
    assert (mmse.pixel_size, mmse.origin) == (WHOLE.pixel_size, {"Y": 10.5, "X": 4.5})


def test_a_stopped_region_goes_on_and_gives_the_same_bytes(model, tmp_path):
    stop = threading.Event()

    def stop_at_second(event):
        if isinstance(event, BlocksWritten) and 1 in event.numbers:
            stop.set()

    run(split(model, tmp_path / "a.zarr", stop=stop), stop_at_second)
    assert not run(split(model, tmp_path / "a.zarr")).stopped_early
    run(split(model, tmp_path / "b.zarr"))
    assert files_of(tmp_path / "a.zarr") == files_of(tmp_path / "b.zarr")


def test_going_on_with_another_region_is_refused_by_name(model, tmp_path):
    run(split(model, tmp_path / "a.zarr"))
    with pytest.raises(JobError, match=r"region '21:140,9:100' there, '0:64,0:64' here"):
        run(split(model, tmp_path / "a.zarr", PlaneRegion((0, 64), (0, 64))))
    with pytest.raises(JobError, match=r"region '21:140,9:100' there, None here"):
        run(split(model, tmp_path / "a.zarr", None))


def test_blocks_in_view_come_first_in_a_region_too(model, tmp_path):
    written = []

    def note(event):
        if isinstance(event, BlocksWritten):
            written.extend(event.numbers)

    view = Focus((1,), (120, 130), (80, 90))
    run(split(model, tmp_path / "a.zarr", focus=lambda: view), note)
    assert written[0] == 7  # of 2 x 2 blocks a plane, the last of the second


def test_a_region_beyond_the_image_is_refused(model, tmp_path):
    with pytest.raises(ImageError, match="100 pixels along X"):
        run(split(model, tmp_path / "a.zarr", PlaneRegion((0, 10), (0, 101))))
    assert not (tmp_path / "a.zarr").exists()


@pytest.mark.parametrize("on_disk", [False, True])
def test_what_a_region_takes_is_told(model, on_disk):
    whole = preflight(model, WHOLE, SETTINGS, on_disk=on_disk)
    region = PlaneRegion((1, 80), (9, 30))
    part = preflight(model, WHOLE, SETTINGS, on_disk=on_disk, region=region)
    n_bytes = 3 * 2 * 2 * 79 * 21 * 4  # results, structures, planes, pixels
    assert (part.bytes_on_disk if on_disk else part.memory_for_results) == n_bytes
    assert part.n_blocks == (4 if on_disk else 0)
    assert part.memory <= whole.memory
