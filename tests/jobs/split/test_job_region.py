"""A part of an image is split as the whole is there."""

from __future__ import annotations

import threading

import dask.array as da
import numpy as np
import pytest
from tests.jobs.split.test_job import collected, model

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import PartDrawn, SampleDrawn, Stage, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.sampling.focus import Focus
from napari_denoisplit.settings import SplitSettings

__all__ = ["model"]

# 48 pixels of context hold the whole field of view of two levels.
SETTINGS = SplitSettings(n_samples=2, keep_samples=2, overlap=48, device="cpu", precision="float32")
DATA = np.random.default_rng(0).normal(100, 20, (2, 181, 250)).astype(np.float32)
SCALE = {"Z": 2.0, "Y": 0.5, "X": 0.25}
STACK = Image(DATA, "ZYX", SCALE, name="slide", origin={"X": 7.0})


@pytest.fixture(scope="module")
def whole(model):
    return run(split_job(model, STACK, SETTINGS))


def assert_part(split, whole, region):
    """Assert that MMSE, sigma and samples are those of a part of the whole."""
    place = (..., *(slice(*span) for span in region.spans(*DATA.shape[-2:])))
    allowed = 1e-4 * float(np.median(whole.sigma.data))
    for part, all_of_it in (
        (split.mmse.data, whole.mmse.data),
        (split.sigma.data, whole.sigma.data),
        (split.samples, whole.samples),
    ):
        np.testing.assert_allclose(part, all_of_it[place], rtol=0, atol=allowed)


PARTS = ["70:120,100:170", "0:9,:", "150:,203:", "64:65,127:128", ":,:"]


@pytest.mark.parametrize(
    ("text", "tile_size"), [(PARTS[0], None), (PARTS[2], None), *((part, 160) for part in PARTS)]
)
def test_a_region_is_that_part_of_the_whole_split(model, whole, text, tile_size):
    region = PlaneRegion.parse(text)
    settings = SETTINGS.model_copy(update={"tile_size": tile_size})
    split, events = collected(split_job(model, STACK, settings, region=region))
    assert_part(split, whole, region)
    last = [event for event in events if isinstance(event, SampleDrawn)][-1]
    np.testing.assert_array_equal(last.mmse, split.mmse.data[:, last.plane[0]])


def test_the_result_knows_where_it_lies_and_what_it_is_a_part_of(model):
    split = run(split_job(model, STACK, SETTINGS, region=PlaneRegion((10, 40), (20, None))))
    assert split.mmse.origin == split.sigma.origin == {"Y": 5.0, "X": 12.0}
    assert split.mmse.pixel_size == SCALE
    assert split.mmse.channel_names == ("actin", "mito")
    assert split.provenance["region"] == "10:40,20:250"


def test_the_whole_of_an_image_that_lies_somewhere_lies_there_too(whole):
    assert whole.mmse.origin == STACK.origin
    assert whole.provenance["region"] is None


def test_only_the_region_and_its_context_are_read(model):
    read = []

    def remember(data, block_info):
        read.append(block_info[0]["chunk-location"])
        return data

    big = da.zeros((512, 512), chunks=16, dtype=np.float32)
    lazy = big.map_blocks(remember, dtype=np.float32, meta=np.zeros((0, 0), "f4"))
    run(split_job(model, Image(lazy, "YX"), SETTINGS, region=PlaneRegion((256, 288), (96, 128))))
    rows, columns = zip(*read, strict=True)
    assert (min(rows) * 16, max(rows) * 16 + 16) == (208, 336)
    assert (min(columns) * 16, max(columns) * 16 + 16) == (48, 176)


def test_a_pixel_that_is_not_finite_matters_only_nearby(model):
    data = DATA[0].copy()
    data[170, 240] = np.nan
    bad = Image(data, "YX", name="dish")
    run(split_job(model, bad, SETTINGS, region=PlaneRegion((0, 40), (0, 40))))
    with pytest.raises(
        ImageError, match=r"'dish' has 1 pixel that is .* rows 100 to 140, columns 150"
    ):
        run(split_job(model, bad, SETTINGS, region=PlaneRegion((100, 140), (150, 220))))


def test_a_region_beyond_the_image_is_refused_before_anything_begins(model):
    job = split_job(model, STACK, SETTINGS, region=PlaneRegion((0, 182), (0, None)))
    with pytest.raises(ImageError, match="181 pixels along Y: choose a part of 0:181"):
        next(job)


def test_tiles_in_view_come_first_in_a_region_too(model):
    settings = SETTINGS.model_copy(update={"tile_size": 128})
    region, view = PlaneRegion((20, 180), (100, 250)), Focus((0,), (150, 160), (230, 240))
    _, events = collected(split_job(model, STACK, settings, focus=lambda: view, region=region))
    first = next(event for event in events if isinstance(event, PartDrawn))
    assert first.y[0] <= 150 - 20 < first.y[1]
    assert first.x[0] <= 230 - 100 < first.x[1]


def test_a_stopped_region_keeps_its_complete_samples(model):
    stop = threading.Event()

    def stop_at_second(event):
        if isinstance(event, SampleDrawn) and event.index == 1:
            stop.set()

    region = PlaneRegion((20, 60), (20, 60))
    more = SETTINGS.model_copy(update={"n_samples": 4})
    job = split_job(model, Image(DATA[0], "YX"), more, stop=stop, region=region)
    assert run(job, stop_at_second).n_samples == 2


def test_a_region_unlike_the_training_data_is_named(model):
    data = np.full((200, 200), 5000, np.float32)
    data[:50] = DATA[0, :50, :200]
    image, region = Image(data, "YX", name="dish"), PlaneRegion((100, 140), (0, 40))
    split, events = collected(split_job(model, image, SETTINGS, region=region))
    (note,) = split.notes
    assert note.startswith("dish, 100:140,0:40,")
    assert Stage(note) in events
