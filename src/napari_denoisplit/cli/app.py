"""The application `denoisplit`: its commands, and what happens to their errors."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from napari_denoisplit import __version__
from napari_denoisplit.cli.adapt import adapt
from napari_denoisplit.cli.add_noise import add_noise
from napari_denoisplit.cli.alternatives import alternatives
from napari_denoisplit.cli.calibrate.command import calibrate
from napari_denoisplit.cli.consensus import consensus
from napari_denoisplit.cli.demo import demo
from napari_denoisplit.cli.denoise import denoise
from napari_denoisplit.cli.evaluate import evaluate
from napari_denoisplit.cli.example import example
from napari_denoisplit.cli.exchange.export import export
from napari_denoisplit.cli.exchange.importing import import_
from napari_denoisplit.cli.film import film
from napari_denoisplit.cli.info import info
from napari_denoisplit.cli.noise.command import noise
from napari_denoisplit.cli.objects import objects
from napari_denoisplit.cli.parts.errors import EXPECTED, FAILED, exit_code, one_line
from napari_denoisplit.cli.parts.options import register
from napari_denoisplit.cli.parts.streams import print_anything, unprinted
from napari_denoisplit.cli.parts.terminal import stopping_signals
from napari_denoisplit.cli.prior import prior
from napari_denoisplit.cli.split.command import split
from napari_denoisplit.cli.train import train
from napari_denoisplit.cli.trust import trust

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="denoisplit",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Split a noisy image of several structures into one denoised image per structure, "
    "with the uncertainty of every pixel.\n\n"
    "Train a model once on images of the separate structures, then split any number of images "
    "in which they lie on top of each other. 'denoisplit example' writes real cells and a model to "
    "try it with; 'denoisplit demo' goes the whole way on a made-up sample.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-denoisplit {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where in the program an error arose.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    # `main` reads --debug itself: errors pass through it after the commands are gone.
    pass


for _command in (
    example,
    demo,
    train,
    adapt,
    split,
    film,
    calibrate,
    trust,
    consensus,
    alternatives,
    objects,
    denoise,
    prior,
    noise,
    info,
    import_,
    export,
    evaluate,
    add_noise,
):
    register(app, _command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; an error becomes one line on stderr and an exit code.

    Parameters
    ----------
    arguments
        Words after the command's name; None takes those of the process.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    if debug:  # allowed anywhere, as it is added to a line that went wrong
        words = ["--debug", *(word for word in words if word != "--debug")]
    else:  # what these log about a damaged file (zarr by asyncio) is said better by the error
        for library in ("tifffile", "asyncio"):
            logging.getLogger(library).addHandler(logging.NullHandler())
    print_anything()
    is_main = threading.current_thread() is threading.main_thread()
    # Before and between jobs, too, an end that a scheduler asks for is the user's Ctrl-C.
    asked = [number for number in stopping_signals() if number != signal.SIGINT and is_main]
    before = {number: signal.signal(number, signal.default_int_handler) for number in asked}
    try:
        # On Windows *.tif is expanded only in arguments that the application takes by itself.
        app(words if debug or arguments is not None else None, prog_name="denoisplit")
    except EXPECTED as error:
        if debug:
            raise
        typer.echo(f"error: {one_line(error)}", err=True)
        sys.exit(exit_code(error))
    except SystemExit as end:
        if not end.code and (why := unprinted()):
            typer.echo(f"error: not all of what is printed could be written: {why}.", err=True)
            sys.exit(FAILED)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
