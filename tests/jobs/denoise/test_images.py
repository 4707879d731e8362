from __future__ import annotations

import threading
from pathlib import Path

import dask.array
import numpy as np
import pytest

from napari_denoisplit import denoise
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.denoise.images import channel_path, denoise_images_job
from napari_denoisplit.settings import DenoiseSettings

TINY = DenoiseSettings(
    minutes=None, steps=2, patch_size=32, batch_size=2, device="cpu", precision="float32"
)


@pytest.fixture
def stack(rng):
    """Two channels of very different grey levels, an axis before and one behind the channels."""
    levels = np.array([100.0, 5000.0])[None, :, None, None, None]
    data = levels * rng.normal(1, 0.1, (2, 2, 3, 40, 44))
    return Image(
        data.astype(np.float32), "TCZYX", {"X": 0.2, "Z": 1.0}, {"X": "µm"}, ("a", "b"), "cells"
    )


def test_what_is_known_of_an_image_is_kept(stack):
    result = denoise(stack, TINY)
    assert (result.shape, result.axes) == (stack.shape, stack.axes)
    assert result.pixel_size == stack.pixel_size
    assert result.units == stack.units
    assert result.channel_names == stack.channel_names
    assert result.data.dtype == np.float32


def test_channels_do_not_know_of_each_other(stack):
    both = denoise(stack, TINY).data
    lone = Image(stack.data[:, 1], "TZYX")
    np.testing.assert_array_equal(both[:, 1], denoise(lone, TINY).data)


def test_lazy_pixels_give_the_same_as_pixels_in_memory(stack):
    lazy = Image(dask.array.from_array(stack.data, chunks=(1, 1, 1, 40, 44)), stack.axes)
    np.testing.assert_array_equal(denoise(lazy, TINY).data, denoise(stack, TINY).data)


def test_the_notes_end_with_the_verdict_on_each_channel(stack):
    notes = denoise(stack, TINY).notes
    assert [note.partition(":")[0] for note in notes[-2:]] == ["a", "b"]


def test_a_stop_leaves_out_channels_that_were_not_begun(stack):
    stop = threading.Event()
    job = denoise_images_job([stack], TINY.model_copy(update={"steps": 10_000}), stop=stop)
    result = run(job, lambda event: stop.set() if isinstance(event, Progress) else None)
    assert result.stopped_early
    assert list(result.verdicts) == ["a"]
    (image,) = result.images
    assert np.isfinite(image.data[:, 0]).all()
    assert np.isnan(image.data[:, 1]).all()


def test_images_with_different_channels_are_refused(stack):
    with pytest.raises(ImageError, match="'one' has 1 channels, 'cells' 2"):
        run(denoise_images_job([stack, Image(stack.data[0, 0], "ZYX", name="one")], TINY))


def test_each_channel_has_a_file_of_its_own(stack, tmp_path):
    path = tmp_path / "kept.denoisplit"
    first = denoise(stack, TINY, model=path)
    best = [f for f in tmp_path.iterdir() if ".last" not in f.name]
    assert {f.name for f in best} == {"kept_a.denoisplit", "kept_b.denoisplit"}
    np.testing.assert_array_equal(first.data, denoise(stack, TINY, model=path).data)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a"], ["n.denoisplit"]),
        (["a/1", "a 2"], ["n_a_1.denoisplit", "n_a_2.denoisplit"]),
        (["a/1", "a 1"], ["n_1.denoisplit", "n_2.denoisplit"]),
        (["/", "a"], ["n_1.denoisplit", "n_2.denoisplit"]),
    ],
)
def test_files_of_channels_have_names_of_their_own(names, expected):
    paths = [channel_path(Path("n.denoisplit"), names, c) for c in range(len(names))]
    assert [path.name for path in paths] == expected


def test_a_stop_before_the_second_channel_keeps_the_first(stack):
    stop = threading.Event()

    def stop_at(event):
        if event.text.startswith("b: Learning"):
            stop.set()

    result = run(denoise_images_job([stack], TINY, stop=stop), stop_at)
    assert list(result.verdicts) == ["a"]
    assert np.isfinite(result.images[0].data[:, 0]).all()
