"""What `denoisplit split --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import typer

from napari_denoisplit.events import Stage, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.events import Event, Job

R = TypeVar("R")


def say_forecast(
    terminal: Terminal, job: Job[Event, R], instead: Callable[[R], str] = lambda result: ""
) -> None:
    """Run a job that ends with its forecast, and print that to stdout.

    Parameters
    ----------
    terminal
        Where all else is said that the job has to say.
    job
        A dry run: the last that it says is the forecast.
    instead
        What is printed in place of it, by the result; empty: the forecast.
    """
    said: list[str] = []
    result = run(job, lambda event: said.append(event.text) if isinstance(event, Stage) else None)
    *before, forecast = said
    for text in before:
        terminal.say(text)
    typer.echo(instead(result) or forecast)
