"""Report on a calibration, in words and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.jobs.calibrate.channel import ChannelResult
    from napari_denoisplit.jobs.calibrate.job import Calibrated


def print_calibration(result: Calibrated, written: Path | None, *, as_json: bool) -> None:
    """Print what was found.

    Parameters
    ----------
    result
        The calibration.
    written
        The model file that holds it; None if the model was left as it was.
    as_json
        For another program rather than a reader.
    """
    if as_json:
        typer.echo(json.dumps(_facts(result, written), indent=2))
        return
    _print_table(result)
    for channel in result.channels:
        typer.echo(f"{channel.curves.channel}: {channel.verdict.grade}")
        for reason in channel.verdict.reasons:
            typer.echo(f"  {reason}")
        if (plain := channel.factors.get("uncorrected")) is not None:
            typer.echo(
                "  The noise of the targets is in the input, too. Without correcting for that, the "
                f"factor would be {plain:.3g} instead of {channel.factors['variance']:.3g}."
            )
    where = "other images" if result.record.judged_on else "pixels left out of the fit"
    typer.echo(f"Judged on {where}.")
    if written is None:
        typer.echo("The model file is unchanged. --anyway writes it all the same.")
    else:
        typer.echo(f"model: {written}")


def _facts(result: Calibrated, written: Path | None) -> dict[str, Any]:
    return {
        "model": str(written) if written else None,
        "stopped_early": result.stopped_early,
        "calibration": result.record.model_dump(mode="json"),
        "channels": [_of_channel(channel) for channel in result.channels],
    }


def _of_channel(channel: ChannelResult) -> dict[str, Any]:
    return {
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


def _print_table(result: Calibrated) -> None:
    names = [channel.curves.channel for channel in result.channels]
    width = max(len("structure"), *map(len, names))
    within = "  ".join(f"in {name}%" for name in result.record.scores[0].coverage)
    typer.echo(
        f"{'structure':<{width}}  {'by':<10}  {'factor':>6}  {'ECE before':>10}  {'after':>8}  "
        f"{'slope':>5}  {'r':>5}  {within}"
    )
    parts = zip(result.channels, result.record.channels, result.record.scores, strict=True)
    for channel, calibration, score in parts:
        before, after = grey_levels(score.ece_before, 4), grey_levels(score.ece_after, 4)
        shares = "  ".join(f"{share:6.1%}" for share in score.coverage.values())
        typer.echo(
            f"{score.channel:<{width}}  {channel.curves.chosen:<10}  {calibration.factor:6.3f}  "
            f"{before:>10}  {after:>8}  {score.slope:5.2f}  {score.correlation:5.3f}  {shares}"
        )
