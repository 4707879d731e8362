"""The command that splits images."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.errors import EXPECTED, FAILED, INTERRUPTED, UsageError, one_line
from napari_denoisplit.cli.options import MORE, Choice, with_options
from napari_denoisplit.cli.terminal import Terminal
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
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
    **chosen: Any,
) -> None:
    """Split images into denoised images of their structures.

    Of every image NAME this writes NAME_mmse.ome.tif, the best estimate of each structure, and
    NAME_sigma.ome.tif, its uncertainty in the same unit; both have one channel per structure.
    Results of an earlier run are replaced. An image that cannot be split is reported, and the
    others are split nevertheless. Ctrl-C keeps what is done.

    denoisplit split cells.denoisplit day1/*.tif -o results
    """
    settings = SplitSettings(**chosen)
    names = _result_names(images)
    output.mkdir(parents=True, exist_ok=True)
    terminal = Terminal()

    from napari_denoisplit.checkpoint import load_model  # imports torch

    loaded = load_model(model)
    failed = 0
    for path, name in zip(images, names, strict=True):
        if terminal.interrupted:
            break
        try:
            _split_one(terminal, loaded, path, output / name, settings)
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


def _split_one(
    terminal: Terminal, model: Model, path: Path, target: Path, settings: SplitSettings
) -> None:
    from napari_denoisplit.images.reading import read_image
    from napari_denoisplit.jobs.splitting import split_job

    job = split_job(model, read_image(path), settings, stop=terminal.stop)
    result = terminal.run(job, path.name)
    if result.n_samples == 0:
        terminal.say(f"{path}: stopped before the first sample, nothing to keep")
        return
    for written in _write(result, target):
        typer.echo(str(written))


def _write(result: Split, target: Path) -> list[Path]:
    from napari_denoisplit.images.writing import write_image

    mmse, sigma = (target.with_name(f"{target.name}_{kind}.ome.tif") for kind in ("mmse", "sigma"))
    write_image(mmse, result.mmse)
    write_image(sigma, result.sigma)
    written = [mmse, sigma]
    if result.samples is not None and len(result.samples):
        folder = target.with_name(f"{target.name}_samples")
        folder.mkdir(exist_ok=True)
        # OME-TIFF has no axis for samples: one file each, with the axes of the MMSE
        for number, sample in enumerate(result.samples, start=1):
            write_image(folder / f"{number:03d}.ome.tif", replace(result.mmse, data=sample))
        written.append(folder)
    record = target.with_name(f"{target.name}_split.json")
    record.write_text(json.dumps(_record(result), indent=2, default=str) + "\n", encoding="utf-8")
    return [*written, record]


def _record(result: Split) -> dict[str, Any]:
    return {
        "samples": result.n_samples,
        "sigma": "calibrated" if result.calibrated else "uncalibrated",
        "stopped_early": result.stopped_early,
        **result.provenance,
    }
