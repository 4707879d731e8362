"""Tables and results of benchmarks, put where they are read."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.data_sets import REPOSITORY
from napari_denoisplit.files import replacing

__all__ = ["keep", "put_into_document"]


def put_into_document(mark: str, text: str) -> None:
    """Replace what stands between `<!-- MARK: begin -->` and `end`, on the page that has them."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    pages = (REPOSITORY / "docs").glob("*.md")
    (page,) = (p for p in pages if begin in p.read_text(encoding="utf-8"))
    before, rest = page.read_text(encoding="utf-8").split(begin)
    _, after = rest.split(end)
    with replacing(page) as temporary:
        temporary.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def keep(name: str, result: Any) -> None:
    """Write the numbers of a run beside the scripts, as benchmarks/results/NAME.json."""
    path = REPOSITORY / "benchmarks" / "results" / f"{name}.json"
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
