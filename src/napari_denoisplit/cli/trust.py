"""The command that checks whether splits explain their images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.cli.parts.errors import (
    EXPECTED,
    FAILED,
    INTERRUPTED,
    SHORT,
    UsageError,
    one_line,
)
from napari_denoisplit.cli.parts.files import AxesOption, SeriesOption, read
from napari_denoisplit.cli.parts.options import MORE, Choice, with_options
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.images.channels import choose_channel
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.verdict import Grade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck

N_SAMPLES = 5
"""The noise of the image limits the check, not the number of samples."""
_RANK: dict[Grade, int] = {"good": 2, "usable": 1, "do not use": 0}

ModelArgument = Annotated[
    Path, typer.Argument(help="Model file (*.denoisplit).", show_default=False)
]
ImagesArgument = Annotated[
    list[Path],
    typer.Argument(help="Images in which the structures lie together.", show_default=False),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for the residuals; left out, none is written."),
]
ChannelOption = Annotated[
    str | None,
    typer.Option(help="Channel to split: its name, or its number from 1.", show_default=False),
]
ReferenceOption = Annotated[
    bool,
    typer.Option(
        "--reference",
        help="Take these images as the model's own kind: what it leaves of them is kept in the "
        "model file, and later images are compared with it. They must not be images that it was "
        "trained on: their files are recognized, superpositions of the same fields are not.",
    ),
]
RequireOption = Annotated[
    Grade | None,
    typer.Option(help="End with exit code 3 if an image is judged worse.", show_default=False),
]


@with_options(
    Choice(SplitSettings, "n_samples", ("--samples", "-n"), default=N_SAMPLES),
    Choice(SplitSettings, "device"),
    Choice(SplitSettings, "seed"),
    *(
        Choice(SplitSettings, field, panel=MORE)
        for field in ("tile_size", "overlap", "memory_gib", "precision")
    ),
)
def trust(
    model: ModelArgument,
    images: ImagesArgument,
    output: OutputOption = None,
    channel: ChannelOption = None,
    reference: ReferenceOption = False,
    require: RequireOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Check without truth whether a model explains images, so that its split may be believed.

    Each image is split with a few samples, the predicted structures are put together again, and
    what is left is judged by the noise models: it must be noise. The verdict says good, usable or
    do not use. It sees whether the structures together explain the image, not whether each part
    went to the right structure.

    With -o this writes NAME_residual.ome.tif, in standard deviations of the noise, and
    NAME_unexplained.ome.tif, the same smoothed: beyond 4 or so, something was not explained there.

    denoisplit trust cells.denoisplit day1/*.tif -o check
    """
    settings = SplitSettings(keep_samples=chosen["n_samples"], **chosen)
    if output is not None:
        _check_output(output, images)
    terminal = Terminal()

    from napari_denoisplit.checkpoint import load_model  # imports torch

    loaded = load_model(model)

    if reference:
        given = [read(terminal, path, axes, series) for path in images]
        _keep_reference(terminal, model, loaded, given, channel, settings)
        return
    from napari_denoisplit.jobs.trust.residuals import trust_job

    facts: list[dict[str, Any]] = []  # not the pictures: a folder of them would fill the memory
    grades: list[Grade] = []
    failed = 0
    for path in images:
        try:
            image = _chosen(read(terminal, path, axes, series), channel)
            job = trust_job(loaded, image, settings, stop=terminal.stop)
            _, check = terminal.run(job, path.name)
        except EXPECTED as error:
            if len(images) == 1:
                raise
            failed += 1
            terminal.say(f"{path}: FAILED: {one_line(error)}")
            continue
        if output is not None:
            _write(output, path, check)
        if not as_json:
            _print(path, check)
        facts.append(_facts(path, check))
        grades.append(check.verdict.grade)
        if terminal.interrupted:
            break
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(FAILED)
    if require and any(_RANK[grade] < _RANK[require] for grade in grades):
        raise typer.Exit(SHORT)


def _chosen(image: Image, channel: str | None) -> Image:
    return image if channel is None else choose_channel(image, channel)


def _keep_reference(
    terminal: Terminal,
    path: Path,
    model: Model,
    given: Sequence[Image],
    channel: str | None,
    settings: SplitSettings,
) -> None:
    """Measure a reference on images as they were read, and keep it in the model's file."""
    from napari_denoisplit.checkpoint import save_model
    from napari_denoisplit.jobs.trust.reference import (
        reference_job,
        seen_in_training,
        with_reference,
    )

    images = [_chosen(image, channel) for image in given]
    for warning in seen_in_training(model.header, given):
        terminal.say(f"warning: {warning}")
    names = ", ".join(image.name for image in images)
    found = terminal.run(reference_job(model, images, settings, data=names, stop=terminal.stop))
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if found is None:
        raise UsageError(
            "These images are too small for a reference: give images of 128 x 128 pixels or more."
        )
    save_model(path, with_reference(model, found))
    numbers = zip(
        ("variance", "correlation", "bias squared"), found.base, found.spread, strict=True
    )
    text = ", ".join(f"{name} {mean:.3f} ± {spread:.3f}" for name, mean, spread in numbers)
    terminal.say(f"Reference of {found.n_tiles:.0f} tiles of {found.edge} pixels: {text}")
    typer.echo(str(path))


def _name(path: Path) -> str:
    return path.name.removesuffix(path.suffix).removesuffix(".ome").removesuffix(".OME")


def _check_output(folder: Path, images: Sequence[Path]) -> None:
    """Refuse a folder that is none, and images whose results would replace one another."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output {folder} is a file: name a folder for the residuals.")
    seen: dict[str, Path] = {}
    for path in images:
        if (other := seen.setdefault(_name(path).casefold(), path)) != path:
            raise UsageError(
                f"{other} and {path} would be written to the same files: check them one after the "
                "other, with another --output."
            )


def _write(folder: Path, path: Path, check: ResidualCheck) -> None:
    from napari_denoisplit.images.files.writing import write_image

    name = _name(path)
    record = json.dumps(_facts(path, check))
    for ending, image in (("residual", check.residual), ("unexplained", check.bias)):
        target = folder / f"{name}_{ending}.ome.tif"
        write_image(target, image, description=record)


def _print(path: Path, check: ResidualCheck) -> None:
    typer.echo(f"{path}: {check.verdict.grade}")
    for reason in check.verdict.reasons:
        typer.echo(f"  {reason}")


def _facts(path: Path, check: ResidualCheck) -> dict[str, Any]:
    """Return the judgement on one image, for other programs."""
    return {
        "path": str(path),
        "grade": check.verdict.grade,
        "reasons": list(check.verdict.reasons),
        "n_samples": check.figures.n_samples,
        "expected outside 3 sigma": check.expected_outside,
        **check.verdict.figures,
    }
