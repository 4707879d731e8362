"""The command that takes over a model of another program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from napari_denoisplit.checkpoint import save_model
from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_model_name,
    check_targets,
    read_noise_models,
    read_structures,
)
from napari_denoisplit.cli.parts.options import Series, numbers, with_settings, words
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import ImportSettings, MixSettings


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
    check_targets(output, overwrite=overwrite)
    mix = MixSettings(mode=chosen.pop("mode"), weights=numbers(weights, "--weights"))
    given = ImportSettings(**chosen)
    terminal = Terminal()

    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.jobs.importing import import_model, statistics_of  # imports torch

    model = import_model(
        checkpoint,
        words(names),
        TrainingFields.from_images(read_structures(terminal, images, axes, series))
        if images
        else statistics_of(numbers(means, "--means") or (), numbers(stds, "--stds") or ()),
        mix=mix,
        noise_models=read_noise_models(terminal, noise_model) if noise_model else None,
        settings=given,
    )
    save_model(output, model)
    header = model.header
    terminal.say(f"{header.network.in_words}; structures: {', '.join(header.channel_names)}")
    typer.echo(f"model: {output}")
