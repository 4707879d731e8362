from __future__ import annotations

import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose

from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Progress, run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.film import film_job
from napari_denoisplit.settings import FilmSettings


@pytest.fixture
def stack(rng):
    parts = tuple(rng.normal(100, 9, size=(5, 2, 33, 41)).astype("f4") for _ in range(2))
    sizes, units = {"Y": 0.1, "X": 0.1, "Z": 1.0}, {"Y": "µm", "X": "µm", "Z": "µm"}
    return Split("ZYX", ("a", "b"), sample_arrays=parts, name="cell", pixel_size=sizes, units=units)


# imageio leaves the pipes of ffmpeg, by which the film is read again, to the collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_has_a_frame_for_each_step_of_a_round(stack, tmp_path, ending):
    import imageio.v2 as imageio

    settings = FilmSettings(loop="to and fro", layout="side by side")
    path, events = tmp_path / f"cell.{ending}", []
    assert run(film_job(stack, path, settings), events.append) == path
    frames = imageio.mimread(path)
    assert len(frames) == 8  # 0 1 2 3 4 3 2 1
    assert frames[0].shape[:2] == (34, 90)  # even, with a gap between the structures
    shares = [event.done for event in events if isinstance(event, Progress)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert list(tmp_path.iterdir()) == [path]


def test_an_ome_tiff_keeps_the_numbers_and_their_meaning(stack, tmp_path):
    path = tmp_path / "cell.ome.tif"
    run(film_job(stack, path, plane=(1,)))
    image = read_image(path)
    assert (image.axes, image.channel_names) == ("TCYX", ("a", "b"))
    assert_allclose(image.data, np.stack([part[:, 1] for part in stack.sample_arrays], axis=1))
    assert image.pixel_size["X"] == pytest.approx(0.1)


def test_differences_add_up_to_nothing(stack, tmp_path):
    path = tmp_path / "cell.ome.tif"
    run(film_job(stack, path, FilmSettings(show="difference")))
    assert_allclose(read_image(path).data.mean(axis=0), 0, atol=1e-4)


def test_a_stopped_film_leaves_nothing_behind(stack, tmp_path):
    stop = threading.Event()
    result = run(
        film_job(stack, tmp_path / "cell.gif", stop=stop),
        lambda event: stop.set() if isinstance(event, Progress) else None,
    )
    assert result is None
    assert not list(tmp_path.iterdir())


def test_a_gif_of_which_all_frames_are_ready_is_stopped_in_the_midst_of_writing(stack, tmp_path):
    path, stop = tmp_path / "cell.gif", threading.Event()
    path.write_bytes(b"older")

    def stop_at_last(event):
        if isinstance(event, Progress) and event.done == 1:
            stop.set()

    assert run(film_job(stack, path, stop=stop), stop_at_last) is None
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"older"]


def test_a_stopped_tiff_leaves_what_was_there(stack, tmp_path):
    path, stop, read = tmp_path / "cell.ome.tif", threading.Event(), []
    path.write_bytes(b"older")

    class Array:
        shape = stack.sample_arrays[0].shape

        def __getitem__(self, index):
            read.append(index)
            stop.set()
            return stack.sample_arrays[0][index]

    counted = Split("ZYX", ("a", "b"), sample_arrays=(Array(), Array()))
    assert run(film_job(counted, path, stop=stop)) is None
    assert len(read) == 1
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"older"]


@pytest.mark.parametrize(
    ("name", "missing", "words"),
    [
        ("a.gif", "PIL", r"pip install 'napari-denoisplit\[film\]'"),
        ("a.mp4", "imageio.v2", "save the film as .gif"),
        ("a.mp4", "imageio_ffmpeg", "save the film as .gif"),
        ("a.avi", None, "end in .gif, .mp4 or .ome.tif"),
    ],
)
def test_what_is_missing_is_named_with_the_way_out(
    stack, tmp_path, monkeypatch, name, missing, words
):
    if missing:
        monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImageError, match=words):
        run(film_job(stack, tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_a_plane_that_does_not_exist_is_refused(stack, tmp_path):
    with pytest.raises(ImageError, match="no plane"):
        run(film_job(stack, tmp_path / "a.gif", plane=(2,)))
