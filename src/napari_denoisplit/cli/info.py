"""The command that says what is in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_denoisplit.checkpoint import SUFFIX
from napari_denoisplit.cli.files import AxesOption, SeriesOption

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image

__all__ = ["info"]


def info(
    file: Annotated[
        Path, typer.Argument(help="An image or a model (*.denoisplit).", show_default=False)
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    axes: AxesOption = None,
    series: SeriesOption = None,
) -> None:
    """Say what is in an image or in a model.

    Of an image: axes, sizes, pixel size, channels. Of a model: its structures, how it was trained,
    on what.
    """
    facts = _of_model(file) if file.suffix == SUFFIX else _of_image(file, axes, series)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, default=str))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def _of_image(path: Path, axes: str | None, series: int | None) -> dict[str, Any]:
    from napari_denoisplit.images.reading import read_image

    image = read_image(path, axes=axes, series=series)
    facts = {
        "file": str(path),
        "kind": "image",
        "axes": image.axes,
        "shape": list(image.shape),
        "type": str(image.data.dtype),
        "pixel_size": _pixel_size(image),
        "channels": list(image.channel_names) or image.n_channels,
    }
    return facts | ({"notes": list(image.notes)} if image.notes else {})


def _pixel_size(image: Image) -> dict[str, str]:
    return {
        axis: f"{size:g} {image.units.get(axis, 'pixel')}"
        for axis, size in image.pixel_size.items()
    }


def _of_model(path: Path) -> dict[str, Any]:
    from napari_denoisplit.checkpoint import read_header

    header = read_header(path)
    return {
        "file": str(path),
        "kind": "model",
        "structures": list(header.channel_names),
        "network": header.network.model_dump(),
        "superposition": header.mix.model_dump(),
        "noise_models": _noise_models(header),
        "calibration": list(header.calibration) if header.calibration else "none: sigma is raw",
        "training": header.training,
        "provenance": header.provenance,
    }


def _noise_models(header: ModelHeader) -> str:
    return "one per structure" if header.noise_models else "none: Gaussian likelihood"


def _text(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key} {_text(part)}" for key, part in value.items()) or "unknown"
        case list() | tuple():
            return ", ".join(_text(part) for part in value)
    return str(value)
