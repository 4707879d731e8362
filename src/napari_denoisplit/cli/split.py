"""The command that splits images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.errors import EXPECTED, FAILED, INTERRUPTED, UsageError, one_line
from napari_denoisplit.cli.files import AxesOption, SeriesOption, choose_channel, read
from napari_denoisplit.cli.options import MORE, Choice, with_options
from napari_denoisplit.cli.terminal import Terminal
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.splitting import Split

__all__ = ["split"]


@with_options(
    Choice(SplitSettings, "n_samples", ("--samples", "-n")),
    Choice(
        SplitSettings,
        "keep_samples",
        default=0,
        note="Each becomes a file in the folder <name>_samples.",
    ),
    Choice(SplitSettings, "device"),
    Choice(SplitSettings, "seed"),
    *(
        Choice(SplitSettings, field, panel=MORE)
        for field in ("tile_size", "overlap", "memory_gib", "precision")
    ),
)
def split(
    model: Annotated[Path, typer.Argument(help="Model file (*.denoisplit).", show_default=False)],
    images: Annotated[
        list[Path],
        typer.Argument(help="Images in which the structures lie together.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path(
        "split"
    ),
    channel: Annotated[
        str | None,
        typer.Option(
            help="Channel to split, of images that have several: its name, or its number from 1.",
            show_default=False,
        ),
    ] = None,
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Split images into denoised images of their structures.

    Of every image NAME this writes NAME_mmse.ome.tif, the best estimate of each structure, and
    NAME_sigma.ome.tif, its uncertainty in the same unit (from 2 samples on); both have one
    channel per structure. Results of an earlier run are replaced. An image that cannot be split
    is reported, and the others are split nevertheless. Ctrl-C keeps what is done.

    denoisplit split cells.denoisplit day1/*.tif -o results
    """
    settings = SplitSettings(**chosen)
    names = _result_names(images)
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file: name a folder for the results.")
    terminal = Terminal()

    from napari_denoisplit.checkpoint import load_model  # imports torch

    loaded = load_model(model)
    output.mkdir(parents=True, exist_ok=True)
    failed = 0
    for path, name in zip(images, names, strict=True):
        if terminal.interrupted:
            break
        try:
            image = read(terminal, path, axes, series)
            if channel is not None:
                image = choose_channel(image, channel)
            result = _split_one(terminal, loaded, image, settings)
            for written in _write(result, output / name):
                typer.echo(str(written))
        except EXPECTED as error:
            failed += 1
            typer.echo(f"{path}: FAILED: {one_line(error)}", err=True)
    if len(images) > 1:
        terminal.say(f"{len(images)} images, {failed} failed")
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(FAILED)


def _result_names(paths: Sequence[Path]) -> list[str]:
    """Name of each image without its extension; refuse two that would share their results."""
    names = [
        path.name.removesuffix(path.suffix).removesuffix(".ome").removesuffix(".OME")
        for path in paths
    ]
    first: dict[str, Path] = {}
    for name, path in zip(names, paths, strict=True):
        if name in first:
            raise UsageError(
                f"{first[name]} and {path} would have the same results {name}_mmse.ome.tif: "
                "split them in two runs with different --output folders."
            )
        first[name] = path
    return names


def _split_one(terminal: Terminal, model: Model, image: Image, settings: SplitSettings) -> Split:
    from napari_denoisplit.jobs.splitting import split_job

    job = split_job(model, image, settings, stop=terminal.stop)
    return terminal.run(job, image.name)


def _write(result: Split, target: Path) -> list[Path]:
    """Write what there is of a result; nothing, if it was stopped before the first sample."""
    from napari_denoisplit.images.writing import write_image

    if result.n_samples == 0:
        return []
    record = json.dumps(_record(result), default=str)
    written = []
    for kind, image in (("mmse", result.mmse), ("sigma", result.sigma)):
        path = target.with_name(f"{target.name}_{kind}.ome.tif")
        if kind == "sigma" and result.n_samples == 1:  # one sample has no spread; 0 would be a lie
            path.unlink(missing_ok=True)
            continue
        write_image(path, image, description=record)
        written.append(path)
    if result.samples is not None and len(result.samples):
        folder = target.with_name(f"{target.name}_samples")
        folder.mkdir(exist_ok=True)
        # OME-TIFF has no axis for samples: one file each, with the axes of the MMSE
        for number, sample in enumerate(result.samples, start=1):
            sampled = replace(result.mmse, data=sample)
            write_image(folder / f"{number:03d}.ome.tif", sampled, description=record)
        _remove_samples_after(folder, len(result.samples))
        written.append(folder)
    return written


def _remove_samples_after(folder: Path, n_kept: int) -> None:
    """Remove samples of an earlier run with more of them: they are not of the new MMSE."""
    for path in folder.glob("*.ome.tif"):
        number = path.name.removesuffix(".ome.tif")
        if number.isdecimal() and int(number) > n_kept:
            path.unlink()


def _record(result: Split) -> dict[str, Any]:
    """Return how a result was made; it is kept in the files as their description."""
    return {
        "samples": result.n_samples,
        "sigma": "calibrated" if result.calibrated else "uncalibrated",
        "stopped_early": result.stopped_early,
        **result.provenance,
    }
