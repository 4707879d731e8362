"""Reports on noise models that were fitted or judged, in words and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_denoisplit.noise.files.description import SOURCES_IN_WORDS, describe, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.noise.pairs.pairs import Pairs
    from napari_denoisplit.verdict import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class NoiseReport:
    """A noise model, judged on one channel."""

    data: NoiseData
    model: NoiseModel
    pairs: Pairs
    curves: NoiseCurves
    verdict: Verdict
    model_file: Path | None
    """Where the model lies; None if it was not written."""
    candidates: dict[str, float] = field(default_factory=dict)
    """What a fit has tried; empty for a model that was there already."""
    picture: Path | None = None


def in_words(report: NoiseReport) -> list[str]:
    """Return the lines that a user reads."""
    low, high = report.model.signal_range
    model = describe(report.model.kind, numbers(report.model.to_dict()))
    source = SOURCES_IN_WORDS[report.data.source]
    files = {"file": report.model_file, "picture": report.picture}
    lines = [
        f"{report.data.name}: {len(report.pairs.signal):,} pixels, signal from {source}",
        *(f"  {what:<10}{path}" for what, path in files.items() if path is not None),
        f"  model     {model}",
        f"  signals   {low:.4g} to {high:.4g} grey levels, "
        f"{100 * report.curves.coverage:.0f} % of the image's range",
        f"  held out  {report.curves.nll:.4f} nats per pixel; a plain Gaussian "
        f"{report.curves.gaussian_nll:.4f} (smaller is better)",
    ]
    lines += _tried(report.candidates, model)
    lines.append(f"  verdict   {report.verdict.grade}")
    lines += [f"            - {reason}" for reason in report.verdict.reasons]
    return lines


def _tried(candidates: dict[str, float], chosen: str) -> list[str]:
    """Return a line for each candidate, the likeliest first."""
    if len(candidates) < 2:
        return []
    ranked = sorted(candidates.items(), key=lambda item: item[1])
    # Numbers of their own: candidates are compared on pixels that are spread over all signals.
    title = "  tried     (a larger one is taken if it gains more than chance at the same variance)"
    return [title] + [
        f"            {nll:.4f}  {name}{'  <- taken' if chosen.endswith(name) else ''}"
        for name, nll in ranked
    ]


def comparison(reports: Sequence[NoiseReport]) -> list[str]:
    """Return the lines that rank several models judged on the same pixels."""
    best = min(report.curves.nll for report in reports)
    ranked = sorted(reports, key=lambda report: report.curves.nll)
    name = reports[0].data.name
    return [
        f"{name}: models on the same pixels, nats per pixel (smaller is better)",
        *(
            f"  {report.curves.nll:9.4f}  {f'+{report.curves.nll - best:.4f}':>9}  "
            f"{report.verdict.grade:<10}  {report.model_file}"
            for report in ranked
        ),
    ]


def plain(report: NoiseReport) -> dict[str, Any]:
    """Return the same as plain JSON values; what is not finite becomes null."""
    values = report.model.to_dict()
    curves = report.curves
    facts: dict[str, Any] = {
        "channel": report.data.name,
        "images": list(report.data.files),
        "source": report.data.source,
        "pixels": len(report.pairs.signal),
        "model": None if report.model_file is None else str(report.model_file),
        "kind": values.get("kind"),
        "numbers": numbers(values),
        "signal_range": list(report.model.signal_range),
        "nll": curves.nll,
        "gaussian_nll": curves.gaussian_nll,
        "coverage": curves.coverage,
        "candidates": report.candidates,
        "notes": list(report.pairs.notes),
        "verdict": report.verdict.model_dump(),
        "picture": None if report.picture is None else str(report.picture),
    }
    finite: dict[str, Any] = _finite(facts)
    return finite


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for."""
    match value:
        case dict():
            return {str(key): _finite(part) for key, part in value.items()}
        case list() | tuple():
            return [_finite(part) for part in value]
        case float():
            return value if math.isfinite(value) else None
    return value
