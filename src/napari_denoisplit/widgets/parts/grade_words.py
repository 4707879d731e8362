"""A noise model in words and tables that a window can show."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_denoisplit.curves import NoiseCurves
    from napari_denoisplit.verdict import Grade, NoiseRecord, Verdict

_MARKS: dict[Grade, str] = {"good": "✔", "usable": "●", "do not use": "✖"}
# White stands out on each of them (contrast 5 and more), whatever the theme.
_GROUNDS: dict[Grade, str] = {"good": "#1b7a3d", "usable": "#8a5a00", "do not use": "#b3261e"}


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """What a window says of a noise model."""

    name: str
    kind: str
    numbers: Mapping[str, float]
    """What a user can compare, by name."""
    record: NoiseRecord
    curves: NoiseCurves | None
    """How well it describes the pixels at hand; None if it was not judged by them."""


def grade_text(verdict: Verdict | None) -> str:
    """Grade with its mark, e.g. '✔ good'."""
    return "not judged" if verdict is None else f"{_MARKS[verdict.grade]} {verdict.grade}"


def verdict_line(record: NoiseRecord) -> str:
    """Grade and first reason in one line."""
    verdict = record.verdict
    if verdict is None:
        return "not judged: nobody has compared this model with images."
    return f"{_MARKS[verdict.grade]} {verdict.headline}"


def verdict_html(verdict: Verdict | None) -> str:
    """Grade on a ground of its colour, every reason below it in full."""
    if verdict is None:
        return (
            "<p>This model is not judged yet: choose images and press Fit; it can then be "
            "compared with the fitted one.</p>"
        )
    ground = _GROUNDS[verdict.grade]
    grade = (
        f'<p><b><span style="background-color: {ground}; color: white">'
        f"&nbsp;{grade_text(verdict)}&nbsp;</span></b></p>"
    )
    reasons = "".join(f"<p>{html.escape(reason)}</p>" for reason in verdict.reasons)
    return grade + reasons


def figures_table(portraits: Sequence[Portrait]) -> str:
    """Numbers of one model, or of two side by side, as a table."""
    columns = [_figures(portrait) for portrait in portraits]
    names = list(dict.fromkeys(name for column in columns for name in column))
    rows = [("", [f"<b>{_breakable(portrait.name)}</b>" for portrait in portraits])]
    rows += [(name, [html.escape(column.get(name, "–")) for column in columns]) for name in names]
    text = "".join(
        f"<tr><td>{name}&nbsp;&nbsp;</td>"
        + "".join(f"<td>{cell}&nbsp;</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    return f"<table>{text}</table>"


def _breakable(name: str) -> str:
    """Let a long name go on in the next line: it would push the table out of a narrow dock."""
    text = html.escape(name)
    for mark in "_-.,":
        text = text.replace(mark, f"{mark}&#8203;")
    return text


def _figures(portrait: Portrait) -> dict[str, str]:
    found = {
        "kind": portrait.kind.replace("_", "-"),
        "verdict": grade_text(portrait.record.verdict),
    }
    found |= {name: f"{value:.4g}" for name, value in portrait.numbers.items()}
    if portrait.record.n_pixels is not None:
        found["pixels"] = f"{portrait.record.n_pixels:,}"
    curves = portrait.curves
    if curves is None:
        return found
    found["log-likelihood"] = f"{-curves.nll:.4f}"
    found["of a plain Gaussian"] = f"{-curves.gaussian_nll:.4f}"
    found["range covered"] = f"{curves.coverage:.0%}"
    if curves.autocorrelation is not None:
        lag1 = max(curves.autocorrelation.x[0], curves.autocorrelation.y[0], key=abs)
        found["neighbours alike"] = f"{lag1:+.2f}"
    return found
