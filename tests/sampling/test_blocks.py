from __future__ import annotations

import itertools
import threading

import dask.array as da
import numpy as np
import pytest
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.blocks import (
    Block,
    _even_tile_size,
    block_steps,
)
from napari_denoisplit.sampling.tiles import tile_grid
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

COMPUTE = Compute(torch.device("cpu"), torch.float32)
NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
# 48 pixels of context hold the whole field of view of two levels.
SETTINGS = SplitSettings(n_samples=3, keep_samples=2, overlap=48, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
        ),
        channel_names=("actin", "mito"),
    )
    return Model(VSE(NETWORK).eval(), header)


@pytest.fixture(scope="module")
def stack() -> Image:
    # 181 and 250 are no multiples of what the ladder divides: the last blocks are padded.
    data = np.random.default_rng(0).normal(100, 20, size=(2, 181, 250)).astype(np.float32)
    return Image(data, "ZYX", name="slide")


@pytest.fixture(scope="module")
def whole(model, stack):
    return run(split_job(model, stack, SETTINGS))


def last(steps):
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def steps(model, image, block, settings=SETTINGS, **kwargs):
    kwargs = {"stop": threading.Event(), **kwargs}
    normalization = model.header.normalization
    network = sampler_of(model.network, COMPUTE)
    return block_steps(network, normalization, image, block, settings, **kwargs)


def split(model, image, block, settings=SETTINGS, **kwargs):
    return last(steps(model, image, block, settings, **kwargs))


def blocks_of(shape: tuple[int, int, int], size: int) -> list[Block]:
    corners = itertools.product(range(shape[0]), range(0, shape[1], size), range(0, shape[2], size))
    return [
        Block((z,), (y, min(y + size, shape[1])), (x, min(x + size, shape[2])))
        for z, y, x in corners
    ]


def place(block: Block) -> tuple:
    return (slice(None), *block.plane, slice(*block.y), slice(*block.x))


@pytest.mark.parametrize(("size", "tile_size"), [(64, None), (112, None), (112, 160)])
def test_blocks_give_what_the_whole_plane_gives(model, stack, whole, size, tile_size):
    mmse, sigma = np.full((2, *whole.mmse.shape), np.nan, np.float32)
    for block in blocks_of(stack.shape, size):
        result = split(model, stack, block, tile_size=tile_size)
        mmse[place(block)], sigma[place(block)] = result.mmse, result.spread
    allowed = 1e-4 * float(np.median(whole.sigma.data))
    np.testing.assert_allclose(mmse, whole.mmse.data, rtol=0, atol=allowed)
    np.testing.assert_allclose(sigma, whole.sigma.data, rtol=0, atol=allowed)


@pytest.mark.parametrize("shape", [(5, 3), (70, 18)])
def test_blocks_of_an_image_smaller_than_its_border_are_those_of_the_whole(model, rng, shape):
    image = Image(rng.normal(100, 20, shape).astype(np.float32), "YX")
    whole = run(split_job(model, image, SETTINGS))
    for y in range(0, shape[0], 64):
        block = Block((), (y, min(y + 64, shape[0])), (0, shape[1]))
        result = split(model, image, block)
        expected = whole.mmse.data[place(block)]
        np.testing.assert_allclose(result.mmse, expected, rtol=1e-4, atol=1e-3)


def test_a_short_context_changes_little_and_only_at_the_seams(model, stack, whole):
    short = SETTINGS.model_copy(update={"overlap": 16})
    block = Block((1,), (64, 128), (64, 128))
    mmse = split(model, stack, block, short).mmse
    sigma = np.median(whole.sigma.data, axis=(1, 2, 3))[:, None, None]
    off = np.abs(mmse - whole.mmse.data[place(block)]) / sigma
    assert 0 < off.max() < 0.5
    assert off[:, 24:40, 24:40].max() < 1e-4


def test_kept_samples_are_those_of_the_whole_plane(model, stack, whole):
    block = Block((0,), (64, 128), (0, 64))
    result = split(model, stack, block)
    expected = whole.samples[(slice(None), *place(block))]
    np.testing.assert_allclose(result.samples, expected, rtol=1e-4, atol=1e-3)


def test_only_a_block_and_its_context_are_read(model, stack):
    read = []

    def remember(data, block_info):
        read.append(block_info[0]["chunk-location"][1:])
        return data

    chunked = da.from_array(stack.data, chunks=(1, 16, 16))
    lazy = Image(chunked.map_blocks(remember, dtype=np.float32, meta=stack.data[:0]), "ZYX")
    block = Block((1,), (64, 96), (96, 128))
    result = split(model, lazy, block)
    rows, columns = zip(*read, strict=True)
    assert (min(rows) * 16, max(rows) * 16 + 16) == (16, 144)
    assert (min(columns) * 16, max(columns) * 16 + 16) == (48, 176)
    np.testing.assert_array_equal(result.mmse, split(model, stack, block).mmse)


def test_pixels_that_are_not_finite_are_named_with_their_block(model, stack):
    data = stack.data.copy()
    data[1, 100, 100] = np.nan
    block = Block((1,), (64, 128), (64, 128))
    with pytest.raises(ImageError, match=r"1 pixel that is .* rows 64 to 128.* of plane \(1,\)"):
        split(model, Image(data, "ZYX"), block)
    split(model, Image(data, "ZYX"), Block((0,), (64, 128), (64, 128)))


def stopped(model, image, block, settings, n_drawn):
    stop = threading.Event()
    going = steps(model, image, block, settings, stop=stop)
    for _ in range(n_drawn):
        next(going)
    stop.set()
    return last(going)


BLOCK = Block((0,), (0, 64), (0, 64))


@pytest.mark.parametrize("n_drawn", [1, 2, 3])
@pytest.mark.parametrize("pairs", [{"antithetic": False}, {"antithetic": True, "eightfold": True}])
def test_a_stopped_block_goes_on_behind_its_samples(model, stack, n_drawn, pairs):
    settings = SETTINGS.model_copy(update={"n_samples": 4, **pairs})
    whole = split(model, stack, BLOCK, settings)
    begun = stopped(model, stack, BLOCK, settings, n_drawn)
    going = steps(model, stack, BLOCK, settings, begun=begun)
    if n_drawn < 3:
        assert next(going) == pytest.approx((n_drawn + 1) / 4)
    result = last(going)
    for name in ("mmse", "spread", "samples"):
        np.testing.assert_array_equal(getattr(result, name), getattr(whole, name))


def test_a_block_that_is_stopped_before_its_first_sample_gives_nothing(model, stack):
    assert stopped(model, stack, BLOCK, SETTINGS, 0) is None


def test_samples_of_another_block_are_refused(model, stack):
    begun = stopped(model, stack, BLOCK, SETTINGS, 1)
    with pytest.raises(ImageError, match=r"rows 0 to 48.*an earlier run.*Begin the result anew"):
        split(model, stack, Block((0,), (0, 48), (0, 64)), begun=begun)


@pytest.mark.parametrize("read", [1216, 1120, 400])
@pytest.mark.parametrize("tile_size", [544, 704, 1000])
def test_what_is_read_is_encoded_in_tiles_of_few_sizes(read, tile_size):
    size = _even_tile_size((0, read), (0, read), tile_size, 96, 16)
    tiles = tile_grid(read, read, size, 96, 16)
    edges = [t.outer_y[1] - t.outer_y[0] for t in tiles]
    assert max(edges) <= tile_size
    assert len(set(edges)) <= 3
