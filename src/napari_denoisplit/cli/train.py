"""The command that trains a model."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    check_targets,
    read_each,
    read_noise_models,
    read_structures,
)
from napari_denoisplit.cli.parts.named_settings import (
    assigned,
    merged,
    read_settings,
    train_settings,
)
from napari_denoisplit.cli.parts.options import Series, numbers, with_settings, words
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.errors import DenoisplitError, TrainingError, message_of
from napari_denoisplit.settings import MixSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.jobs.learning.loop import Trained


OPTIONS = (
    "recipe preset minutes until_good device seed method steps epochs patch_size batch_size "
    "batches_per_step learning_rate schedule augment structure_bias validation_fraction "
    "test_fraction precision"
)


@with_settings(MixSettings, "mode", mode=None)
@with_settings(TrainSettings, OPTIONS, **dict.fromkeys(OPTIONS.split()))
def train(
    images: list[Path],
    *,
    output: Path,
    names: str = "",
    weights: str = "",
    noise_model: list[Path] | None = None,
    clean: list[Path] | None = None,
    superposition: list[Path] | None = None,
    repeats: bool = False,
    channel: list[str] | None = None,
    resume: Path | None = None,
    changes: list[str] | None = None,
    settings_file: Path | None = None,
    overwrite: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Train a model that splits images into their structures.

    You need images of each structure alone, as noisy as the images that you want to split later:
    of the same fields, or as many of each as there are. Ctrl-C ends the training early and keeps
    the best model so far.

    denoisplit train nuclei.tif actin.tif -o cells.denoisplit --minutes 30

    Parameters
    ----------
    images
        Noisy images of the separate structures: one file or folder per structure, or files that
        hold every structure as a channel, or folders of those. Structures whose planes differ in
        number or size are taken from fields of their own; nothing is registered then.
    output
        Model file to write (*.denoisplit).
    names
        Names of the structures, with commas: nuclei,actin.
    weights
        Weight of each structure in the superposition, with commas: 0.4,0.6. Left out, they follow
        --mix.
    noise_model
        Noise model (*.npz, *.npy, *.json) of a structure; give the option once for each, in their
        order. Left out, noise models are fitted to the images.
    clean
        Clean image of the same field as a noisy one, if you have it; give the option once for each,
        in their order. Not learned from: it serves noise models and checks.
    superposition
        The same field recorded with all structures at once, as the images that you will split; give
        the option once for each, in the order of the fields. The network learns from it in place of
        mixed channels, and how it is mixed of them is measured. Left out, channels are mixed.
    repeats
        The time points of the images are repeated exposures of one place, not a time-lapse: noise
        models are then fitted to them, which is the best way.
    channel
        Structure to train on, of images that have several channels: its name, or its number from 1;
        give the option once for each. Left out, every channel is one.
    resume
        Go on where the training that wrote this *.last.denoisplit ended.
    changes
        Any setting of training, network (network.), loss (loss.) or mix (mix.) by its name: --set
        loss.beta=0.5 --set network.n_levels=5; give the option once for each. A wrong name is
        answered with those that are near.
    settings_file
        TOML file with such settings by name. Options of the command come before it, and --set
        before those.
    minutes
        Left out: {default}, or no limit where --steps or --epochs is given.
    """
    check_model_name(output)
    check_targets(output, overwrite=overwrite or resume is not None)
    settings = _settings(chosen, weights, settings_file, changes or ())
    terminal = Terminal() if _leads() else Terminal(Console(quiet=True))
    from napari_denoisplit.images.training.separate import fields_of

    fields = fields_of(
        read_structures(terminal, images, axes, series, channel),
        read_structures(terminal, clean or (), axes, series, channel),
        superpositions=read_each(terminal, superposition or (), axes, series),
        t_is_repeats=repeats,
    ).named(words(names))
    _check_one_each(fields, settings, noise_model)
    apart = "" if fields.shows is None else " from fields of their own"
    terminal.say(
        f"{len(fields.fields)} image(s) of {' and '.join(fields.channel_names)}{apart}, "
        f"preset {settings.preset}{', recipe of the paper' if settings.recipe == 'paper' else ''}"
    )

    # torch is paid for only here, when everything else is known to be right
    from napari_denoisplit.jobs.learning.together import joined
    from napari_denoisplit.jobs.train.job import help_job, train_job

    noise_models = read_noise_models(terminal, noise_model) if noise_model else None
    with joined():
        if not _leads():
            terminal.run(help_job(fields, settings, noise_models, resume))
            return
        job = train_job(
            fields,
            settings,
            path=output,
            noise_models=noise_models,
            resume=resume,
            stop=terminal.stop,
        )
        _report(terminal.run(job, "training"), fields.channel_names)
    terminal.end()


def _leads() -> bool:
    """Whether this process is alone, or the first of those that torchrun started."""
    return "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"


def _check_one_each(
    fields: TrainingFields | SeparateFields,
    settings: TrainSettings,
    noise_models: Sequence[Path] | None,
) -> None:
    """Refuse what is given once per structure in another number."""
    given = {"--weights": settings.mix.weights, "--noise-model": noise_models}
    for option, values in given.items():
        if values and len(values) != fields.n_channels:
            raise UsageError(
                f"{option} is given {len(values)} time(s) for {fields.n_channels} structures "
                f"({', '.join(fields.channel_names)}). Give one for each."
            )


def _settings(
    chosen: dict[str, Any], weights: str, settings_file: Path | None, changes: Sequence[str]
) -> TrainSettings:
    """Join what a file, the options and --set say, the later before the earlier."""
    mix = {"mode": chosen.pop("mode"), "weights": numbers(weights, "--weights")}
    options = _given(chosen) | ({"mix": _given(mix)} if _given(mix) else {})
    from_file = read_settings(settings_file) if settings_file else {}
    return train_settings(merged(merged(from_file, options), assigned(changes)))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _report(trained: Trained, channel_names: Sequence[str]) -> None:
    best = [epoch for epoch in trained.history if epoch.is_best]
    if best:
        for name, psnr in zip(channel_names, best[-1].psnr, strict=True):
            typer.echo(f"{name}: PSNR {psnr:.2f} dB on the part kept for validation")
    else:
        typer.echo("no epoch was better than before: the earlier model is kept")
    if trained.stopped_early:
        typer.echo("stopped early")
    typer.echo(f"model: {trained.path or _another_place(trained.model)}")


def _another_place(model: Model) -> Path:
    """Ask where else to keep a model that no disk took; without a terminal say where it is."""
    from napari_denoisplit.checkpoint import save_model

    while sys.stdin.isatty():
        path = Path(typer.prompt("Keep the model as (a file NAME.denoisplit elsewhere)"))
        if path.exists():
            typer.echo(f"{path} exists. Choose another name.", err=True)
            continue
        try:
            save_model(path, model)
        except (DenoisplitError, OSError) as error:
            typer.echo(message_of(error), err=True)
        else:
            return path
    rescued = Path(tempfile.mkdtemp(prefix="denoisplit-model-"), "model.denoisplit")
    try:
        save_model(rescued, model)
    except (DenoisplitError, OSError) as error:
        raise TrainingError(
            "The model is lost: no disk took it, there is no terminal to ask for another place, "
            f"and the folder for temporary files is no way out: {message_of(error)}"
        ) from error
    raise TrainingError(
        f"The disk took no model. It was kept as {rescued}: move it from there, since folders for "
        "temporary files are emptied."
    )
