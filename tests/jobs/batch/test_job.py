"""A folder is split as its files would be one by one, whatever becomes of any of them."""

from __future__ import annotations

import csv
import errno
import json
import os
import threading
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import (
    FileOutcome,
    FileProgress,
    FileStarted,
    Progress,
    Stage,
    run,
)
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.files import read_record
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.batch import job as batch
from napari_denoisplit.jobs.batch.items import find_items
from napari_denoisplit.jobs.batch.job import batch_job
from napari_denoisplit.jobs.batch.record import Reading
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
SETTINGS = SplitSettings(n_samples=2, keep_samples=0, device="cpu", precision="float32")
GOOD = ("cell 1", "cell 2", "cell 10")


def save(path, seed=0):
    torch.manual_seed(seed)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=10, channel_means=(90.0, 110.0), channel_stds=(10.0, 10.0)
        ),
        channel_names=("actin", "mito"),
    )
    save_model(path, Model(VSE(NETWORK), header))
    return path


@pytest.fixture
def model(tmp_path):
    return save(tmp_path / "cells.denoisplit")


@pytest.fixture
def folder(tmp_path, rng):
    """Three images, and between them one that is none, one with channels and one with NaN."""
    for name in GOOD:
        data = rng.normal(100, 10, (24, 32)).astype("f4")
        write_image(tmp_path / "in" / f"{name}.tif", Image(data, "YX"))
    (tmp_path / "in" / "cell 3.tif").write_bytes(b"II*\0 no image")
    three = rng.normal(100, 10, (3, 24, 32)).astype("f4")
    write_image(tmp_path / "in" / "cell 4.tif", Image(three, "CYX"))
    write_image(tmp_path / "in" / "cell 5.tif", Image(np.full((8, 8), np.nan, "f4"), "YX"))
    return tmp_path / "in"


@pytest.fixture
def good(folder):
    """Only the images that can be split."""
    for number in (3, 4, 5):
        (folder / f"cell {number}.tif").unlink()
    return folder


def split(model, folder, output, settings=SETTINGS, on_event=lambda event: None, **keywords):
    events = []

    def keep(event):
        events.append(event)
        on_event(event)

    job = batch_job(model, find_items([folder]), settings, output=output, **keywords)
    result = run(job, keep)
    return result, [e for e in events if isinstance(e, FileOutcome)]


def statuses(result):
    return {file.path.stem: file.status for file in result.files}


def test_bad_files_in_the_middle_leave_the_others_as_if_split_alone(model, folder, tmp_path):
    result, events = split(model, folder, tmp_path / "out")
    assert [file.status for file in result.files] == ["done"] * 2 + ["failed"] * 3 + ["done"]
    assert [event.index for event in events] == list(range(6))
    for name in GOOD:
        alone = tmp_path / "alone" / name
        run(batch_job(model, find_items([folder / f"{name}.tif"]), SETTINGS, output=alone))
        for kind in ("mmse", "sigma"):
            together = read_image(tmp_path / "out" / f"{name}_{kind}.ome.tif")
            single = read_image(alone / f"{name}_{kind}.ome.tif")
            np.testing.assert_array_equal(together.data, single.data)
    assert "3 split, 3 failed" in result.summary


def test_every_failure_says_what_is_wrong_with_its_file(model, folder, tmp_path):
    result, _ = split(model, folder, tmp_path / "out")
    messages = [file.message for file in result.with_status("failed")]
    for message, words in zip(messages, ("cell 3.tif", "3 channels", "NaN"), strict=True):
        assert words in message


def test_a_file_that_cannot_be_split_is_told_once(model, good, tmp_path):
    absent = good / "absent.tif"
    events = []
    split(model, absent, tmp_path / "out", on_event=events.append)
    assert sum("does not exist" in str(event) for event in events) == 1
    said = []
    split(model, absent, tmp_path / "out", on_event=said.append, dry_run=True)
    assert "cannot be told. " in said[-1].text


def test_what_is_said_of_the_choice_of_a_file_is_said_in_a_dry_run_too(model, good, tmp_path):
    items = tuple(replace(item, note="It stands for two.") for item in find_items([good]))
    for dry_run in (True, False):
        events = []
        job = batch_job(model, items[:1], SETTINGS, output=tmp_path / "out", dry_run=dry_run)
        run(job, events.append)
        assert events.count(Stage("It stands for two.")) == 1


def test_a_file_that_another_run_is_writing_is_left_to_it(model, good, tmp_path):
    with locked(tmp_path / "out" / "cell 2"):
        result, _ = split(model, good, tmp_path / "out")
    assert statuses(result) == {"cell 1": "done", "cell 2": "failed", "cell 10": "done"}
    assert "cell 2 is being written by process" in result.with_status("failed")[0].message


