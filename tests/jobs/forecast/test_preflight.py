"""What a split will take, told before it begins."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import dask.array as da
import numpy as np
import pytest

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.forecast import preflight as preflight_module
from napari_denoisplit.jobs.forecast import speed as speed_module
from napari_denoisplit.jobs.forecast.pace import learn
from napari_denoisplit.jobs.forecast.preflight import preflight
from napari_denoisplit.jobs.forecast.speed import Rate, Speed, speed_of
from napari_denoisplit.jobs.forecast.words import together
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.split import results as split_results
from napari_denoisplit.jobs.split.memory import Retreat
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.fast.field_of_view import Window, share_of_work
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling import posterior
from napari_denoisplit.settings import MixSettings, NetworkSettings, SplitSettings
from napari_denoisplit.wording import gib

NETWORK = NetworkSettings(n_levels=2, n_filters=4, n_latents=2)
SETTINGS = SplitSettings(n_samples=3, keep_samples=1, device="cpu", precision="float32")


@pytest.fixture
def model() -> Model:
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=0, input_std=1, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
        ),
        channel_names=("actin", "mito"),
    )
    return Model(VSE(NETWORK).eval(), header)


def lazy(*shape: int) -> Image:
    """Make an image whose pixels cannot be read."""

    def refuse(block):
        raise AssertionError("a pixel was read")

    pixels = da.zeros(shape, chunks=shape).map_blocks(refuse, dtype="f4", meta=np.zeros(0, "f4"))
    return Image(pixels, "TZYX"[-len(shape) :])


@pytest.fixture
def second_a_pixel(monkeypatch):
    """A device that takes a second for each pixel of a sample, and a thousandth to encode it."""
    speed = Speed(Rate(0.0, 1e-3), Rate(0.0, 1.0))
    monkeypatch.setattr(preflight_module, "speed_of", lambda *_: speed)


@pytest.mark.usefixtures("second_a_pixel")
def test_the_time_is_that_of_every_sample_and_plane(model):
    told = preflight(model, lazy(2, 64, 100), SETTINGS)
    pixels = 96 * 132  # with the border
    assert told.seconds == pytest.approx(2 * pixels * 3.001)
    assert told.seconds_to_first == pytest.approx(pixels * 1.001)


@pytest.mark.usefixtures("second_a_pixel")
@pytest.mark.parametrize("tile_size", [None, 80])
@pytest.mark.parametrize("shape", [(150, 100), (64, 64), (200, 70), (67, 9)])
def test_the_pixels_of_blocks_are_those_that_are_computed(
    model, monkeypatch, tmp_path, tile_size, shape
):
    drawn = []

    def draw(self, sample, tile, out):
        outer = tuple(part.stop - part.start for part in tile.outer())
        wanted = Window.of(tile.inner_in_outer())
        drawn.append(np.prod(outer) * share_of_work(wanted, outer, n_levels=2, n_blocks=1))

    monkeypatch.setattr(posterior.Posterior, "draw", draw)
    settings = SETTINGS.model_copy(
        update={"overlap": 16, "block_size": 64, "tile_size": tile_size, "n_samples": 1}
    )
    image = Image(np.zeros(shape, "f4"), "YX")
    told = preflight(model, image, settings, on_disk=True)
    run(split_to_zarr_job(model, image, tmp_path / "out.zarr", settings))
    assert round(told.seconds) == pytest.approx(sum(drawn), rel=2e-3)


def test_results_are_counted_as_they_are_made(model):
    pixels = 4 * 2 * 64 * 64  # bytes of one result of two channels
    for n_samples, kept, results in ((3, 1, 3), (1, 0, 1), (2, 5, 4)):
        settings = SETTINGS.model_copy(update={"n_samples": n_samples, "keep_samples": kept})
        told = preflight(model, lazy(64, 64), settings)
        assert told.memory_for_results == results * pixels
        told = preflight(model, lazy(64, 64), settings, on_disk=True)
        assert (told.memory_for_results, told.bytes_on_disk) == (0, results * pixels)


def test_results_that_do_not_fit_are_told_with_the_way_out(model):
    huge = lazy(1000, 20_000, 20_000)
    told = preflight(model, huge, SETTINGS)
    assert not told.fits
    assert "MMSE, sigma and 1 sample" in told.problem
    assert "disk" in told.problem
    on_disk = preflight(model, huge, SETTINGS, on_disk=True)
    assert on_disk.fits
    assert on_disk.problem == ""
    assert on_disk.memory < 2 * 2**30


def test_less_memory_makes_smaller_tiles(model):
    little = SETTINGS.model_copy(update={"memory_gib": 0.05, "overlap": 16})
    told = preflight(model, lazy(2000, 2000), little)
    assert told.tile_size < 2000
    # What the planes take that are put together does not depend on the tiles.
    assert 0 < told.memory - told.memory_in_work <= 0.05 * 2**30
    assert f"tiles of {told.tile_size} pixels" in told.sentence


def test_planes_that_are_sampled_are_counted_beside_the_results(model, monkeypatch):
    settings = SETTINGS.model_copy(update={"memory_gib": 0.05, "overlap": 16})
    told = preflight(model, lazy(2000, 2000), settings)
    assert told.memory_in_work == 10 * 2 * 4 * 2000**2
    both = told.memory_for_results + told.memory_in_work
    for free, fits in ((1.3 * both, True), (1.2 * both, False)):
        assert replace(told, free_memory=free).fits == fits
        monkeypatch.setattr(split_results, "free_memory", lambda *_, free=free: free)
        shape = (2, 2000, 2000)
        check = partial(split_results.check_room, shape, settings)
        if fits:
            check()
        else:
            takes = f"{gib(told.memory_for_results)} and {gib(told.memory_in_work)} more while"
            assert takes in replace(told, free_memory=free).problem
            with pytest.raises(JobError, match=f"{takes}.*let the results go to disk"):
                check()


def test_a_small_image_takes_less_memory_than_a_block(model):
    small, large = (preflight(model, lazy(n, n), SETTINGS, on_disk=True) for n in (64, 2000))
    assert (small.block_size, large.block_size) == (1024, 1024)
    assert small.memory < large.memory / 4


def test_of_a_file_only_the_description_is_read(model, tmp_path):
    image = Image(np.zeros((3, 40, 50), "f4"), "ZYX")
    write_image(tmp_path / "a.tif", image)
    of_file = preflight(model, ImageFile(tmp_path / "a.tif"), SETTINGS)
    assert of_file.n_planes == preflight(model, image, SETTINGS).n_planes == 3


def test_channels_are_refused_as_by_the_split(model):
    with pytest.raises(ImageError, match="2 channels"):
        preflight(model, Image(np.zeros((2, 8, 8)), "CYX"), SETTINGS)


@pytest.fixture
def trials(monkeypatch) -> list[float]:
    """Seconds of a pixel that the trials to come find; the last is found ever after."""
    seconds = [1.0]

    def trial(*_):
        pixel = seconds.pop(0) if len(seconds) > 1 else seconds[0]
        return Speed(Rate(0.0, 0.0), Rate(0.0, pixel))

    monkeypatch.setattr(speed_module, "_trial", trial)
    monkeypatch.setattr(speed_module, "_known", {})
    return seconds


CPU = Compute.choose("cpu", "float32")


def test_the_rate_is_measured_once():
    speed = speed_of(NETWORK, CPU)
    assert speed_of(NETWORK, CPU) is speed
    assert speed.draw.seconds(512**2) > speed.draw.seconds(256**2) > 0


def test_a_rate_of_a_busy_machine_is_not_kept(trials, monkeypatch):
    monkeypatch.setattr(speed_module, "AGAIN", 0.0)
    trials[:] = [3.0, 1.0, 2.0]
    assert [speed_of(NETWORK, CPU).draw.pixel for _ in trials[:]] == [3.0, 1.0, 1.0]


def test_what_the_last_split_took_is_what_the_next_is_told_to_take(
    model, trials, monkeypatch, tmp_path
):
    monkeypatch.setattr(speed_module, "AGAIN", 0.0)
    path, shown = tmp_path / "a.denoisplit", lazy(64, 100)
    save_model(path, model)
    for on_disk, seconds in ((False, 120.0), (True, 30.0), (True, 40.0), (False, 4.0)):
        learn(path, shown, SETTINGS, seconds, on_disk=on_disk)
        assert preflight(path, shown, SETTINGS, on_disk=on_disk).seconds == pytest.approx(seconds)
    trials[:] = [0.0]  # a split tells more than a trial
    assert preflight(path, shown, SETTINGS).seconds == pytest.approx(4.0)


@pytest.mark.parametrize(
    ("seconds", "target_error"), [(0.1, None), (50.0, 2.0)], ids=["short", "of unknown length"]
)
def test_of_some_splits_nothing_is_learned(model, trials, tmp_path, seconds, target_error):
    path, shown = tmp_path / "a.denoisplit", lazy(64, 100)
    save_model(path, model)
    before = preflight(path, shown, SETTINGS).seconds
    settings = SETTINGS.model_copy(update={"target_error": target_error})
    learn(path, shown, settings, seconds)
    assert preflight(path, shown, SETTINGS).seconds == before


def test_of_a_split_that_went_on_with_less_memory_nothing_is_learned(model, trials, tmp_path):
    path, shown = tmp_path / "a.denoisplit", lazy(64, 100)
    save_model(path, model)
    before = preflight(path, shown, SETTINGS).seconds
    retreat = Retreat(CPU, lambda _: 512, edge=512, network=NETWORK, overlap=16)
    attempts = iter([MemoryError, None])

    def attempt():
        if error := next(attempts):
            raise error
        yield from ()

    run(retreat.attempts(attempt))
    learn(path, shown, SETTINGS, 500.0, notes=("another", *retreat.notes))
    assert preflight(path, shown, SETTINGS).seconds == before


def test_a_model_file_that_is_gone_after_a_split_costs_no_result(tmp_path):
    learn(tmp_path / "gone.denoisplit", lazy(64, 100), SETTINGS, 50.0)


def test_images_one_after_the_other_add_up(model):
    parts = [preflight(model, lazy(n, n), SETTINGS) for n in (64, 128)]
    staying = together(parts, results_stay=True)
    assert staying.seconds == sum(part.seconds for part in parts)
    assert staying.memory_for_results == sum(part.memory_for_results for part in parts)
    written = together(parts, results_stay=False)
    assert written.memory_for_results == parts[1].memory_for_results
    assert written.memory_in_work == parts[1].memory_in_work  # whichever comes first
    assert staying.sentence.startswith("2 images: about ")
