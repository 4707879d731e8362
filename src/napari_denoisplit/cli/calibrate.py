"""The command that calibrates the sigma of a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.checkpoint import SUFFIX
from napari_denoisplit.cli.errors import INTERRUPTED, SHORT, UsageError
from napari_denoisplit.cli.files import AxesOption, SeriesOption, read
from napari_denoisplit.cli.options import MORE, Choice, with_options
from napari_denoisplit.cli.terminal import Terminal
from napari_denoisplit.settings import CalibrateSettings
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.training_fields import TrainingFields
    from napari_denoisplit.jobs.calibration import Calibrated

__all__ = ["calibrate"]

ModelArgument = Annotated[
    Path, typer.Argument(help=f"The model (*{SUFFIX}) to calibrate.", show_default=False)
]
ImagesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Noisy images of the separate structures, as for training: one file per structure, "
        "or files that hold every structure as a channel. Images that the model has not seen, or "
        "all of its training images, of which the part kept aside is used.",
        show_default=False,
    ),
]
CleanOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Clean image of the same field as a noisy one, if you have it; give the option once "
        "for each, in their order. Without it the noise is taken out of the comparison."
    ),
]
SuperpositionOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Recorded superposition of a field; give the option once for each, in their order. "
        "Left out, the noisy structures are mixed as in training."
    ),
]
ReportOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Other noisy images to judge the calibration on, given as the first ones; left out, "
        "half of every image is kept for it."
    ),
]
ReportCleanOption = Annotated[
    list[Path] | None, typer.Option(help="Clean images of those to judge on.", rich_help_panel=MORE)
]
RepeatsOption = Annotated[
    bool,
    typer.Option(
        "--repeats",
        help="The time points of the images are repeated exposures of one place: one is split, and "
        "compared with the next, so that both have noise of their own.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Model file to write; left out, the model is replaced."),
]
TableOption = Annotated[
    Path | None, typer.Option(help="Write the points of the reliability diagram to this CSV file.")
]
AnywayOption = Annotated[
    bool, typer.Option("--anyway", help="Write the model even if its sigma is not to be used.")
]


@with_options(
    Choice(CalibrateSettings, "n_samples", ("--samples",)),
    Choice(CalibrateSettings, "method"),
    Choice(CalibrateSettings, "device"),
    Choice(CalibrateSettings, "seed"),
    *(
        Choice(CalibrateSettings, field, panel=MORE)
        for field in ("n_bins", "binning", "probe_samples", "max_pixels", "precision")
    ),
)
def calibrate(
    model: ModelArgument,
    images: ImagesArgument = None,
    clean: CleanOption = None,
    superposition: SuperpositionOption = None,
    report_on: ReportOption = None,
    report_clean: ReportCleanOption = None,
    repeats: RepeatsOption = False,
    output: OutputOption = None,
    table: TableOption = None,
    anyway: AnywayOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Bring the sigma of a model to the size of its errors, and say what it is then worth.

    You need images of the separate structures, of the same kind as those that you split. Clean ones
    are best; with noisy ones their noise is taken out of the comparison.

    denoisplit calibrate cells.denoisplit nuclei.tif actin.tif
    """
    target = output or model
    if target.suffix != SUFFIX:
        raise UsageError(f"--output {target}: the name of a model file ends in {SUFFIX}.")
    _check_folders(target, table)
    if report_clean and not report_on:
        raise UsageError("--report-clean needs --report-on, the noisy images of the same fields.")
    settings = CalibrateSettings(**chosen)
    terminal = Terminal()
    reading = (axes, series)
    if not images and not (clean and superposition):
        raise UsageError(
            "There is nothing to compare with: name noisy images of the structures, or clean ones "
            "(--clean) with their superposition (--superposition)."
        )
    fields = _fields(terminal, images or clean or [], clean or (), reading, repeats)
    judged_on = None
    if report_on:
        judged_on = _fields(terminal, report_on, report_clean or (), reading, repeats)
    mixed = [read(terminal, path, axes, series) for path in superposition or ()]

    # torch is paid for only here, when everything else is known to be right
    from napari_denoisplit.checkpoint import load_model, save_model
    from napari_denoisplit.jobs.calibration import calibrate_job
    from napari_denoisplit.jobs.calibration_fields import superposed_planes
    from napari_denoisplit.jobs.calibration_table import write_table

    job = calibrate_job(
        load_model(model),
        fields,
        settings,
        superpositions=superposed_planes(mixed) if mixed else None,
        report_on=judged_on,
        stop=terminal.stop,
    )
    result = terminal.run(job, "calibrating")
    usable = all(channel.verdict.grade != "do not use" for channel in result.channels)
    if usable or anyway:
        save_model(target, replace(result.model, path=target))
    _report(result, target if usable or anyway else None, as_json=as_json)
    if table is not None:
        write_table(table, result)  # last: what it may fail of must not cost the calibration
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not usable:
        raise typer.Exit(SHORT)


