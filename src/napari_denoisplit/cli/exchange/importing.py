"""The command that takes over a model of another program."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.checkpoint import SUFFIX, save_model
from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    check_writable,
    read_noise_models,
    read_structures,
)
from napari_denoisplit.cli.parts.options import Series, numbers, with_settings, words
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import ImportSettings, MixSettings

if TYPE_CHECKING:
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.normalization import Normalization


@with_settings(MixSettings, "mode")
@with_settings(ImportSettings, " ".join(ImportSettings.model_fields))
def import_(
    checkpoint: Path,
    *,
    output: Path | None = None,
    names: str = "",
    images: list[Path] | None = None,
    means: str = "",
    stds: str = "",
    noise_model: list[Path] | None = None,
    weights: str = "",
    overwrite: bool = False,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Take over a model that was trained with denoiSplit, muSplit or careamics.

    Weights are read and nothing else: nothing in the file is executed. What they do not hold is
    asked for: the names of the structures in the order of the network's output, and what the pixels
    were normalized by.

    denoisplit import best.ckpt --names ER,microtubules --images er.tif --images microtubules.tif

    Parameters
    ----------
    checkpoint
        Checkpoint of denoiSplit, muSplit or careamics (*.ckpt, *.pth).
    output
        Model file to write (*.denoisplit); left out, beside the checkpoint.
    names
        Names of the structures, with commas: nuclei,actin.
    images
        Training image of a structure, or one that holds all as channels: means and standard
        deviations are computed of it. Give the option once for each.
    means
        In place of images, means that the training pixels were normalized by, with commas: of the
        superposition, then of each structure.
    stds
        Standard deviations, in the same order.
    noise_model
        Noise model (*.npz) that it was trained with; give the option once for each structure, in
        their order.
    weights
        Weight of each structure in the superposition, with commas: 0.4,0.6. Left out, they follow
        --mix.
    """
    if not checkpoint.is_file():
        problem = "is a folder" if checkpoint.is_dir() else "does not exist"
        raise UsageError(f"{checkpoint} {problem}. Name the checkpoint file (*.ckpt, *.pth).")
    output = output or checkpoint.with_suffix(SUFFIX)
    check_model_name(output)
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists. Choose another --output, or add --overwrite.")
    check_writable(output)
    mix = MixSettings(mode=chosen.pop("mode"), weights=numbers(weights, "--weights"))
    given = ImportSettings(**chosen)
    channel_names = words(names)
    terminal = Terminal()

    from napari_denoisplit.jobs.importing import import_model  # imports torch

    fields = _fields(terminal, images, axes, series)
    if not channel_names and fields is not None:
        channel_names = fields.channel_names
    model = import_model(
        checkpoint,
        channel_names,
        fields or _statistics(means, stds),
        mix=mix,
        noise_models=read_noise_models(terminal, noise_model) if noise_model else None,
        settings=given,
    )
    save_model(output, model)
    terminal.say(f"{model.header.network.in_words}; structures: {', '.join(channel_names)}")
    typer.echo(f"model: {output}")


def _fields(
    terminal: Terminal, images: list[Path] | None, axes: str | None, series: int | None
) -> TrainingFields | None:
    from napari_denoisplit.images.training.fields import TrainingFields

    if not images:
        return None
    return TrainingFields.from_images(read_structures(terminal, images, axes, series))


def _statistics(means: str, stds: str) -> Normalization:
    from napari_denoisplit.images.training.normalization import Normalization

    mean, std = numbers(means, "--means"), numbers(stds, "--stds")
    if mean is None or std is None or len(mean) != len(std) or len(mean) < 2:
        raise UsageError(
            "The weights do not hold what the pixels were normalized by: give training images with "
            "--images, or --means and --stds with a number for the superposition and one for each "
            "structure."
        )
    return Normalization(
        input_mean=mean[0], input_std=std[0], channel_means=mean[1:], channel_stds=std[1:]
    )
