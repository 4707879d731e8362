"""Image files named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from napari_denoisplit.cli.options import MORE
from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.cli.terminal import Terminal
    from napari_denoisplit.images.image import Image

__all__ = ["AxesOption", "SeriesOption", "channel_index", "choose_channel", "read"]

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
    from napari_denoisplit.images.reading import read_image

    image = read_image(path, axes=axes, series=series)
    for note in image.notes:
        terminal.say(note)
    return image


def channel_index(image: Image, which: str) -> int:
    """Return the index of a channel, given by its name or by its number from 1."""
    numbers = [str(number) for number in range(1, image.n_channels + 1)]
    for labels in (image.channel_names, numbers):
        if which in labels:
            return labels.index(which)
    raise ImageError(
        f"{image.name!r} has no channel {which!r}: choose one of "
        f"{', '.join((*image.channel_names, *numbers))}."
    )


def choose_channel(image: Image, which: str) -> Image:
    """Return one channel of an image, by its name or by its number from 1."""
    return image.channel(channel_index(image, which))
