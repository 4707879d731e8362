"""The notebooks of the documentation run, and are kept without what they print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch, capsys):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for cell in code:
        exec(compile("".join(cell["source"]), path.name, "exec"), names)
    assert capsys.readouterr().out
    if path.stem == "split_the_example":
        # One number for each answer, and not one for each structure.
        assert len(names["share"]) == names["split"].n_samples
        assert 0.2 < names["share"].mean() < 0.6