def test_a_second_run_does_nothing(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    result, events = split(model, good, tmp_path / "out")
    assert {event.status for event in events} == {"skipped"}
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert all(len(file.outputs) == 2 for file in result.files)


def test_only_a_file_that_was_touched_is_split_again(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    os.utime(good / "cell 2.tif", ns=(0, 10**18))
    why = []
    result, _ = split(
        model,
        good,
        tmp_path / "out",
        on_event=lambda e: why.append(e.why_again) if isinstance(e, FileStarted) else None,
    )
    assert statuses(result) == {"cell 1": "skipped", "cell 2": "done", "cell 10": "skipped"}
    assert why == ["the image has changed"]


@pytest.mark.parametrize("changed", [{"seed": 1}, {"n_samples": 3}, {"keep_samples": 1}])
def test_other_settings_make_other_results(model, good, tmp_path, changed):
    split(model, good, tmp_path / "out")
    result, _ = split(model, good, tmp_path / "out", SETTINGS.model_copy(update=changed))
    assert set(statuses(result).values()) == {"done"}


def test_the_memory_that_is_used_does_not_make_other_results(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    result, _ = split(model, good, tmp_path / "out", SETTINGS.model_copy(update={"memory_gib": 9}))
    assert set(statuses(result).values()) == {"skipped"}


def test_another_model_of_the_same_name_makes_other_results(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    save(model, seed=1)
    result, _ = split(model, good, tmp_path / "out")
    assert set(statuses(result).values()) == {"done"}


def test_a_result_without_its_sigma_is_made_again(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    (tmp_path / "out" / "cell 10_sigma.ome.tif").unlink()
    result, _ = split(model, good, tmp_path / "out")
    assert statuses(result) == {"cell 1": "skipped", "cell 2": "skipped", "cell 10": "done"}


@pytest.mark.parametrize(("day", "channel"), [("day2", None), ("in", "1")])
def test_a_result_of_another_image_or_channel_is_not_replaced_unasked(
    model, good, tmp_path, day, channel
):
    made = split(model, good, tmp_path / "out")[0].files[0].outputs[0]
    before = made.read_bytes()
    for path in [*good.iterdir()] if day == "day2" else ():
        write_image(tmp_path / day / path.name, read_image(path))
    given = (model, tmp_path / day, tmp_path / "out")
    result, _ = split(*given, reading=Reading(channel))
    assert set(statuses(result).values()) == {"failed"}
    assert "the result of another" in result.files[0].message
    assert made.read_bytes() == before
    result, _ = split(*given, reading=Reading(channel), skip_done=False)
    assert set(statuses(result).values()) == {"done"}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"acquisition": "unknown"}, "done", ""),
        (
            {"input_file": None, "source": "/elsewhere/cell 2.tif"},
            "failed",
            "/elsewhere/cell 2.tif",
        ),
        (None, "failed", "not known to be a result of"),
    ],
)
def test_a_result_whose_record_says_something_else_does_not_end_the_batch(
    model, good, tmp_path, changes, status, words
):
    split(model, good, tmp_path / "out")
    mmse = tmp_path / "out" / "cell 2_mmse.ome.tif"
    record = None if changes is None else {**read_record(mmse), **changes}
    write_image(mmse, read_image(mmse), description=json.dumps(record))
    result, _ = split(model, good, tmp_path / "out")
    assert statuses(result) == {"cell 1": "skipped", "cell 2": status, "cell 10": "skipped"}
    assert words in result.files[1].message


def test_stop_keeps_what_is_done_and_a_later_run_finishes_the_rest(model, good, tmp_path):
    stop = threading.Event()

    def stop_at_the_second(event):
        if isinstance(event, FileStarted) and event.index == 1:
            stop.set()

    result, _ = split(model, good, tmp_path / "out", on_event=stop_at_the_second, stop=stop)
    assert statuses(result) == {"cell 1": "done", "cell 2": "stopped", "cell 10": "waiting"}
    assert result.stopped_early
    later, _ = split(model, good, tmp_path / "out")
    assert statuses(later) == {"cell 1": "skipped", "cell 2": "done", "cell 10": "done"}
    whole, _ = split(model, good, tmp_path / "whole")
    for one, other in zip(later.files, whole.files, strict=True):
        np.testing.assert_array_equal(
            read_image(one.outputs[0]).data, read_image(other.outputs[0]).data
        )


def test_one_channel_of_each_file_can_be_split(model, folder, tmp_path):
    result, _ = split(model, folder, tmp_path / "out", reading=Reading(channel="2"))
    assert statuses(result)["cell 4"] == "done"
    assert "no channel '2'" in result.files[0].message


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), MemoryError(), zlib.error("a damaged block")],
    ids=lambda error: type(error).__name__,
)
def test_what_goes_wrong_while_splitting_is_the_trouble_of_one_file(
    model, good, tmp_path, monkeypatch, error
):
    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        if image.name == "cell 2":
            raise error
        return (yield from batch_split(model, image, settings, stop=stop))

    batch_split = batch.split_job
    stand_in(monkeypatch, "jobs.batch.job", split_job)
    result, _ = split(model, good, tmp_path / "out")
    assert statuses(result) == {"cell 1": "done", "cell 2": "failed", "cell 10": "done"}


