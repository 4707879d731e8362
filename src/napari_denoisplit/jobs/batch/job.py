"""Split many files, one after the other, whatever becomes of any of them."""

from __future__ import annotations

import errno
import struct
import threading
import time
import zlib
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from napari_denoisplit.errors import DenoisplitError, ImageError, JobError, message_of
from napari_denoisplit.events import (
    Count,
    FileOutcome,
    FileProgress,
    FileStarted,
    Progress,
    Stage,
    changed,
)
from napari_denoisplit.files import replacing
from napari_denoisplit.images.results.files import write_split
from napari_denoisplit.jobs.batch.forecast import forecast_files
from napari_denoisplit.jobs.batch.items import BatchItem, refuse_overwriting
from napari_denoisplit.jobs.batch.outcome import LOG_NAME, BatchResult, append_line
from napari_denoisplit.jobs.batch.record import Reading, input_stamp, why_again
from napari_denoisplit.jobs.lock import locked
from napari_denoisplit.jobs.split.input import model_of
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.memory import LAZY_ABOVE, READ_WHOLE
from napari_denoisplit.nn.compute import Compute

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import BatchEvent, FileStatus, Job, SplitEvent
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.settings import SplitSettings

# RuntimeError is what torch raises, e.g. when a device is out of memory; the others come of damaged
# pixels of a large image, which are read only when their turn comes.
_OF_ONE_FILE = (
    DenoisplitError,
    OSError,
    MemoryError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    struct.error,
    zlib.error,
)
_DISK_IS_FULL = {errno.ENOSPC, errno.EDQUOT}
_PROGRESS_SECONDS = 0.1  # between two reports; small tiles on a GPU would make thousands


def batch_job(
    model: Model | Path,
    items: Sequence[BatchItem],
    settings: SplitSettings,
    *,
    output: Path,
    reading: Reading | None = None,
    skip_done: bool = True,
    keep_log: bool = True,
    dry_run: bool = False,
    stop: threading.Event | None = None,
) -> Job[BatchEvent, BatchResult]:
    """Split files and write their results; a file that cannot be split does not end the batch.

    Parameters
    ----------
    model
        A model, or the file that holds one; it is loaded once.
    items
        What to split, as `find_items` lists it.
    settings
        The same for every file.
    output
        Folder of the results; it is made if it is not there.
    reading
        What to take of each file; None: a single channel, axes as the file says.
    skip_done
        Whether to leave files alone whose results say that they were made of the same file (name,
        size and time of change), by the same model, settings and version of the program.
    keep_log
        Whether to append a line for each file to ``batch.csv`` in the folder of the results.
    dry_run
        Whether to end when it is told what the batch will take; nothing is written.
    stop
        When set, the file in progress ends early, and the others are not begun.

    Yields
    ------
    FileStarted, FileProgress, FileOutcome
        What becomes of each file.
    Progress
        Of the whole batch.
    Stage, SampleDrawn
        Those of each split.

    Returns
    -------
    BatchResult

    Raises
    ------
    ModelFileError
        The model file cannot be used.
    ImageError
        A result would take the place of a file that is to be split.
    JobError
        What concerns every file: the folder cannot be written, the disk is full, the device is not
        there. Results that were written before are kept.
    """
    stop = stop or threading.Event()
    refuse_overwriting(items, output)
    model = yield from model_of(model)
    Compute.choose(settings.device, settings.precision)  # refuses a device that is not there
    batch = _Batch(model, items, settings, output, reading or Reading(), stop)
    if keep_log:
        batch.log = output / LOG_NAME
    for note in filter(None, (item.note for item in items)):
        yield Stage(note)
    yield from batch.look_around(skip_done=skip_done)
    try:
        if forecast := batch.forecast():
            yield Stage(forecast)
    except ImageError as error:
        if dry_run:  # else it is told when its turn comes
            yield Stage(f"What it takes cannot be told. {error}")
    for index in () if dry_run else batch.waiting:
        if stop.is_set():
            break
        yield from batch.split(index)
    return batch.result()


