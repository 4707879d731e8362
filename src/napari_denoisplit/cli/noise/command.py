"""The command that fits noise models, or judges those that exist."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from napari_denoisplit.cli.noise.report import comparison, in_words, plain
from napari_denoisplit.cli.noise.tasks import choose_source, noise_tasks
from napari_denoisplit.cli.noise.work import NoiseWork, is_enough
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
from napari_denoisplit.cli.parts.region import parse_region
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings, NoiseKind, NoiseSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.cli.noise.report import NoiseReport
    from napari_denoisplit.cli.noise.tasks import NoiseTask
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.noise.models.noise_model import NoiseModel

ANY: tuple[NoiseKind, ...] = ("gaussian_mixture", "histogram", "poisson_gaussian")
KINDS: dict[str, tuple[NoiseKind, ...]] = {".npz": ANY, ".npy": ("histogram",), ".json": ANY}
"""Kinds of noise model that a file of each suffix can hold; the first is its default."""
PICTURES = (".png", ".svg", ".pdf")

ImagesArgument = Annotated[
    list[Path],
    typer.Argument(
        help="Noisy images as they came from the microscope; each channel of each gets a noise "
        "model of its own.",
        show_default=False,
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="Noise model to write: *.npz (any kind; other programs read Gaussian mixtures there), "
        "*.npy (histogram, without its verdict) or *.json (any kind). Of several channels each "
        "gets a file of its own, NAME-CHANNEL.npz.",
        show_default=False,
    ),
]
FromOption = Annotated[
    NoiseSource | None,
    typer.Option(
        "--from",
        help="Where the signal behind the noise comes from: repeats (the T axis holds exposures "
        "of one static field), pairs (clean images, see --clean), bootstrap (a denoiser trained "
        "on the images for some minutes), single (local mean and variance, at once). Left out: "
        "pairs with --clean, else single.",
        show_default=False,
    ),
]
CleanOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Clean image of the same field; give the option once for each image, in their order."
    ),
]
RepeatsOption = Annotated[
    bool, typer.Option("--repeats", help="The same as --from repeats, as in 'denoisplit train'.")
]
ChannelOption = Annotated[
    str | None,
    typer.Option(
        help="Channel to take, of images that have several: its name, or its number from 1. Left "
        "out, every channel is taken.",
        show_default=False,
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        help="Part of the images to take: Y0:Y1,X0:X1 in pixels, as in 100:300,50:250.",
        show_default=False,
    ),
]
TogetherOption = Annotated[
    bool,
    typer.Option(
        "--together",
        help="The images show the same channels, and are taken as one: further fields, or with "
        "--from repeats exposures of one field in files of their own.",
    ),
]
CheckOption = Annotated[
    list[Path] | None,
    typer.Option(
        help="Judge this noise model by the images, without fitting one; give the option twice "
        "or more to compare models on the same pixels. With --output, a copy that carries the "
        "verdict is written.",
        show_default=False,
    ),
]
RequireOption = Annotated[
    Literal["usable", "good"] | None,
    typer.Option(
        help="End with exit code 3 unless every verdict is at least this good; what falls short "
        "is not written.",
        show_default=False,
    ),
]
PictureOption = Annotated[
    Path | None,
    typer.Option(
        help="Picture of the fit to write (*.png, *.svg, *.pdf), named like --output where "
        "there are several channels.",
        show_default=False,
    ),
]


@with_options(
    Choice(
        NoiseFitSettings,
        "kind",
        default=None,
        note="Left out: what --output is for, gaussian_mixture first.",
    ),
    Choice(NoiseFitSettings, "n_gaussians", ("--gaussians",)),
    Choice(NoiseFitSettings, "n_coefficients", ("--coefficients",)),
    Choice(DenoiseSettings, "minutes", note="For --from bootstrap."),
    Choice(DenoiseSettings, "device", note="For --from bootstrap."),
    Choice(NoiseFitSettings, "n_bins", ("--bins",), panel=MORE),
    Choice(NoiseFitSettings, "max_pixels", panel=MORE),
    Choice(NoiseFitSettings, "seed", panel=MORE),
)
def noise(
    images: ImagesArgument,
    output: OutputOption = None,
    source: FromOption = None,
    clean: CleanOption = None,
    repeats: RepeatsOption = False,
    channel: ChannelOption = None,
    region: RegionOption = None,
    together: TogetherOption = False,
    check: CheckOption = None,
    require: RequireOption = None,
    picture: PictureOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that exist.")
    ] = False,
    axes: AxesOption = None,
    series: SeriesOption = None,
    **chosen: Any,
) -> None:
    """Fit a noise model to images, and say whether to trust it.

    A noise model says how a measured value scatters around the true signal; splitting needs one
    of each structure. The verdict is good, usable or do not use, with its reasons; it is kept in
    the file. A model that is not to be used ends with exit code 0 all the same, as fitting it
    went well: see --require. Ctrl-C ends the training of a denoiser early and fits to what it has.

    denoisplit noise slide.tif --from repeats -o camera.npz
    """
    checked = check or []
    _check_call(output, checked, picture, chosen)
    taken, why = choose_source(source, has_clean=bool(clean), repeats=repeats)
    settings = _fit_settings(chosen, output)
    denoise = DenoiseSettings(
        minutes=chosen["minutes"], device=chosen["device"], seed=settings.seed
    )
    terminal = Terminal()
    to_read = _ToRead(
        terminal, axes, series, None if region is None else parse_region(region), together
    )
    noisy = to_read.images(images)
    tasks = noise_tasks(noisy, to_read.images(clean or []), taken, channel)
    if together:
        tasks = [task.of_files(images) for task in tasks]
    _check_targets(tasks, output, picture, overwrite=overwrite)
    if why:
        terminal.say(f"The signal is taken from '{taken}', as {why}.{_hint(taken, noisy)}")
    work = NoiseWork(
        settings, denoise, terminal, output, picture, require, _models(checked, output)
    )
    reports, failed = _work_through(work, tasks, aloud=not as_json)
    if as_json:
        typer.echo(json.dumps([plain(report) for report in reports], indent=2))
    if terminal.interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed:
        raise typer.Exit(FAILED)
    if not all(is_enough(report.verdict, require) for report in reports):
        terminal.say(f"A noise model is not {require!r}, as --require asks.")
        raise typer.Exit(SHORT)


def _work_through(
    work: NoiseWork, tasks: Sequence[NoiseTask], *, aloud: bool
) -> tuple[list[NoiseReport], int]:
    """Return what was found, and how many channels failed; a lone one raises."""
    reports: list[NoiseReport] = []
    failed = 0
    for task in tasks:
        if work.terminal.interrupted:
            break
        if len(tasks) > 1:
            work.terminal.say(f"{task.data.name}:")
        try:
            found = work.reports(task)
        except EXPECTED as error:
            if len(tasks) == 1:
                raise
            failed += 1
            typer.echo(f"{task.data.name}: FAILED: {one_line(error)}", err=True)
            continue
        reports += found
        if aloud:
            for report in found:
                typer.echo("\n".join(in_words(report)))
            if len(found) > 1:
                typer.echo("\n".join(comparison(found)))
    return reports, failed


@dataclass(frozen=True, slots=True)
class _ToRead:
    """How images are read."""

    terminal: Terminal
    axes: str | None
    series: int | None
    region: PlaneRegion | None
    together: bool

    def images(self, paths: Sequence[Path]) -> list[Image]:
        found = [read(self.terminal, path, self.axes, self.series) for path in paths]
        if self.region is not None:
            found = [self.region.cut(image) for image in found]
        if not self.together or len(found) < 2:
            return found
        from napari_denoisplit.images.training.noise_data import stack_over_time

        return [stack_over_time(found)]


def _check_call(
    output: Path | None, checked: Sequence[Path], picture: Path | None, chosen: dict[str, Any]
) -> None:
    """Refuse options that do not go together."""
    if output is None and not checked:
        raise UsageError("name the noise model to write with --output, or one to --check.")
    if output is not None and output.suffix.lower() not in KINDS:
        raise UsageError(f"--output {output}: let the name end in {', '.join(KINDS)}.")
    if picture is not None and picture.suffix.lower() not in PICTURES:
        raise UsageError(f"--picture {picture}: let the name end in {', '.join(PICTURES)}.")
    if len(checked) > 1 and (output or picture):
        raise UsageError("--output and --picture go with one --check: judge one model at a time.")
    if checked and any(chosen[name] for name in ("kind", "n_gaussians", "n_coefficients")):
        raise UsageError("--check fits nothing: leave --kind, --gaussians and --coefficients out.")


def _fit_settings(chosen: dict[str, Any], output: Path | None) -> NoiseFitSettings:
    kind = chosen["kind"]
    kinds = KINDS[".json" if output is None else output.suffix.lower()]
    if kind is not None and kind not in kinds:
        raise UsageError(_unsuited(kind, output))
    names = ("n_gaussians", "n_coefficients", "n_bins", "max_pixels", "seed")
    return NoiseFitSettings(kind=kind or kinds[0], **{name: chosen[name] for name in names})


def _unsuited(kind: str, output: Path | None) -> str:
    suited = [suffix for suffix, kinds in KINDS.items() if kind in kinds]
    return f"--output {output}: a {kind} cannot be kept there, but in {' or '.join(suited)}."


def _models(checked: Sequence[Path], output: Path | None) -> dict[Path, NoiseModel]:
    if not checked:
        return {}
    from napari_denoisplit.noise.files.noise_file import read_noise_model  # imports torch

    models = {path: read_noise_model(path) for path in checked}
    for model in models.values():
        if output is not None and model.kind not in KINDS[output.suffix.lower()]:
            raise UsageError(_unsuited(model.kind, output))
    return models


def _check_targets(
    tasks: Sequence[NoiseTask], output: Path | None, picture: Path | None, *, overwrite: bool
) -> None:
    """Refuse to replace what exists, before anything is computed."""
    targets = [task.path(path) for path in (output, picture) if path for task in tasks]
    existing = [str(path) for path in targets if path.exists()]
    if existing and not overwrite:
        raise UsageError(f"{', '.join(existing)} exists: choose another name, or add --overwrite.")


def _hint(source: NoiseSource, images: Sequence[Image]) -> str:
    """Say what would be better, where the data may allow it."""
    if source != "single" or all(image.size("T") < 2 for image in images):
        return ""
    return (
        " The T axis is read as a time-lapse; if it holds exposures of one static field, add "
        "--repeats for a better model."
    )
