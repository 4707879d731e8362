"""The command that says what is in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from napari_denoisplit.cli.parts.options import Series
from napari_denoisplit.images.zarr.nodes import ZARR_FILES
from napari_denoisplit.sealed_file import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.noise.files.noise_file import NoiseHeader
    from napari_denoisplit.verdict import NoiseRecord


def info(
    file: Path, *, as_json: bool = False, axes: str | None = None, series: Series = None
) -> None:
    """Show what is in an image, a result, a model or a noise model.

    Of an image: axes, sizes, pixel size, channels. Of a result: of what it was made, and how. Of a
    model: its structures, how it was trained, on what. Of a noise model: its kind, what it was
    fitted to, and whether to trust it. Of a folder: which images and results lie in it.

    Parameters
    ----------
    file
        An image, a result of a split (a file of it, NAME_samples or an OME-Zarr folder), a model
        (*.denoisplit), a noise model (*.npz, *.npy, *.json), or a folder.
    """
    from napari_denoisplit.images.files.folders import is_folder
    from napari_denoisplit.images.results.files import is_result
    from napari_denoisplit.noise.files.noise_file import SUFFIXES, read_noise_header

    facts: dict[str, Any] = {"file": str(file)}
    if file.suffix == SUFFIX:
        from napari_denoisplit.checkpoint import check_weights, read_header

        model = read_header(file)
        check_weights(file)
        facts |= {"kind": "model"} | (_of_model(model) if as_json else _model_in_words(model))
    elif file.suffix.lower() in SUFFIXES and file.name not in ZARR_FILES:
        noise = read_noise_header(file)
        about = _of_noise_model(noise) if as_json else _noise_model_in_words(noise)
        facts |= {"kind": "noise model"} | about
    elif axes is None and series is None and file.exists() and is_result(file):
        facts |= {"kind": "result of a split"} | _of_result(file)
    elif is_folder(file):
        facts |= {"kind": "folder"} | _of_folder(file)
    else:
        facts |= {"kind": "image"} | _of_image(file, axes, series)
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
        "axes": image.axes,
        "shape": list(image.shape),
        "type": str(image.data.dtype),
        "pixel_size": _pixel_size(image),
        "channels": list(image.channel_names) or image.n_channels,
    }
    return facts | ({"notes": list(image.notes)} if image.notes else {})


def _of_folder(folder: Path) -> dict[str, Any]:
    from napari_denoisplit.images.files.folders import images_of
    from napari_denoisplit.images.results.files import is_result

    candidates = sorted((*folder.glob("*_mmse.ome.tif"), *folder.glob("*.zarr")))
    return {
        "images": [path.name for path in images_of(folder)],
        "results": [path.name for path in candidates if is_result(path)],
    }


def _of_result(path: Path) -> dict[str, Any]:
    from napari_denoisplit.images.results.files import open_split

    split = open_split(path)
    record = split.provenance
    made_with = ("napari-denoisplit", "torch")
    facts = {
        "structures": list(split.structures),
        "axes": split.axes,
        "shape": list(split.shape),
        "pixel_size": _pixel_size(split),
        "samples": f"{split.n_samples}, {split.n_kept} of them kept",
        "sigma": "none"
        if split.sigma_arrays is None
        else "calibrated"
        if split.calibrated
        else "uncalibrated",
        "input": record.get("source") or record.get("input") or "unknown",
        "model": record.get("model_file") or "unknown",
        "settings": record.get("settings") or "unknown",
        "made with": {name: record[name] for name in made_with if name in record},
    }
    return facts | ({"stopped_early": True} if split.stopped_early else {})


def _pixel_size(known: Image | ModelHeader | Split) -> dict[str, str]:
    return {
        axis: f"{size:g} {known.units.get(axis, 'pixel')}"
        for axis, size in known.pixel_size.items()
    }


def _of_model(header: ModelHeader) -> dict[str, Any]:
    from napari_denoisplit.noise.files.description import numbers

    noise_models = [
        {
            "structure": name,
            "kind": values.get("kind"),
            "numbers": numbers(values),
            "record": record.model_dump(mode="json"),
        }
        for name, values, record in _noise_models(header)
    ]
    calibration = header.calibration and header.calibration.model_dump(mode="json")
    return {
        "structures": list(header.channel_names),
        "network": header.network.model_dump(),
        "superposition": header.mix.model_dump(),
        "noise_models": noise_models or _without_noise_models(header),
        "calibration": calibration or "none: sigma is raw",
        "training": header.training,
        "provenance": header.provenance,
    }


def _without_noise_models(header: ModelHeader) -> str:
    """Say what a model was trained by that knows no noise models."""
    one_answer = header.network.kind in ("unet", "denoiser")
    return f"none: {'squared error' if one_answer else 'Gaussian likelihood'}"


def _model_in_words(header: ModelHeader) -> dict[str, str]:
    """Tell what a user asks of a model; --json has all of it."""
    from napari_denoisplit.noise.files.description import describe, describe_record, numbers

    network, n, calibration = header.network, header.normalization, header.calibration
    mix = header.mix
    weights = ", ".join(f"{w:g}" for w in mix.mean_weights(network.n_channels))
    noise_models = [
        f"{name}: {describe(values.get('kind'), numbers(values))}, {describe_record(record)}"
        for name, values, record in _noise_models(header)
    ]
    programs = ("napari-denoisplit", "torch")
    return {
        "structures": ", ".join(header.channel_names),
        "trained on": "; ".join(map(str, _listed(header.provenance.get("sources")))) or "unknown",
        "pixel size": _text(_pixel_size(header)),
        "grey levels": f"superpositions of mean {n.input_mean:.4g}, standard deviation "
        f"{n.input_std:.4g}",
        "superposition": f"{mix.mode}, weights {weights}"
        + (f", mixing range {mix.alpha_low:g} to {mix.alpha_high:g}" if mix.is_range else "")
        + (f", noise up to {mix.noise_high:g} times" if mix.noise_high > 1 else "")
        + (f", offset {mix.offset:.4g}" if mix.offset else ""),
        "training": _training(header),
        "settings": _changed_settings(header),
        "noise models": "; ".join(noise_models) or _without_noise_models(header),
        "calibration": "none: sigma is the plain spread of the samples"
        if calibration is None
        else calibration.in_words,
        "network": network.in_words,
        "made with": _text({p: header.provenance[p] for p in programs if p in header.provenance}),
    }


def _training(header: ModelHeader) -> str:
    """Name method, preset and the epoch whose weights are kept."""
    from napari_denoisplit.measures.outlook import outlook_of
    from napari_denoisplit.measures.separation import separation_of, separation_title

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
    if (verdict := separation_of(header.training)) is not None:
        words.append(f"{separation_title(verdict).lower()} {verdict.headline}")
    if outlook := outlook_of(header.training):
        words.append(outlook)
    adapted = header.provenance.get("adapted")
    if isinstance(adapted, dict):
        recordings = ", ".join(map(str, _listed(adapted.get("recordings"))))
        words.append(f"adapted from {adapted.get('from')} to {recordings}")
    return "; ".join(words) or "unknown"


def _changed_settings(header: ModelHeader) -> str:
    """Name what differs from the defaults of a training, the network aside."""
    from napari_denoisplit.settings import TrainSettings

    settings = header.training.get("settings")
    if not isinstance(settings, dict):
        return "unknown"
    default = TrainSettings().model_dump(mode="json")
    told = ("preset", "method", "network", "mix")  # in other lines
    own = {k: v for k, v in settings.items() if k not in told and v != default.get(k)}
    return _text(own) if own else "the defaults"


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _noise_models(
    header: ModelHeader,
) -> Iterator[tuple[str, Mapping[str, Any], NoiseRecord]]:
    """Noise model of each structure, as it is stored, and what is known of it."""
    from napari_denoisplit.verdict import NoiseRecord

    for name, values in zip(header.channel_names, header.noise_models or (), strict=False):
        yield name, values, NoiseRecord.of_values(values)


def _of_noise_model(header: NoiseHeader) -> dict[str, Any]:
    return {
        "family": header.kind,
        "numbers": header.numbers,
        "signal_range": list(header.signal_range),
        **header.record.model_dump(mode="json"),
    }


def _noise_model_in_words(header: NoiseHeader) -> dict[str, Any]:
    from napari_denoisplit.noise.files.description import SOURCES_IN_WORDS, describe

    record, verdict = header.record, header.record.verdict
    low, high = header.signal_range
    pixels = "" if record.n_pixels is None else f"{record.n_pixels:,} pixels of "
    facts = {
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
