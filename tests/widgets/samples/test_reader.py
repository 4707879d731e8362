"""Frames on disk are read in the background, in the order in which they are wanted."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import dask.array as da
import numpy as np
import pytest
from numpy.testing import assert_allclose
from qtpy.QtWidgets import QWidget

from napari_denoisplit.images.results.split import Split
from napari_denoisplit.widgets.parts.worker import start_job
from napari_denoisplit.widgets.samples.reader import MEAN, FrameKey, FrameReader


class Disk:
    """Samples that say in which thread they were read, and can be slow or broken."""

    def __init__(self, n=12):
        self.read, self.threads, self.error, self.gate = [], set(), None, threading.Event()
        self.gate.set()
        data = da.map_blocks(
            self.block, chunks=((1,) * n, 4, 5), dtype="f4", meta=np.empty((0, 0, 0), "f4")
        )
        self.stack = Split("YX", ("a", "b"), sample_arrays=(data, -data))

    def block(self, block_info):
        self.gate.wait(5)
        index = block_info[None]["chunk-location"][0]
        if self.error:
            raise self.error
        self.read.append(index)
        self.threads.add(threading.current_thread())
        return np.full((1, 4, 5), index, "f4")


@pytest.fixture
def disk():
    return Disk()


@pytest.fixture
def reader(qtbot, disk):
    owner = QWidget()
    qtbot.addWidget(owner)
    reader = FrameReader(start_job, owner)
    reader.set_stack(disk.stack)
    yield reader
    reader.rest()
    qtbot.waitUntil(lambda: reader._running is None)


def keys(*indices):
    return [FrameKey(index, ()) for index in indices]


def test_frames_come_in_order_and_not_in_the_thread_of_the_window(qtbot, disk, reader):
    assert reader.get(FrameKey(3, ())) is None
    reader.want(keys(3, 4, 5))
    qtbot.waitUntil(lambda: len(reader._cache) == 3)
    assert disk.read[::2] == [3, 4, 5]  # each of two structures
    assert threading.main_thread() not in disk.threads
    assert [part[0, 0] for part in reader.get(FrameKey(4, ()))] == [4, -4]


def test_what_is_no_longer_wanted_is_not_read(qtbot, disk, reader):
    disk.gate.clear()
    reader.want(keys(0, 1, 2, 3))
    qtbot.wait(100)
    reader.want(keys(9))
    disk.gate.set()
    qtbot.waitUntil(lambda: reader.get(FrameKey(9, ())) is not None)
    assert not {2, 3} & set(disk.read)


def test_the_mean_is_read_in_the_background_too(qtbot, reader):
    with qtbot.waitSignal(reader.ready):
        reader.want(keys(MEAN))
    assert_allclose(reader.get(FrameKey(MEAN, ()))[0], 5.5)


def test_memory_holds_no_more_frames_than_there_is_room_for(qtbot, disk, reader):
    reader._room = 3 * 4 * 2 * 4 * 5  # float32, two structures
    for index in range(6):
        with qtbot.waitSignal(reader.ready):
            reader.want(keys(index))
    assert len(reader._cache) == 3


def test_the_thread_ends_by_itself_and_begins_again(qtbot, reader):
    reader.want(keys(1))
    qtbot.waitUntil(lambda: not reader._running.is_running, timeout=5000)
    reader.want(keys(2))
    qtbot.waitUntil(lambda: len(reader._cache) == 2)


def test_a_thread_that_ends_late_does_not_begin_a_second_one(qtbot, disk):
    began = []

    def start(job, *, on_done, **_):
        began.append(on_done)
        return SimpleNamespace(is_running=True, stop=lambda: None, cancel_with=lambda _: None)

    owner = QWidget()
    qtbot.addWidget(owner)
    reader = FrameReader(start, owner)
    reader.set_stack(disk.stack)
    reader.want(keys(1))
    reader.rest()
    reader.want(keys(2, 3))
    began[0](None)
    assert len(began) == 2


def test_a_disk_that_fails_is_told(qtbot, disk, reader):
    disk.error = OSError("gone")
    with qtbot.waitSignal(reader.failed) as caught:
        reader.want(keys(1))
    assert "gone" in str(caught.args[0])


def test_frames_in_memory_are_views_at_once(qtbot, reader):
    data = np.arange(60, dtype="f4").reshape(3, 4, 5)
    reader.set_stack(Split("YX", ("a",), sample_arrays=(data,)))
    (part,) = reader.get(FrameKey(2, ()))
    assert np.shares_memory(part, data)
