"""Grades and tables in the words of a window."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from napari_denoisplit.verdict import Grade, NoiseRecord, Verdict

_MARKS: dict[Grade, str] = {"good": "✔", "usable": "●", "do not use": "✖"}
_ORDER = {_MARKS["do not use"]: 0, _MARKS["usable"]: 1}
# White stands out on each of them (contrast 5 and more), whatever the theme.
_GROUNDS: dict[Grade, str] = {"good": "#1b7a3d", "usable": "#8a5a00", "do not use": "#b3261e"}


def grade_text(verdict: Verdict | None) -> str:
    """Grade with its mark, e.g. '✔ good'."""
    return "not judged" if verdict is None else f"{_MARKS[verdict.grade]} {verdict.grade}"


def verdict_line(record: NoiseRecord) -> str:
    """Grade and first reason in one line."""
    verdict = record.verdict
    if verdict is None:
        return "not judged: nobody has compared this model with images."
    return f"{_MARKS[verdict.grade]} {verdict.headline}"


def gravest_first(lines: Iterable[str]) -> str:
    """Lay out what is told of a result: what is not good comes first, with its mark."""
    marked = [_marked(line) for line in dict.fromkeys(lines)]
    return "\n".join(sorted(marked, key=lambda line: _ORDER.get(line[:1], len(_ORDER))))


def _marked(line: str) -> str:
    for grade, mark in _MARKS.items():
        if line.startswith(f"{grade}: ") or f": {grade}: " in line:  # of one image of several
            return f"{mark} {line}"
    return line


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


def html_table(rows: Sequence[Sequence[str]]) -> str:
    """Lay out cells, which are HTML themselves, in rows."""
    text = "".join(
        "<tr>" + "".join(f"<td>{cell}&nbsp;</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table>{text}</table>"


def table_of_columns(columns: Sequence[Mapping[str, str]]) -> str:
    """Lay out numbers by name, as HTML, in a column for each thing that has them."""
    names = dict.fromkeys(name for column in columns for name in column)
    return html_table([[name, *(column.get(name, "–") for column in columns)] for name in names])
