"""The command that measures a prediction against the truth."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_denoisplit.cli.files import read
from napari_denoisplit.cli.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.measures.comparison import ChannelScore

__all__ = ["evaluate"]


def evaluate(
    prediction: Annotated[
        Path, typer.Argument(help="What was predicted, e.g. NAME_mmse.ome.tif.", show_default=False)
    ],
    truth: Annotated[
        Path, typer.Argument(help="The clean image, of the same size.", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Measure how close a prediction is to the truth, channel by channel.

    PSNR (decibel) and MS-SSIM (at most 1) are larger for a better prediction. Both are
    range-invariant: they do not depend on the unit of the prediction.
    """
    from napari_denoisplit.measures.comparison import compare

    terminal = Terminal()
    predicted, true = (read(terminal, path, None, None) for path in (prediction, truth))
    scores = compare(truth=true, prediction=predicted)
    if as_json:
        typer.echo(json.dumps([asdict(score) for score in scores], indent=2))
    else:
        _print_table(scores)


def _print_table(scores: Sequence[ChannelScore]) -> None:
    width = max(len("channel"), *(len(score.name) for score in scores))
    typer.echo(f"{'channel':<{width}}  {'PSNR (dB)':>9}  {'MS-SSIM':>7}")
    for score in scores:
        similarity = "-" if score.ms_ssim is None else f"{score.ms_ssim:.3f}"
        typer.echo(f"{score.name:<{width}}  {score.psnr:9.2f}  {similarity:>7}")
    if any(score.ms_ssim is None for score in scores):
        typer.echo("MS-SSIM needs images of at least 176 pixels along each edge.")
