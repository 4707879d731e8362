"""What is split where one looks is what a split of the whole image has there."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from tests.sampling.test_blocks import COMPUTE, SETTINGS, model, stack

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.split.input import as_recorded
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.sampling.focus import Focus
from napari_denoisplit.sampling.patchwork import Patchwork
from napari_denoisplit.settings import Acquisition

__all__ = ["model", "stack"]

VIEW = Focus((1,), (70, 120), (100, 170))


def patchwork(model, image, settings=SETTINGS, memory=2**30):
    network = sampler_of(model.network, COMPUTE)
    return Patchwork(network, model.header.normalization, image, settings, memory=memory)


def draw_all(work, view):
    n = 0
    while (step := work.next_step(view)) is not None:
        work.draw(step)
        n += 1
    return n


def expected(split, picture, plane):
    place = (slice(None), *plane, slice(*picture.y), slice(*picture.x))
    return split.mmse.data[place], split.sigma.data[place]


def assert_close(picture, mmse, sigma):
    allowed = 1e-4 * float(np.median(sigma))
    np.testing.assert_allclose(picture.mmse, mmse, rtol=0, atol=allowed)
    np.testing.assert_allclose(picture.spread, sigma, rtol=0, atol=allowed)


@pytest.mark.parametrize("antithetic", [False, True])
@pytest.mark.parametrize(
    "view", [VIEW, Focus((0,), (150, 181), (190, 250)), Focus((1,), (0, 40), (-30, 20))]
)
def test_a_view_shows_what_the_whole_split_has_there(model, stack, view, antithetic):
    settings = SETTINGS.model_copy(update={"antithetic": antithetic})
    work = patchwork(model, stack, settings)
    draw_all(work, view)
    picture = work.picture(view)
    assert picture.n_samples == SETTINGS.n_samples
    assert picture.y[0] <= view.y[0] < view.y[1] <= picture.y[1]
    assert picture.x[0] <= max(0, view.x[0]) < view.x[1] <= picture.x[1]
    assert_close(picture, *expected(run(split_job(model, stack, settings)), picture, view.plane))


def test_a_view_of_an_enlarged_recording_shows_what_its_whole_split_has_there(model, stack):
    taken = Acquisition(magnification=2)
    settings = SETTINGS.model_copy(update={"acquisition": taken})
    work = patchwork(as_recorded(model, stack, taken)[0], stack, settings)
    draw_all(work, VIEW)
    picture = work.picture(VIEW)
    assert_close(picture, *expected(run(split_job(model, stack, settings)), picture, VIEW.plane))


def test_views_that_overlap_make_one_seamless_picture(model, stack):
    whole = run(split_job(model, stack, SETTINGS))
    work = patchwork(model, stack)
    for x in (0, 40, 110, 20):
        draw_all(work, Focus((0,), (30, 90), (x, x + 60)))
    view = Focus((0,), (30, 90), (0, 170))
    picture = work.picture(view)
    assert picture.n_samples == SETTINGS.n_samples
    assert_close(picture, *expected(whole, picture, (0,)))


def test_a_view_that_was_there_before_costs_nothing(model, stack):
    work = patchwork(model, stack)
    assert draw_all(work, VIEW) > 0
    assert draw_all(work, Focus((1,), (20, 70), (100, 170))) > 0
    assert draw_all(work, VIEW) == 0


def test_the_first_sample_is_everywhere_before_the_second_is_anywhere(model, stack, monkeypatch):
    monkeypatch.setattr("napari_denoisplit.sampling.patchwork.FIRST", 64)
    work = patchwork(model, stack)
    view = Focus((0,), (0, 181), (0, 250))
    while work.picture(view).n_samples == 0:
        assert np.isnan(work.picture(view).spread).all()
        work.draw(work.next_step(view))
    assert np.isfinite(work.picture(view).mmse).all()


def test_what_was_not_looked_at_for_longest_is_forgotten_but_nothing_in_view(model, stack):
    work = patchwork(model, stack, memory=0)
    draw_all(work, VIEW)
    kept = work.n_bytes
    other = Focus((0,), VIEW.y, VIEW.x)
    draw_all(work, other)
    assert work.n_bytes == kept
    assert work.picture(other).n_samples == SETTINGS.n_samples
    assert work.picture(VIEW).n_samples == 0


def test_only_the_view_and_its_context_are_read(model, stack):
    read = []

    def remember(data, block_info):
        read.append(block_info[0]["chunk-location"])
        return data

    big = np.zeros((2, 512, 512), np.float32)
    lazy = da.from_array(big, chunks=(1, 16, 16)).map_blocks(
        remember, dtype=np.float32, meta=big[:0]
    )
    work = patchwork(model, Image(lazy, "ZYX"))
    draw_all(work, Focus((1,), (256, 288), (256, 288)))
    planes, rows, columns = (set(places) for places in zip(*read, strict=True))
    assert planes == {1}
    assert max(rows) * 16 < 288 + 128
    assert min(columns) * 16 >= 256 - 128


def test_a_pixel_that_is_not_finite_matters_where_it_is_looked_at(model, stack):
    data = stack.data.copy()
    data[1, 100, 130] = np.nan
    work = patchwork(model, Image(data, "ZYX", name="dish"))
    draw_all(work, Focus((0,), VIEW.y, VIEW.x))
    with pytest.raises(ImageError, match=r"'dish' has 1 pixel that is .* plane \(1,\)"):
        draw_all(work, VIEW)


@pytest.mark.parametrize("y", [(300, 400), (181, 190), (-60, -2), (-9, 0)])
def test_nothing_is_drawn_beside_the_image(model, stack, y):
    work = patchwork(model, stack)
    view = Focus((0,), y, (0, 50))
    assert work.next_step(view) is None
    assert work.picture(view).mmse.size == 0


@pytest.mark.parametrize("shape", [(5, 3), (18, 70)])
def test_an_image_smaller_than_its_context_is_split_as_a_whole(model, rng, shape):
    image = Image(rng.normal(100, 20, shape).astype(np.float32), "YX")
    whole = run(split_job(model, image, SETTINGS))
    work, view = patchwork(model, image), Focus((), (0, shape[0]), (0, shape[1]))
    draw_all(work, view)
    picture = work.picture(view)
    assert picture.mmse.shape == (2, *shape)
    assert_close(picture, whole.mmse.data, whole.sigma.data)