def test_a_name_that_leaves_no_room_for_that_of_the_result_is_split_and_known_again(
    model, good, tmp_path
):
    (good / "cell 2.tif").rename(good / f"cell 2 {'x' * 240}.tif")
    result, _ = split(model, good, tmp_path / "out")
    assert [file.status for file in result.files] == ["done", "done", "done"]
    again, _ = split(model, good, tmp_path / "out")
    assert [file.status for file in again.files] == ["skipped", "skipped", "skipped"]


def test_a_full_disk_ends_the_batch_and_keeps_what_is_done(model, good, tmp_path, monkeypatch):
    write = batch.write_split

    def write_split(split, target, about=None):
        if target.name == "cell 2":
            raise ImageError("could not be written") from OSError(errno.ENOSPC, "no space left")
        return write(split, target, about)

    stand_in(monkeypatch, "jobs.batch.job", write_split)
    with pytest.raises(JobError, match=r"full.*1 of 3 images are written"):
        split(model, good, tmp_path / "out")
    assert (tmp_path / "out" / "cell 1_mmse.ome.tif").exists()


def test_a_folder_that_cannot_be_written_ends_the_batch_at_once(model, good, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(JobError, match="cannot be written"):
        split(model, good, tmp_path / "out")


def test_a_broken_gpu_ends_the_batch(model, good, tmp_path, monkeypatch):
    def split_job(model, image, settings, *, stop=None, focus=None, region=None):
        raise RuntimeError("CUDA error: unspecified launch failure")
        yield

    stand_in(monkeypatch, "jobs.batch.job", split_job)
    with pytest.raises(JobError, match="GPU has failed"):
        split(model, good, tmp_path / "out")


def test_the_log_has_a_line_for_every_file(model, folder, tmp_path):
    split(model, folder, tmp_path / "out")
    (folder / "cell 1.tif").touch()
    result, _ = split(model, folder, tmp_path / "out")
    with result.log.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["status"] for line in lines] == [
        *["done", "done", "failed", "failed", "failed", "done"],
        *["done", "failed", "failed", "failed"],  # of the second run, skipped ones are left out
    ]
    assert lines[0]["results"] == "cell 1_mmse.ome.tif; cell 1_sigma.ome.tif"
    assert "3 channels" in lines[3]["message"]


def test_progress_is_that_of_the_whole_batch_and_never_goes_back(model, good, tmp_path):
    batch_progress, of_files = [], []

    def keep(event):
        if isinstance(event, Progress):
            batch_progress.append(event)
        if isinstance(event, FileProgress):
            of_files.append(event)

    split(model, good, tmp_path / "out", on_event=keep)
    done = [event.done for event in batch_progress]
    assert done == sorted(done)
    assert done[0] < 0.5 < done[-1] <= 1
    assert {event.index for event in of_files} == {0, 1, 2}
    assert batch_progress[-1].text.startswith("image 3 of 3, answer")


def test_a_model_that_is_in_no_file_splits_as_its_file_does(model, good, tmp_path):
    split(model, good, tmp_path / "out")
    loaded = replace(load_model(model), path=None, sha256=None)
    split(loaded, good, tmp_path / "other")
    one, other = (read_image(tmp_path / f / "cell 1_mmse.ome.tif") for f in ("out", "other"))
    np.testing.assert_array_equal(one.data, other.data)
    again, _ = split(loaded, good, tmp_path / "other")
    assert set(statuses(again).values()) == {"done"}


def test_no_result_takes_the_place_of_an_image_that_is_to_be_split(model, good):
    (good / "cell 1.tif").rename(good / "cell 2_mmse.ome.tif")
    with pytest.raises(ImageError, match="would replace"):
        split(model, good, good)
