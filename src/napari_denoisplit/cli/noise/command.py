"""The command that fits noise models, or judges those that exist."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from napari_denoisplit.cli.noise.report import NoiseReport, comparison, in_words, plain
from napari_denoisplit.cli.noise.tasks import choose_source, noise_tasks
from napari_denoisplit.cli.parts.errors import SHORT, UsageError
from napari_denoisplit.cli.parts.files import check_targets, check_writable, parse_region, read_each
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings, NoiseKind, NoiseSource
from napari_denoisplit.verdict import Grade, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.cli.noise.tasks import NoiseTask
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.noise.models.noise_model import NoiseModel

ANY: tuple[NoiseKind, ...] = ("gaussian_mixture", "histogram", "poisson_gaussian", "correlated")
KINDS: dict[str, tuple[NoiseKind, ...]] = {".npz": ANY, ".npy": ("histogram",), ".json": ANY}
"""Kinds of noise model that a file of each suffix can hold; the first is its default."""
PICTURES = (".png", ".svg", ".pdf")
UNJUDGED = Verdict(grade="do not use", reasons=("The model was not judged.",))


@with_settings(DenoiseSettings, "minutes device")
@with_settings(
    NoiseFitSettings,
    "kind n_gaussians n_coefficients n_bins max_pixels seed",
    kind=None,
)
def noise(
    images: list[Path],
    *,
    output: Path | None = None,
    source: NoiseSource | None = None,
    clean: list[Path] | None = None,
    repeats: bool = False,
    channel: list[str] | None = None,
    region: str | None = None,
    together: bool = False,
    check: list[Path] | None = None,
    require: Literal["usable", "good"] | None = None,
    picture: Path | None = None,
    as_json: bool = False,
    overwrite: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Fit a noise model to images, and say whether to trust it.

    A noise model says how a measured value scatters around the true signal; splitting needs one
    of each structure. The verdict is good, usable or do not use, with its reasons; it is kept in
    the file. A model that is not to be used ends with exit code 0 all the same, as fitting it
    went well: see --require. Ctrl-C ends the training of a denoiser early and fits to what it has.

    denoisplit noise exposures.tif --from repeats -o camera.npz

    Parameters
    ----------
    images
        Noisy images as they came from the microscope, or folders of them; each channel of each
        image gets a noise model of its own.
    output
        Noise model to write: *.npz (any kind; other programs read Gaussian mixtures there), *.npy
        (histogram, without its verdict) or *.json (any kind). Of several channels each gets a file
        of its own, NAME-CHANNEL.npz.
    source
        Where the signal behind the noise comes from: repeats (the T axis holds exposures of one
        static field), pairs (clean images, see --clean), bootstrap (a denoiser trained on the
        images for some minutes), single (local mean and variance, at once). Left out: pairs with
        --clean, else single.
    clean
        Clean image of the same field; give the option once for each image, in their order.
    repeats
        The same as --from repeats, as in 'denoisplit train'.
    channel
        Channel to take of images that have several: its name, or its number from 1; give the option
        once for each. Left out, every channel is taken.
    together
        The images show the same channels, and are taken as one: further fields, or with --from
        repeats exposures of one field in files of their own.
    check
        Judge this noise model by the images, without fitting one; give the option twice or more to
        compare models on the same pixels. With --output, a copy that carries the verdict is
        written.
    require
        End with exit code 3 unless every verdict is at least this good; what falls short is not
        written.
    picture
        Picture of the fit to write (*.png, *.svg, *.pdf), named like --output where there are
        several channels.
    kind
        Left out: what --output is for.
    minutes, device
        For --from bootstrap.
    """
    checked = check or []
    _check_call(output, checked, picture, chosen)
    taken, why = choose_source(source, has_clean=bool(clean), repeats=repeats)
    settings = _fit_settings(chosen, output)
    denoise = DenoiseSettings(seed=settings.seed, **{k: chosen[k] for k in ("minutes", "device")})
    terminal = Terminal()
    noisy = _cut(read_each(terminal, images, axes, series), channel, region, together=together)
    cleaned = read_each(terminal, clean or [], axes, series)
    cleaned = _cut(cleaned, channel, region, together=together, lone=True)
    tasks = noise_tasks(noisy, cleaned, taken)
    if together:
        tasks = [task.of_files(images) for task in tasks]
    targets = [task.path(path) for path in (output, picture) if path for task in tasks]
    check_targets(*targets, overwrite=overwrite)
    if why:
        terminal.say(f"The signal is taken from '{taken}', as {why}.{_hint(taken, noisy)}")
    models = _models(checked, output)

    def reports_of(task: NoiseTask) -> list[NoiseReport]:
        """Fit or judge, write what is good enough, and say what was found."""
        if len(tasks) > 1:
            terminal.say(f"{task.data.name}:")
        if models:
            found = _judged(terminal, task, models, settings, denoise)
        else:
            found = [_fitted(terminal, task, settings, denoise)]
        found = [_written(report, task, output, picture, require) for report in found]
        if not as_json:
            _print(found)
        return found

    each = terminal.each(tasks, reports_of, lambda task: task.data.name)
    reports = [report for found in each for report in found]
    if as_json:
        typer.echo(json.dumps([plain(report) for report in reports], indent=2))
    terminal.end()
    if not all(report.verdict.reaches(require) for report in reports):
        terminal.say(f"A noise model is not {require!r}, as --require asks.")
        raise typer.Exit(SHORT)