class _Batch:
    """What has become of the files so far, and what is needed for the next."""

    def __init__(
        self,
        model: Model,
        items: Sequence[BatchItem],
        settings: SplitSettings,
        output: Path,
        reading: Reading,
        stop: threading.Event,
    ) -> None:
        self._model, self._items, self._settings = model, items, settings
        self._output, self._reading, self._stop = output, reading, stop
        self._outcomes = [FileOutcome(index, item.path) for index, item in enumerate(items)]
        self._why = [""] * len(items)
        self.log: Path | None = None
        self.waiting: list[int] = []
        self._count = Count("image", 0)
        self._began = time.monotonic()
        if refusal := _refusal(output):
            raise JobError(refusal)

    def look_around(self, *, skip_done: bool) -> Job[FileOutcome, None]:
        """Find out which files are to be split, so that the time left can be told."""
        for index, item in enumerate(self._items):
            if self._stop.is_set():
                return
            if skip_done:
                files, using = item.files(self._output), (self._model, self._settings)
                try:
                    why = why_again(item.path, files, *using, self._reading)
                except ImageError as error:
                    message = message_of(error)
                    yield self._noted(FileOutcome(index, item.path, "failed", message=message))
                    continue
                if why is None:
                    outcome = FileOutcome(index, item.path, "skipped", files.existing())
                    self._outcomes[index] = outcome
                    yield outcome
                    continue
                self._why[index] = why
            self.waiting.append(index)
        self._count = Count("image", len(self.waiting))

    def forecast(self) -> str:
        """Say what the files that wait will take."""
        items = [self._items[index] for index in self.waiting]
        return forecast_files(self._model, items, self._settings, self._reading)

    def split(self, index: int) -> Job[BatchEvent, None]:
        """Split one file and write its results."""
        item, began = self._items[index], time.monotonic()
        target = item.files(self._output).target
        yield FileStarted(index, item.path, self._why[index])
        try:
            with locked(target):
                stamp = input_stamp(item.path) if item.path.exists() else {}
                yield Stage(f"Reading {item.path.name}")
                whole = item.region is None
                image = self._reading.of(item.path).open(READ_WHOLE if whole else LAZY_ABOVE)
                for note in image.notes:
                    yield Stage(note)
                part, settings = item.region, self._settings
                job = split_job(self._model, image, settings, stop=self._stop, region=part)
                split = yield from self._with_progress(index, job)
                about = {"input_file": stamp, "reading": asdict(self._reading)}
                outputs = write_split(split, target, about)
        except _OF_ONE_FILE as error:
            message, seconds = message_of(error), time.monotonic() - began
            outcome = self._noted(FileOutcome(index, item.path, "failed", (), seconds, message))
            if reason := self._concerns_every_file(error):
                raise JobError(f"{reason} ({item.path.name}: {message}) {self._kept()}") from error
            if torch.cuda.is_available():
                torch.cuda.empty_cache()  # what the next file may need
            yield outcome
            return
        status: FileStatus = "stopped" if split.stopped_early else "done"
        seconds, notes = time.monotonic() - began, " ".join((*image.notes, *split.notes))
        yield self._noted(FileOutcome(index, item.path, status, outputs, seconds, notes))

    def _with_progress(self, index: int, job: Job[SplitEvent, Split]) -> Job[BatchEvent, Split]:
        """Pass a split's events on, its progress as that of the file and of the batch."""
        last = 0.0

        def passed_on(event: SplitEvent) -> Iterator[BatchEvent]:
            """Say a file's progress now and then, all else as it comes."""
            nonlocal last
            if not isinstance(event, Progress):
                yield event
            elif time.monotonic() - last > _PROGRESS_SECONDS:
                last = time.monotonic()
                yield FileProgress(index, self._items[index].path, event.done)
                yield self._count.with_part(self.waiting.index(index), event)

        return changed(job, passed_on)

    def _noted(self, outcome: FileOutcome) -> FileOutcome:
        """Keep what has become of a file, and tell the log."""
        self._outcomes[outcome.index] = outcome
        # A spreadsheet may have it open: no reason to lose a night's work. A full disk or a folder
        # that is gone shows at the next result.
        with suppress(OSError):
            if self.log is not None:
                append_line(self.log, outcome)
        return outcome

    def _concerns_every_file(self, error: BaseException) -> str:
        """Say what would keep every other file from being split as well; empty if nothing."""
        causes = [error, error.__cause__]
        if any(isinstance(cause, OSError) and cause.errno in _DISK_IS_FULL for cause in causes):
            return f"The disk of {self._output} is full: make room, and start again."
        # After most errors of CUDA, unlike a lack of memory, the process cannot use it any more.
        if isinstance(error, RuntimeError) and not isinstance(error, torch.OutOfMemoryError):
            if "CUDA error" in str(error):
                return "The GPU has failed: start the program again, or choose the device cpu."
        return _refusal(self._output)

    def _kept(self) -> str:
        n_done = sum(outcome.status == "done" for outcome in self._outcomes)
        return f"Results of {n_done} of {len(self._items)} images are written; they are kept."

    def result(self) -> BatchResult:
        """Everything that has become of the files."""
        return BatchResult(
            tuple(self._outcomes),
            self._stop.is_set(),
            time.monotonic() - self._began,
            self.log if self.log is not None and self.log.exists() else None,
        )


def _refusal(folder: Path) -> str:
    """Say why nothing can be written into a folder; empty if it can, or can be made."""
    there = next((place for place in (folder, *folder.resolve().parents) if place.exists()), folder)
    probe = there / ".writable"
    try:
        with replacing(probe):
            pass
        probe.unlink(missing_ok=True)  # of two batches one may be first
    except OSError as error:
        return (
            f"The folder {folder} cannot be written ({error.strerror or error}): check that it is "
            "there and that you may write to it, or choose another folder for the results."
        )
    return ""
