"""The command that denoises images without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.parts.errors import EXPECTED, FAILED, INTERRUPTED, UsageError, one_line
from napari_denoisplit.cli.parts.files import AxesOption, SeriesOption, read
from napari_denoisplit.cli.parts.options import MORE, Choice, with_options
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.errors import ImageError
from napari_denoisplit.settings import DenoiseSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image


@with_options(
    Choice(DenoiseSettings, "minutes", ("--minutes", "-m"), note="For each channel."),
    Choice(DenoiseSettings, "steps"),
    Choice(DenoiseSettings, "device"),
    Choice(DenoiseSettings, "seed"),
    *(
        Choice(DenoiseSettings, field, panel=MORE)
        for field in ("patch_size", "batch_size", "learning_rate", "precision")
    ),
)
def denoise(
    images: Annotated[
        list[Path],
        typer.Argument(help="Noisy images of the same kind.", show_default=False),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="Folder for the results; for one image also a .tif file."
        ),
    ] = Path("denoised"),
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Denoise images by a network that learns from these images alone.

    Of every image NAME this writes NAME_denoised.ome.tif with the same axes, pixel size and
    channels. One network for each channel learns from all images given, so give images of one
    kind; nothing clean and no model is needed. It works where the noise of a pixel tells nothing
    about its neighbours': the verdict says whether the result may be used. Nothing is overwritten.
    Ctrl-C ends the learning early and keeps what there is.

    denoisplit denoise day1/*.tif -o results --minutes 3
    """
    settings = DenoiseSettings(**chosen)
    targets = _targets(images, output)
    terminal = Terminal()
    opened = _open(terminal, images, axes, series)

    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.jobs.denoise.images import denoise_images_job  # imports torch

    job = denoise_images_job(list(opened.values()), settings, stop=terminal.stop)
    result = terminal.run(job, "denoise")
    terminal.say(result.summary)
    if not result.is_usable:
        raise ImageError("No channel could be denoised, so nothing was written.")
    record = json.dumps(result.provenance)
    for path, image in zip(opened, result.images, strict=True):
        write_image(targets[path], image, description=record)
        typer.echo(str(targets[path]))
    failed = len(images) - len(opened)
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed or any(verdict.grade == "do not use" for verdict in result.verdicts.values()):
        raise typer.Exit(FAILED)


def _targets(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """File that each image is written to; refuse those that exist or would be shared."""
    if output.suffix.lower() in {".tif", ".tiff"}:
        if len(paths) > 1:
            raise UsageError(
                f"--output {output} is one file for {len(paths)} images: name a folder."
            )
        targets = {paths[0]: output}
    elif output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder for the results.")
    else:
        targets = {path: output / f"{_stem(path)}_denoised.ome.tif" for path in paths}
    taken: dict[Path, Path] = {}
    for path, target in targets.items():
        if target in taken:
            raise UsageError(
                f"{taken[target]} and {path} would both be written to {target}: denoise them in "
                "two runs with different --output folders."
            )
        if target.exists():
            raise UsageError(f"{target} exists: remove it or choose another --output.")
        taken[target] = path
    return targets


def _stem(path: Path) -> str:
    return path.name.removesuffix(path.suffix).removesuffix(".ome").removesuffix(".OME")


def _open(
    terminal: Terminal, paths: Sequence[Path], axes: str | None, series: int | None
) -> dict[Path, Image]:
    """Open every image that can be; the others are reported."""
    opened: dict[Path, Image] = {}
    for path in paths:
        try:
            opened[path] = read(terminal, path, axes, series)
        except EXPECTED as error:
            if len(paths) == 1:
                raise
            typer.echo(f"{path}: FAILED: {one_line(error)}", err=True)
    return opened
