"""The command that checks whether splits explain their images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.errors import SHORT, UsageError
from napari_denoisplit.cli.parts.files import listed, read, results_of
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.measures.trust.round_trip import expected_errors
from napari_denoisplit.settings import SplitSettings
from napari_denoisplit.verdict import Grade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.verdict import Verdict

N_SAMPLES = 5
"""The noise of the image limits the check, not the number of samples."""


@with_settings(
    SplitSettings,
    "n_samples grey_levels device seed tile_size overlap memory_gib precision",
    n_samples=N_SAMPLES,
)
def trust(
    model: Path,
    images: list[Path],
    *,
    output: Path | None = None,
    channel: str | None = None,
    reference: bool = False,
    require: Grade | None = None,
    as_json: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Check whether a model explains images, and so whether to trust its splits; no truth needed.

    Each image is split with a few samples, the predicted structures are put together again, and
    what is left is judged by the noise models: it must be noise. Then they are put together anew,
    with fresh noise, and split once more: what comes back tells the error to expect. The verdict
    says good, usable or do not use.

    With -o this writes NAME_residual.ome.tif, in standard deviations of the noise, and
    NAME_unexplained.ome.tif, the same smoothed: beyond 4 or so, something was not explained there.
    NAME_unfamiliar.ome.tif tells how unlike the training images each place looks: above 2 the split
    may be wrong by more than sigma says, which NAME_widened_sigma.ome.tif allows for.

    denoisplit trust cells.denoisplit day1/*.tif -o check

    Parameters
    ----------
    images
        Images in which the structures lie together, or folders of such images.
    output
        Folder for the residuals; left out, none is written.
    reference
        Take these images as the model's own kind: what it leaves of them is kept in the model file,
        and later images are compared with it. They must not be images that it was trained on: their
        files are recognized, superpositions of the same fields are not.
    require
        End with exit code 3 if an image is judged worse than this.
    """
    settings = SplitSettings(keep_samples=chosen["n_samples"], **chosen)
    terminal = Terminal()
    paths = listed(terminal, images)
    targets = {} if output is None else results_of(paths, output, "")

    from napari_denoisplit.checkpoint import load_model  # imports torch
    from napari_denoisplit.jobs.lock import locked
    from napari_denoisplit.jobs.trust.job import trust_job

    if reference:
        given = [read(terminal, path, axes, series) for path in paths]
        with locked(model):
            _keep_reference(terminal, model, load_model(model), given, channel, settings)
        return
    loaded = load_model(model)

    def checked(path: Path) -> tuple[dict[str, Any], Verdict]:
        """Check one image; its pictures are not kept: a folder of them would fill the memory."""
        image = _chosen(read(terminal, path, axes, series), channel)
        split, check = terminal.run(
            trust_job(loaded, image, settings, stop=terminal.stop), path.name
        )
        facts = _facts(path, check)
        if targets:
            _write(targets[path], facts, check, split)
        if not as_json:
            _print(path, check.verdict)
        return facts, check.verdict

    found = list(terminal.each(paths, checked))
    if as_json:
        typer.echo(json.dumps([facts for facts, _ in found], indent=2))
    terminal.end(0 if all(verdict.reaches(require) for _, verdict in found) else SHORT)


def _chosen(image: Image, channel: str | None) -> Image:
    return image if channel is None else choose_channels(image, channel)


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
    terminal.end()
    if found is None:
        raise UsageError(
            "These images are too small for a reference. Give images of 128 x 128 pixels or more."
        )
    save_model(path, with_reference(model, found))
    numbers = zip(
        ("variance", "covariance", "bias squared", "trend"), found.base, found.spread, strict=True
    )
    text = ", ".join(f"{name} {mean:.3f} ± {spread:.3f}" for name, mean, spread in numbers)
    terminal.say(f"Reference of {found.n_tiles:.0f} tiles of {found.edge} pixels: {text}")
    typer.echo(str(path))


def _write(target: Path, facts: dict[str, Any], check: ResidualCheck, split: Split) -> None:
    from napari_denoisplit.images.files.writing import write_image

    images = (
        ("residual", check.residual),
        ("unexplained", check.bias),
        ("unfamiliar", check.unfamiliar),
        ("widened_sigma", check.widened_sigma(split)),
    )
    for ending, image in images:
        path = target.with_name(f"{target.name}_{ending}.ome.tif")
        if image is None:
            path.unlink(missing_ok=True)  # of an earlier check
        else:
            write_image(path, image, description=json.dumps(facts))


def _print(path: Path, verdict: Verdict) -> None:
    typer.echo(f"{path}: {verdict.grade}")
    for reason in verdict.reasons:
        typer.echo(f"  {reason}")
    for name, error in expected_errors(verdict).items():
        typer.echo(f"  expected error of {name}: {error:.0%} of its contrast")


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
