"""The command that denoises images without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.errors import FAILED, UsageError
from napari_denoisplit.cli.parts.files import (
    check_writable,
    listed,
    read,
    read_noise_models,
    results_of,
)
from napari_denoisplit.cli.parts.options import Series, with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.errors import ImageError
from napari_denoisplit.sealed_file import SUFFIX
from napari_denoisplit.settings import DenoiseSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import DenoiseMethod


@with_settings(
    DenoiseSettings,
    "method minutes steps n_samples levels_off device seed patch_size batch_size learning_rate "
    "precision",
)
def denoise(
    images: list[Path],
    *,
    output: Path = Path("denoised"),
    model: Path | None = None,
    noise_model: Path | None = None,
    resume: bool = False,
    channel: list[str] | None = None,
    axes: str | None = None,
    series: Series = None,
    **chosen: Any,
) -> None:
    """Denoise images by a network that learns from these images alone.

    Of every image NAME this writes NAME_denoised.ome.tif with the same axes, pixel size and
    channels. One network for each channel learns from all images given, so give images of one
    kind; nothing clean and no model is needed. With --model the network is kept for later images.
    Noise2Void works where the noise of a pixel tells nothing about its neighbours': the verdict
    says whether the result may be used. Nothing but the network of --resume is overwritten. Ctrl-C
    ends the learning early and keeps what there is.

    With --method hdn or divnoising, for images of one channel, samples are drawn: NAME_mmse.ome.tif
    and NAME_sigma.ome.tif are written, as by split. The network of --model can be calibrated.

    denoisplit denoise day1/*.tif -o results --minutes 3

    denoisplit denoise day1/*.tif -o results --method divnoising --model fibres.denoisplit

    Parameters
    ----------
    images
        Noisy images of the same kind, or folders of them.
    output
        Folder for the results; for one image also a .tif file.
    model
        Model file (*.denoisplit) of the network: one that exists is applied and nothing is learned;
        otherwise what is learned is kept there. Each of several channels has a file of its own,
        NAME_CHANNEL.
    noise_model
        Noise model (*.npz, *.npy, *.json) of the channel, for hdn and divnoising. Left out, one is
        fitted to the images; noise that goes on from pixel to pixel needs one of kind correlated.
    resume
        Go on learning where the training of --model ended, and replace it.
    channel
        Channel to denoise: its name, or its number from 1; give the option once for each. Left out,
        all are denoised.
    minutes
        For each channel.
    """
    settings = DenoiseSettings(**chosen)
    _check_model(model, resume=resume)
    if noise_model is not None and settings.method == "noise2void":
        raise UsageError(
            "Noise2Void needs no noise model. Leave --noise-model out, or take --method hdn or "
            "divnoising."
        )
    terminal = Terminal()
    paths = listed(terminal, images)
    targets = _targets(paths, output, settings.method)

    def opened(path: Path) -> tuple[Path, Image]:
        return path, read(terminal, path, axes, series, channel)

    readable = dict(terminal.each(paths, opened))
    if settings.method != "noise2void":
        _by_samples(terminal, targets, readable, settings, model, noise_model, resume=resume)
        return

    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.jobs.denoise.images import denoise_images_job  # imports torch

    job = denoise_images_job(
        list(readable.values()), settings, path=model, resume=resume, stop=terminal.stop
    )
    result = terminal.run(job, "denoise")
    terminal.say(result.summary)
    if not result.is_usable:
        kept = "" if model is None else " The network is kept: let it learn longer with --resume."
        raise ImageError(f"No channel could be denoised, so no image was written.{kept}")
    record = json.dumps(result.provenance)
    for path, image in zip(readable, result.images, strict=True):
        write_image(targets[path], image, description=record)
        typer.echo(str(targets[path]))
    bad = any(verdict.grade == "do not use" for verdict in result.verdicts.values())
    terminal.end(FAILED if bad else 0)


def _check_model(model: Path | None, *, resume: bool) -> None:
    if model is None and resume:
        raise UsageError("--resume needs a network to go on with: name its file with --model.")
    if model is not None and model.suffix != SUFFIX:
        raise UsageError(f"--model {model}: model files end in {SUFFIX}.")
    if model is not None:
        check_writable(model)


def _by_samples(
    terminal: Terminal,
    targets: dict[Path, Path],
    images: dict[Path, Image],
    settings: DenoiseSettings,
    model: Path | None,
    noise_model: Path | None,
    *,
    resume: bool,
) -> None:
    """Denoise by samples, and write what a split writes."""
    from napari_denoisplit.images.results.files import write_split
    from napari_denoisplit.jobs.denoise.by_samples import denoise_by_samples_job  # imports torch

    known = read_noise_models(terminal, [noise_model])[0] if noise_model else None
    job = denoise_by_samples_job(
        list(images.values()),
        settings,
        path=model,
        resume=resume,
        noise_model=known,
        stop=terminal.stop,
    )
    for path, split in zip(images, terminal.run(job, "denoise"), strict=False):  # after a stop
        for written in write_split(split, targets[path]):
            typer.echo(str(written))
    terminal.end()


def _targets(paths: Sequence[Path], output: Path, method: DenoiseMethod) -> dict[Path, Path]:
    """File that each image is written to, or results by samples; refuse those that exist."""
    if method != "noise2void":
        return _result_targets(paths, output)
    if output.suffix.lower() not in {".tif", ".tiff"}:
        targets = results_of(paths, output, "_denoised.ome.tif")
    elif len(paths) > 1:
        raise UsageError(f"--output {output} is one file for {len(paths)} images. Name a folder.")
    else:
        check_writable(output)
        targets = {paths[0]: output}
    for target in targets.values():
        if target.exists():
            raise UsageError(f"{target} exists. Remove it, or choose another --output.")
    return targets


def _result_targets(paths: Sequence[Path], output: Path) -> dict[Path, Path]:
    """Folder and name, without ending, of the results of each image."""
    from napari_denoisplit.images.results.files import ResultFiles

    if output.suffix.lower() in {".tif", ".tiff"}:
        raise UsageError(
            f"--output {output}: mean and sigma are several files. Name a folder for them."
        )
    targets = results_of(paths, output, "")
    for target in targets.values():
        if existing := ResultFiles(target).existing():
            raise UsageError(f"{existing[0]} exists. Remove it, or choose another --output.")
    return targets
