"""The command that says what is in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.checkpoint import SUFFIX
from napari_denoisplit.cli.parts.options import Series
from napari_denoisplit.images.zarr.nodes import ZARR_FILES

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image


def info(
    file: Path, *, as_json: bool = False, axes: str | None = None, series: Series = None
) -> None:
    """Say what is in an image, in a model, or in a noise model.

    Of an image: axes, sizes, pixel size, channels. Of a model: its structures, how it was trained,
    on what. Of a noise model: its kind, what it was fitted to, and whether to trust it.

    Parameters
    ----------
    file
        An image, a model (*.denoisplit), or a noise model (*.npz, *.npy, *.json).
    """
    from napari_denoisplit.noise.files.noise_file import SUFFIXES

    if file.suffix == SUFFIX:
        facts = _of_model(file) if as_json else _model_in_words(file)
    elif file.suffix.lower() in SUFFIXES and file.name not in ZARR_FILES:
        facts = _of_noise_model(file) if as_json else _noise_model_in_words(file)
    else:
        facts = _of_image(file, axes, series)
    if as_json:
        typer.echo(json.dumps(facts, indent=2, default=str))
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name:<{width}}  {_text(value)}")


def _of_image(path: Path, axes: str | None, series: int | None) -> dict[str, Any]:
    from napari_denoisplit.images.files.reading import read_image

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
        "noise_models": _noise_models(header) or "none: Gaussian likelihood",
        "calibration": header.calibration.model_dump(mode="json")
        if header.calibration
        else "none: sigma is raw",
        "training": header.training,
        "provenance": header.provenance,
    }


def _model_in_words(path: Path) -> dict[str, str]:
    """Tell what a user asks of a model; --json has all of it."""
    from napari_denoisplit.checkpoint import read_header

    header = read_header(path)
    network, n = header.network, header.normalization
    calibration = header.calibration
    pixel = ", ".join(
        f"{axis} {size:g} {header.units.get(axis, 'pixel')}"
        for axis, size in header.pixel_size.items()
    )
    return {
        "file": str(path),
        "kind": "model",
        "structures": ", ".join(header.channel_names),
        "trained on": "; ".join(map(str, _listed(header.provenance.get("sources")))) or "unknown",
        "pixel size": pixel or "unknown",
        "grey levels": f"superpositions of mean {n.input_mean:.4g}, standard deviation "
        f"{n.input_std:.4g}",
        "superposition": f"{header.mix.mode}, weights "
        + ", ".join(f"{w:g}" for w in header.mix.channel_weights(network.n_channels)),
        "training": _training(header),
        "noise models": _noise_models_in_words(header),
        "calibration": "none: sigma is the plain spread of the samples"
        if calibration is None
        else calibration.in_words,
        "network": network.in_words,
        "made with": ", ".join(
            f"{name} {header.provenance[name]}"
            for name in ("napari-denoisplit", "torch")
            if name in header.provenance
        ),
    }


def _training(header: ModelHeader) -> str:
    """Name method, preset and the epoch whose weights are kept."""
    if header.network.kind == "denoiser":
        return f"one channel, from blind spots, {header.training.get('steps')} steps"
    settings, history = header.training.get("settings"), _listed(header.training.get("history"))
    words = []
    if isinstance(settings, dict):
        words.append(f"{settings.get('method')}, preset {settings.get('preset')}")
    best = history[-1] if history else None
    if isinstance(best, dict):
        psnr = " / ".join(f"{p:.1f}" for p in _listed(best.get("psnr")))
        words.append(f"{best.get('step')} steps, PSNR on validation {psnr} dB")
    return "; ".join(words) or "unknown"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _noise_models(header: ModelHeader) -> list[dict[str, Any]]:
    """Tell kind, numbers, origin and verdict of the noise model of each structure."""
    from napari_denoisplit.noise.files.description import numbers
    from napari_denoisplit.verdict import NoiseRecord

    return [
        {
            "structure": name,
            "kind": values.get("kind"),
            "numbers": numbers(values),
            "record": NoiseRecord.of_values(values).model_dump(mode="json"),
        }
        for name, values in zip(header.channel_names, header.noise_models or (), strict=False)
    ]


def _noise_models_in_words(header: ModelHeader) -> str:
    from napari_denoisplit.noise.files.description import describe, describe_record, numbers
    from napari_denoisplit.verdict import NoiseRecord

    words = []
    for name, values in zip(header.channel_names, header.noise_models or (), strict=False):
        model = describe(values.get("kind"), numbers(values))
        words.append(f"{name}: {model}, {describe_record(NoiseRecord.of_values(values))}")
    return "; ".join(words) or "none: Gaussian likelihood"


def _of_noise_model(path: Path) -> dict[str, Any]:
    from napari_denoisplit.noise.files.noise_file import read_noise_header

    header = read_noise_header(path)
    return {
        "file": str(path),
        "kind": "noise model",
        "family": header.kind,
        "numbers": header.numbers,
        "signal_range": list(header.signal_range),
        **header.record.model_dump(mode="json"),
    }


def _noise_model_in_words(path: Path) -> dict[str, Any]:
    from napari_denoisplit.noise.files.description import SOURCES_IN_WORDS, describe
    from napari_denoisplit.noise.files.noise_file import read_noise_header

    header = read_noise_header(path)
    record, verdict = header.record, header.record.verdict
    low, high = header.signal_range
    pixels = "" if record.n_pixels is None else f"{record.n_pixels:,} pixels of "
    facts = {
        "file": str(path),
        "kind": "noise model",
        "family": describe(header.kind, header.numbers),
        "channel": record.name,
        "signals": f"{low:.4g} to {high:.4g} grey levels",
        "signal from": SOURCES_IN_WORDS[record.source],
        "fitted to": pixels + (", ".join(record.files) or "unknown images"),
        "found": " ".join(record.notes),
        "verdict": "not judged: see 'denoisplit noise --check'"
        if verdict is None
        else f"{verdict.grade}: {' '.join(verdict.reasons)}",
        "made with": ", ".join(f"{name} {number}" for name, number in record.versions.items()),
    }
    return {name: fact for name, fact in facts.items() if fact}


def _text(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key} {_text(part)}" for key, part in value.items()) or "unknown"
        case list() | tuple():
            return ", ".join(_text(part) for part in value)
    return str(value)