def _fitted(
    terminal: Terminal, task: NoiseTask, settings: NoiseFitSettings, denoise: DenoiseSettings
) -> NoiseReport:
    from napari_denoisplit.jobs.noise.job import fit_noise_job  # imports torch

    job = fit_noise_job(task.data, settings, denoise=denoise, stop=terminal.stop)
    fit = terminal.run(job, task.data.name)
    verdict = fit.model.record.verdict or UNJUDGED
    return NoiseReport(task.data, fit.model, fit.pairs, fit.curves, verdict, None, fit.candidates)


def _judged(
    terminal: Terminal,
    task: NoiseTask,
    models: dict[Path, NoiseModel],
    settings: NoiseFitSettings,
    denoise: DenoiseSettings,
) -> list[NoiseReport]:
    from napari_denoisplit.jobs.noise.job import gather_job, judge_noise_job

    gathering = gather_job(task.data, settings, denoise=denoise, stop=terminal.stop)
    pairs, _ = terminal.run(gathering, task.data.name)
    reports = []
    for path, model in models.items():
        found = terminal.run(judge_noise_job(model, pairs), path.name)
        record = model.record.model_copy(update={"verdict": found.verdict})
        judged = model.with_record(record)
        reports.append(NoiseReport(task.data, judged, pairs, found.curves, found.verdict, path))
    return reports


def _written(
    report: NoiseReport,
    task: NoiseTask,
    output: Path | None,
    picture: Path | None,
    required: Grade | None,
) -> NoiseReport:
    """Write model and picture; a model that falls short is only drawn."""
    if picture is not None:
        from napari_denoisplit.jobs.noise.picture import save_noise_picture

        report = replace(report, picture=task.path(picture))
        save_noise_picture(task.path(picture), report.curves, report.verdict, report.data.name)
    if output is not None and report.verdict.reaches(required):
        from napari_denoisplit.noise.files.noise_file import write_noise_model

        report = replace(report, model_file=task.path(output))
        write_noise_model(task.path(output), report.model)
    return report


def _print(reports: Sequence[NoiseReport]) -> None:
    for report in reports:
        typer.echo("\n".join(in_words(report)))
    if len(reports) > 1:
        typer.echo("\n".join(comparison(reports)))


def _cut(
    images: list[Image],
    channel: list[str] | None,
    region: str | None,
    *,
    together: bool,
    lone: bool = False,
) -> list[Image]:
    """Take channels and region of images, and as one those that belong together.

    Where `lone`, an image of one channel shows the chosen one: clean images often do.
    """
    if channel:
        images = [
            image if lone and image.n_channels == 1 else choose_channels(image, channel)
            for image in images
        ]
    if (part := parse_region(region)) is not None:
        images = [part.cut(image) for image in images]
    if not together or len(images) < 2:
        return images
    from napari_denoisplit.images.training.noise_data import stack_over_time

    return [stack_over_time(images)]


def _check_call(
    output: Path | None, checked: Sequence[Path], picture: Path | None, chosen: dict[str, Any]
) -> None:
    """Refuse options that do not go together, and files that cannot be written."""
    if output is None and not checked:
        raise UsageError("Name the noise model to write with --output, or one to --check.")
    if output is not None and output.suffix.lower() not in KINDS:
        raise UsageError(
            f"Noise models end in {', '.join(KINDS)}. Rename --output {output} to "
            f"{output.with_suffix('.npz')}."
        )
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise UsageError(
            f"Pictures end in {', '.join(PICTURES)}. Rename --picture {picture} to "
            f"{picture.with_suffix('.png')}."
        )
    for file in filter(None, (output, picture)):
        check_writable(file)
    if len(checked) > 1 and (output or picture):
        raise UsageError("--output and --picture go with one --check. Judge one model at a time.")
    if checked and any(chosen[name] for name in ("kind", "n_gaussians", "n_coefficients")):
        raise UsageError("--check fits nothing. Leave --kind, --gaussians and --coefficients out.")


def _fit_settings(chosen: dict[str, Any], output: Path | None) -> NoiseFitSettings:
    kind = chosen["kind"]
    kinds = KINDS[".json" if output is None else output.suffix.lower()]
    if kind is not None and kind not in kinds:
        raise UsageError(_unsuited(kind, output))
    kind = kind or kinds[0]
    if kind != "gaussian_mixture" and any(
        chosen[name] for name in ("n_gaussians", "n_coefficients")
    ):
        raise UsageError(
            f"--gaussians and --coefficients are of the kind gaussian_mixture, and {kind} is to be "
            "fitted. Leave them out."
        )
    names = ("n_gaussians", "n_coefficients", "n_bins", "max_pixels", "seed")
    return NoiseFitSettings(kind=kind, **{name: chosen[name] for name in names})


def _unsuited(kind: str, output: Path | None) -> str:
    suited = [suffix for suffix, kinds in KINDS.items() if kind in kinds]
    can = f"Files that can end in {' or '.join(suited)}."
    return f"--output {output} cannot keep a noise model of kind {kind}. {can}"


def _models(checked: Sequence[Path], output: Path | None) -> dict[Path, NoiseModel]:
    if not checked:
        return {}
    from napari_denoisplit.noise.files.noise_file import read_noise_model  # imports torch

    models = {path: read_noise_model(path) for path in checked}
    for model in models.values():
        if output is not None and model.kind not in KINDS[output.suffix.lower()]:
            raise UsageError(_unsuited(model.kind, output))
    return models


def _hint(source: NoiseSource, images: Sequence[Image]) -> str:
    """Say what would be better, where the data may allow it."""
    if source != "single" or all(image.size("T") < 2 for image in images):
        return ""
    return (
        " The T axis is read as a time-lapse; if it holds exposures of one static field, add "
        "--repeats for a better model."
    )
