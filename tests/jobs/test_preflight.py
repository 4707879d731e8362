"""What a split will take, told before it begins."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import dask.array as da
import numpy as np
import pytest

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.preflight import preflight, together
from napari_denoisplit.jobs.split.results import check_room
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import Acquisition, LadderSettings, MixSettings, SplitSettings
from napari_denoisplit.wording import gib

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
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
    assert "best estimate, uncertainty and 1 answer" in told.problem
    assert "disk" in told.problem
    on_disk = preflight(model, huge, SETTINGS, on_disk=True)
    assert on_disk.fits
    assert on_disk.problem == ""
    assert on_disk.memory < 2 * 2**30


def test_less_memory_makes_smaller_tiles(model):
    little = SETTINGS.model_copy(update={"memory_gib": 0.05, "overlap": 16})
    told = preflight(model, lazy(2000, 2000), little)
    # What the planes take that are put together does not depend on the tiles.
    assert 0 < told.memory - told.memory_in_work <= 0.05 * 2**30


def test_planes_that_are_sampled_are_counted_beside_the_results(model, tight):
    settings = SETTINGS.model_copy(update={"memory_gib": 0.05, "overlap": 16})
    told = preflight(model, lazy(2000, 2000), settings)
    assert told.memory_in_work == 10 * 2 * 4 * 2000**2
    both = told.memory_for_results + told.memory_in_work
    for free, fits in ((1.3 * both, True), (1.2 * both, False)):
        assert replace(told, free_memory=free).fits == fits
        tight(free)
        shape = (2, 2000, 2000)
        check = partial(check_room, shape, settings)
        if fits:
            check()
        else:
            takes = f"{gib(told.memory_for_results)} and {gib(told.memory_in_work)} more while"
            assert takes in replace(told, free_memory=free).problem
            with pytest.raises(JobError, match=f"{takes}.*let the results go to disk"):
                check()


def test_an_image_that_is_enlarged_takes_four_times_as_much_to_sample(model):
    taken = SETTINGS.model_copy(update={"acquisition": Acquisition(magnification=2)})
    plain, enlarged = (preflight(model, lazy(256, 256), one) for one in (SETTINGS, taken))
    to_sample = [told.memory - told.memory_in_work for told in (plain, enlarged)]
    assert to_sample[1] == pytest.approx(4 * to_sample[0], rel=0.01)
    assert enlarged.memory_for_results == plain.memory_for_results


def test_a_small_image_takes_less_memory_than_a_block(model):
    small, large = (preflight(model, lazy(n, n), SETTINGS, on_disk=True) for n in (64, 2000))
    assert small.memory < large.memory / 4


def test_of_a_file_only_the_description_is_read(model, tmp_path):
    image = Image(np.zeros((3, 40, 50), "f4"), "ZYX")
    write_image(tmp_path / "a.tif", image)
    of_file = preflight(model, ImageFile(tmp_path / "a.tif"), SETTINGS)
    assert of_file.memory_for_results == 4 * 3 * 2 * image.data.size
    assert of_file.memory == preflight(model, image, SETTINGS).memory


def test_channels_are_refused_as_by_the_split(model):
    with pytest.raises(ImageError, match="2 channels"):
        preflight(model, Image(np.zeros((2, 8, 8)), "CYX"), SETTINGS)


def test_images_one_after_the_other_add_up(model):
    parts = [preflight(model, lazy(n, n), SETTINGS) for n in (64, 128)]
    staying = together(parts, results_stay=True)
    assert staying.memory_for_results == sum(part.memory_for_results for part in parts)
    written = together(parts, results_stay=False)
    assert written.memory_for_results == parts[1].memory_for_results
    assert written.memory_in_work == parts[1].memory_in_work  # whichever comes first
    assert staying.sentence.startswith("2 images: 3 answers on cpu, float32; ")
