from __future__ import annotations

import io
import signal
from pathlib import Path

import pytest
import typer
from rich.console import Console

from napari_denoisplit.cli.parts.terminal import Terminal, epoch_line
from napari_denoisplit.errors import ImageError, TrainingError
from napari_denoisplit.events import (
    Elbo,
    EpochDone,
    FileOutcome,
    FileStarted,
    Progress,
    Stage,
)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(Console(file=io.StringIO(), width=200))


def said(terminal: Terminal) -> str:
    assert isinstance(terminal.console.file, io.StringIO)
    return terminal.console.file.getvalue()


def test_a_job_returns_its_result_and_its_stages_are_said(terminal):
    def job():
        yield Stage("Reading")
        yield Progress(done=0.5, seconds_left=3.0, text="step 1")
        return 42

    assert terminal.run(job()) == 42
    assert "Reading" in said(terminal)
    assert not terminal.interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_the_job_to_stop_and_keeps_its_result(terminal, number):
    def job():
        done = 0
        while not terminal.stop.is_set():
            done += 1
            if done == 3:
                signal.raise_signal(number)
            yield Progress(done=0.0, seconds_left=None, text="")
        return done

    before = signal.getsignal(number)
    assert terminal.run(job()) == 3
    assert terminal.interrupted
    assert signal.getsignal(number) is before
    assert "exit code is 130" in said(terminal)


def test_a_job_that_goes_on_without_what_was_stopped_was_interrupted_nevertheless(terminal):
    def job():
        signal.raise_signal(signal.SIGINT)
        terminal.stop.clear()
        yield Stage("Denoising by what was learned so far")

    terminal.run(job())
    assert terminal.interrupted


def test_what_is_interrupted_before_there_is_anything_to_keep_ends_with_130(terminal):
    def job():
        signal.raise_signal(signal.SIGTERM)
        yield Stage("still here")
        raise TrainingError("stopped before its first step")

    with pytest.raises(typer.Exit) as end:
        list(terminal.each([1, 2], lambda _: terminal.run(job())))
    assert end.value.exit_code == 130
    assert "stopped before its first step" in said(terminal)


def test_ctrl_c_twice_ends_a_job_that_does_not_listen(terminal):
    def deaf():
        for _ in range(2):
            signal.raise_signal(signal.SIGINT)
            yield Stage("still here")

    with pytest.raises(KeyboardInterrupt):
        terminal.run(deaf())


def test_the_line_of_an_epoch_names_steps_that_were_skipped():
    elbo = Elbo(loss=1.5, reconstruction=1.25, kl_per_level=(0.25,))
    event = EpochDone(
        epoch=2,
        step=64,
        seconds=90.0,
        train=elbo,
        validation=elbo,
        psnr=(20.125, 22.0),
        learning_rate=1e-3,
        skipped_steps=3,
        is_best=True,
    )
    line = epoch_line(event)
    assert "loss 1.5000 = 1.2500 + KL" in line
    assert "20.12 / 22.00 dB" in line
    assert "3 steps skipped" in line
    assert "best" in line


def test_files_of_a_batch_are_listed_on_stdout_and_failures_are_said(terminal, capsys):
    def job():
        yield FileStarted(0, Path("a.tif"), "the image has changed")
        yield FileOutcome(0, Path("a.tif"), "done", (Path("out/a_mmse.ome.tif"),))
        yield FileOutcome(1, Path("b.tif"), "failed", message="no image")

    terminal.run(job())
    assert capsys.readouterr().out == f"{Path('out/a_mmse.ome.tif')}\n"
    assert "a.tif is split again: the image has changed." in said(terminal)
    assert "b.tif: FAILED: no image" in said(terminal)


def half(number):
    if number % 2:
        raise ImageError(f"{number} is odd")
    return number // 2


def test_what_fails_is_reported_and_the_rest_is_done(terminal):
    assert list(terminal.each([2, 3, 4], half)) == [1, 2]
    assert said(terminal) == "FAILED: 3 is odd\n"  # named once
    list(terminal.each([2, 3], half, lambda number: f"number {number}"))
    assert "number 3: FAILED: 3 is odd" in said(terminal)
    with pytest.raises(typer.Exit) as end:
        terminal.end()
    assert end.value.exit_code == 1


def test_what_fails_alone_is_an_error(terminal):
    with pytest.raises(ImageError, match="3 is odd"):
        list(terminal.each([3], half))
    assert said(terminal) == ""


def test_after_an_interruption_nothing_more_is_begun(terminal):
    done = terminal.each([2, 4], half)
    assert next(done) == 1
    terminal.stop.set()
    assert list(done) == []
    with pytest.raises(typer.Exit) as end:
        terminal.end(3)
    assert end.value.exit_code == 130


def test_a_command_ends_with_the_code_of_what_was_found(terminal):
    terminal.end()
    with pytest.raises(typer.Exit) as end:
        terminal.end(3)
    assert end.value.exit_code == 3


def test_a_dry_run_prints_its_forecast_alone(terminal, capsys):
    def job():
        yield Stage("Loading")
        yield Stage("About 5 min")
        return "nothing to do"

    terminal.run_dry(job())
    terminal.run_dry(job(), lambda result: result)
    assert capsys.readouterr().out == "About 5 min\nnothing to do\n"
    assert said(terminal) == "Loading\nLoading\n"
