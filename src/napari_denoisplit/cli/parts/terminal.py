"""The terminal of a command: progress bar, lines, and what asks a job to stop."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, assert_never

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar

from napari_denoisplit.cli.parts.errors import EXPECTED, FAILED, INTERRUPTED, one_line, with_options
from napari_denoisplit.events import (
    BlocksWritten,
    EpochDone,
    FileOutcome,
    FileProgress,
    FileStarted,
    FitStep,
    PairsGathered,
    PartDrawn,
    PreviewSplit,
    Progress,
    SampleDrawn,
    Stage,
    run,
)
from napari_denoisplit.wording import time_left

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import FrameType

    from rich.progress import TaskID

    from napari_denoisplit.events import Event, Job

STOPPING = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what schedulers and containers send before they kill."""
_HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows

R = TypeVar("R")
T = TypeVar("T")


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Signals that ask for an end: also that the terminal is gone, unless `nohup` ignores it."""
    if _HANGUP is None or signal.getsignal(_HANGUP) is signal.SIG_IGN:
        return STOPPING
    return (*STOPPING, _HANGUP)


def epoch_line(event: EpochDone) -> str:
    """Line of a table that grows by one epoch at a time."""
    loss = event.validation
    psnr = " / ".join(f"{value:.2f}" for value in event.psnr)
    skipped = f"  {event.skipped_steps} steps skipped" if event.skipped_steps else ""
    best = "  best so far" if event.is_best else ""
    return (
        f"epoch {event.epoch:3d}  step {event.step:6d}  {event.seconds / 60:6.1f} min  "
        f"loss {loss.loss:.4f} = {loss.reconstruction:.4f} + KL  PSNR {psnr} dB{skipped}{best}"
    )


@dataclass(slots=True)
class Terminal:
    """Where a command reports: results go to stdout, all the rest to stderr."""

    console: Console = field(
        default_factory=lambda: Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    )
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the user wants an end; jobs read it and return what they have."""
    lists_results: bool = True
    """Whether the files that a batch writes are printed to stdout, one in a line."""
    n_failed: int = 0
    """How many of the items that `each` went through have failed."""
    _was_asked: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether the user asked for an end."""
        return self._was_asked or self.stop.is_set()

    def say(self, text: str) -> None:
        """Print a line that is not a result."""
        self.console.print(with_options(text))

    def say_failed(self, name: object, message: str) -> None:
        """Say why something has failed, and what it is, if the message does not begin with that."""
        known = message.startswith(str(name))
        self.say(f"FAILED: {message}" if known else f"{name}: FAILED: {message}")

    def run(self, job: Job[Event, R], label: str = "") -> R:
        """Run a job under a progress bar; Ctrl-C or SIGTERM asks it to stop and keeps what is done.

        Raises
        ------
        typer.Exit
            It was stopped before there was anything to keep.
        """
        columns = (
            TextColumn("{task.fields[label]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}"),
        )
        with (
            self._asking_to_stop(),
            Bar(*columns, console=self.console, transient=True) as bar,
        ):
            task = bar.add_task("", total=1.0, label=label, left="")
            try:
                return run(job, lambda event: self._show(event, bar, task))
            except EXPECTED as error:
                if not self.interrupted:
                    raise
                self.say(one_line(error))  # e.g. that there is nothing to keep
                raise typer.Exit(INTERRUPTED) from error

    def run_dry(self, job: Job[Event, R], instead: Callable[[R], str] = lambda result: "") -> None:
        """Run a job that ends with its forecast, and print that to stdout.

        Parameters
        ----------
        job
            A dry run: the last that it says is the forecast.
        instead
            What is printed in place of it, by the result; empty: the forecast.
        """
        said: list[str] = []
        result = run(
            job, lambda event: said.append(event.text) if isinstance(event, Stage) else None
        )
        *before, forecast = said
        for text in before:
            self.say(text)
        typer.echo(instead(result) or forecast)

    def each(
        self, items: Sequence[T], work: Callable[[T], R], name: Callable[[T], object] = str
    ) -> Iterator[R]:
        """Do the same with one item after the other, until the user asks for an end.

        An item that fails is reported, and the others are done nevertheless; a lone one raises.
        """
        for item in items:
            if self.interrupted:
                return
            try:
                result = work(item)
            except typer.Exit:
                raise
            except EXPECTED as error:
                if len(items) == 1:
                    raise
                self.n_failed += 1
                self.say_failed(name(item), one_line(error))
            else:
                yield result

    def end(self, code: int = 0) -> None:
        """End the command with the exit code that says how it went.

        Parameters
        ----------
        code
            That of what was found, where nothing was interrupted and nothing has failed.
        """
        if code := INTERRUPTED if self.interrupted else FAILED if self.n_failed else code:
            raise typer.Exit(code)

    def _show(self, event: Event, bar: Bar, task: TaskID) -> None:
        match event:
            case Progress(done=done, seconds_left=seconds, text=text):
                left = time_left(seconds)
                bar.update(task, completed=done, left=left, description=text)
            case Stage(text=text):
                self.say(text)
            case EpochDone():
                self.say(epoch_line(event))
            case PairsGathered(notes=notes):
                for note in notes:
                    self.say(note)
            case FitStep(text=text, held_out_nll=nll):
                bar.update(task, description=f"{text}: {nll:.4f} nats per pixel")
            case FileStarted(path=path, why_again=why):
                bar.update(task, label=path.name)
                if why:
                    self.say(f"{path.name} is split again: {why}.")
            case FileOutcome(path=path, status="failed", message=message):
                self.say_failed(path, message)
            case FileOutcome(status="done" | "stopped", outputs=outputs):
                self._list(outputs, bar)
            case PreviewSplit() | PartDrawn() | SampleDrawn() | BlocksWritten():
                pass  # pictures are for windows
            case FileProgress() | FileOutcome():
                pass  # files that are skipped are counted in the end
            case _:
                assert_never(event)

    def _list(self, outputs: Sequence[Path], bar: Bar) -> None:
        """Print results to stdout, which a bar in the terminal would else take over."""
        if self.lists_results and outputs:
            bar.stop()
            for output in outputs:
                typer.echo(str(output))
            bar.start()

    @contextmanager
    def _asking_to_stop(self) -> Iterator[None]:
        def ask(number: int, frame: FrameType | None) -> None:
            if self.stop.is_set():  # asked twice: the user does not want to wait
                raise KeyboardInterrupt
            self.stop.set()
            self._was_asked = True  # a job may go on without the part that was stopped
            self.say(
                f"Stopping; what is done is kept, and the exit code is {INTERRUPTED}. Ctrl-C again "
                "ends at once and keeps less."
            )

        # Only the main thread may set handlers; elsewhere signals are not ours to take.
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, ask) for number in stopping_signals()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
