"""The numbers of noise models, side by side in a table."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from napari_denoisplit.widgets.parts.grade_words import grade_text, table_of_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.widgets.noise.shelf import ShelfModel


def figures_html(models: Sequence[ShelfModel]) -> str:
    """Numbers of one model, or of two side by side; below, what was found in the images."""
    if not models:
        return ""
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in models[0].known.record.notes)
    return table_of_columns([_figures(model) for model in models]) + notes


def _figures(model: ShelfModel) -> dict[str, str]:
    known = model.known
    found = {
        "": f"<b>{_breakable(known.name)}</b>",
        "kind": known.kind.replace("_", "-"),
        "verdict": grade_text(model.verdict),
    }
    found |= {html.escape(name): f"{value:.4g}" for name, value in known.numbers.items()}
    if known.record.n_pixels is not None:
        found["pixels"] = f"{known.record.n_pixels:,}"
    if model.judged is None:
        return found
    curves = model.judged.curves
    found["log-likelihood"] = f"{-curves.nll:.4f}"
    found["of a plain Gaussian"] = f"{-curves.gaussian_nll:.4f}"
    found["range covered"] = f"{curves.coverage:.0%}"
    if curves.autocorrelation is not None:
        lag1 = max(curves.autocorrelation.x[0], curves.autocorrelation.y[0], key=abs)
        found["neighbours alike"] = f"{lag1:+.2f}"
    return found


def _breakable(name: str) -> str:
    """Let a long name go on in the next line: it would push the table out of a narrow dock."""
    text = html.escape(name)
    for mark in "_-.,":
        text = text.replace(mark, f"{mark}&#8203;")
    return text
