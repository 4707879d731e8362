"""The command that measures a prediction against the truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.files import read
from napari_denoisplit.cli.parts.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.measures.comparison import ChannelScore
    from napari_denoisplit.measures.samples.quality import SampleScore

_MEANING = """\
A single sample usually has a lower PSNR than the mean of many, which leaves out what differs. The
standard deviation (SD-PSNR) says how much samples differ in quality, not whether they are right:
0 is what a model without posterior gives, and it grows with bad samples as well. Compare it only
between models of about the same PSNR, on the same image."""


def evaluate(
    prediction: Path, truth: list[Path], *, samples: Path | None = None, as_json: bool = False
) -> None:
    """Measure how close a prediction is to the truth, channel by channel.

    PSNR (decibel) and MS-SSIM (at most 1) are larger for a better prediction. Both are
    range-invariant: they do not depend on the unit of the prediction. The plain PSNR and SSIM
    beside them compare the prediction as it is: they tell also whether its grey levels are right.

    With --samples, also the PSNR of single posterior samples, and by how much it differs from
    sample to sample (standard-deviation PSNR): a measure of diversity, not of quality.

    Parameters
    ----------
    prediction
        What was predicted: the result of a split, e.g. NAME.zarr, or an image.
    truth
        The clean image, of the same size; or one for each structure, with their names or in
        their order.
    samples
        Result with kept samples, to measure each of them: an OME-Zarr folder, NAME_mmse.ome.tif or
        NAME_samples.
    """
    from napari_denoisplit.images.channels import as_channels
    from napari_denoisplit.images.results.files import is_result, open_split
    from napari_denoisplit.measures.comparison import compare, partners

    terminal = Terminal()
    predicted = open_split(prediction).mmse if is_result(prediction) else read(terminal, prediction)
    true = as_channels([read(terminal, path) for path in truth])
    if len(truth) > 1 and not partners(true.channel_names, predicted.channel_names):
        pairs = zip(predicted.channel_names, true.channel_names, strict=False)
        terminal.say("By their order: " + ", ".join(f"{name} is {file}" for name, file in pairs))
    scores = compare(truth=true, prediction=predicted)
    of_samples = () if samples is None else _sample_scores(true, samples)
    if as_json:
        typer.echo(json.dumps(_as_json(scores, of_samples), indent=2))
        return
    _print_table(scores)
    if of_samples:
        _print_samples(of_samples)


def _sample_scores(truth: Image, path: Path) -> tuple[SampleScore, ...]:
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.measures.samples.quality import sample_scores

    return sample_scores(truth, open_split(path))


def _as_json(
    scores: Sequence[ChannelScore], of_samples: Sequence[SampleScore]
) -> list[dict[str, Any]]:
    found = [asdict(score) for score in scores]
    for entry, score in zip(found, of_samples, strict=False):
        entry["samples"] = {key: value for key, value in asdict(score).items() if key != "name"}
    return found


def _print_table(scores: Sequence[ChannelScore]) -> None:
    width = max(len("channel"), *(len(score.name) for score in scores))
    head = f"{'PSNR (dB)':>9}  {'MS-SSIM':>7}  {'plain PSNR':>10}  {'SSIM':>5}"
    typer.echo(f"{'channel':<{width}}  {head}")
    for score in scores:
        similarity = "-" if score.ms_ssim is None else f"{score.ms_ssim:.3f}"
        plain = f"{score.plain_psnr:10.2f}  {score.ssim:5.3f}"
        typer.echo(f"{score.name:<{width}}  {score.psnr:9.2f}  {similarity:>7}  {plain}")
    if any(score.ms_ssim is None for score in scores):
        typer.echo("MS-SSIM needs images of at least 176 pixels along each edge.")


def _print_samples(scores: Sequence[SampleScore]) -> None:
    width = max(len("channel"), *(len(score.name) for score in scores))
    typer.echo(f"\n{'channel':<{width}}  {'samples':>7}  {'PSNR of one':>11}  {'its SD (dB)':>11}")
    for score in scores:
        typer.echo(
            f"{score.name:<{width}}  {score.n_samples:>7}  {score.psnr:11.2f}  "
            f"{score.psnr_spread:11.3f}"
        )
    typer.echo(_MEANING)