def _check_folders(*paths: Path | None) -> None:
    """Find out before the work, not after it, that its result has no place."""
    for path in paths:
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: there is no folder {path.absolute().parent}.")


def _fields(
    terminal: Terminal,
    images: Sequence[Path],
    clean: Sequence[Path],
    reading: tuple[str | None, int | None],
    repeats: bool,
) -> TrainingFields:
    from napari_denoisplit.images.training_fields import TrainingFields

    return TrainingFields.from_images(
        [read(terminal, path, *reading) for path in images],
        [read(terminal, path, *reading) for path in clean] or None,
        t_is_repeats=repeats,
    )


def _report(result: Calibrated, written: Path | None, *, as_json: bool) -> None:
    """Print what was found, for a reader or for another program."""
    if as_json:
        facts = {
            "model": str(written) if written else None,
            "stopped_early": result.stopped_early,
            "calibration": result.record.model_dump(mode="json"),
            "channels": [
                {
                    "name": channel.curves.channel,
                    "method": channel.curves.chosen,
                    "factors": dict(channel.factors),
                    "noise_scale": channel.noise_scale,
                    "verdict": channel.verdict.model_dump(mode="json"),
                    "by_samples": {
                        step.n_samples: {
                            "ece": step.curve.ece,
                            "slope": step.curve.line[0],
                            "correlation": step.curve.correlation,
                            "coverage": step.coverage,
                        }
                        for step in channel.curves.by_samples
                    },
                }
                for channel in result.channels
            ],
        }
        typer.echo(json.dumps(facts, indent=2))
        return
    _print_table(result)
    for channel in result.channels:
        typer.echo(f"{channel.curves.channel}: {channel.verdict.grade}")
        for reason in channel.verdict.reasons:
            typer.echo(f"  {reason}")
        if (plain := channel.factors.get("uncorrected")) is not None:
            typer.echo(
                f"  The targets' noise is in the input, too. Were that not minded, the factor "
                f"would be {plain:.3g} in place of {channel.factors['variance']:.3g}."
            )
    if written is None:
        typer.echo("The model is left as it was: --anyway writes it nevertheless.")
    else:
        typer.echo(f"model: {written}")


def _print_table(result: Calibrated) -> None:
    names = [channel.curves.channel for channel in result.channels]
    width = max(len("structure"), *map(len, names))
    typer.echo(
        f"{'structure':<{width}}  {'by':<10}  {'factor':>6}  {'ECE before':>10}  {'after':>8}  "
        f"{'slope':>5}  {'r':>5}  {'in 68%':>7}  {'in 95%':>7}"
    )
    parts = zip(result.channels, result.record.channels, result.record.scores, strict=True)
    for channel, calibration, score in parts:
        before, after = grey_levels(score.ece_before, 4), grey_levels(score.ece_after, 4)
        typer.echo(
            f"{score.channel:<{width}}  {channel.curves.chosen:<10}  {calibration.factor:6.3f}  "
            f"{before:>10}  {after:>8}  {score.slope:5.2f}  "
            f"{score.correlation:5.3f}  {score.coverage['68']:7.1%}  {score.coverage['95']:7.1%}"
        )
