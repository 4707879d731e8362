"""Image files named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from napari_denoisplit.cli.parts.options import MORE

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.images.image import Image

AxesOption = Annotated[
    str | None,
    typer.Option(
        "--axes",
        help="Meaning of the axes as they are stored, in place of what the files say: one letter "
        "of T, C, Z, Y, X for each, e.g. CYX.",
        rich_help_panel=MORE,
    ),
]
SeriesOption = Annotated[
    int | None,
    typer.Option(
        "--series",
        min=0,
        help="Which image of files that hold several, from 0.",
        rich_help_panel=MORE,
    ),
]


def read(terminal: Terminal, path: Path, axes: str | None, series: int | None) -> Image:
    """Read an image and say what had to be guessed about it."""
    from napari_denoisplit.images.files.reading import read_image

    image = read_image(path, axes=axes, series=series)
    for note in image.notes:
        terminal.say(note)
    return image
