"""Docstrings of the public functions, made from those of the jobs that they run.

A public function states its signature itself: no type can say "these parameters, and on_event".
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from napari_denoisplit.docstrings import parameters, sections

F = TypeVar("F", bound=Callable[..., Any])

_PACKAGE = Path(__file__).parents[1]
_TEXTS = {
    "model": "A model, or its file.",
    "result": (
        "What `split` or `split_to_zarr` has returned; or a file or folder of a result, as "
        "`open_split` takes it."
    ),
    "on_event": "Called with every event of the job, e.g. `Progress`.",
    "region": (
        "Part of every plane to split, as rows and columns: ``np.s_[100:300, 50:]``. Only the part "
        "and its context are sampled, and give what the split of the whole has there, up to what "
        "lies beyond the overlap of the tiles. With a target error, the part is judged by itself."
    ),
}
"""Parameters that the public functions take in another form than the jobs."""


def documented_by(source: str | Callable[..., Any], job: str = "") -> Callable[[F], F]:
    """Complete the docstring of a public function by that of what it runs.

    Summary, parameters and sections that the function has itself stay.

    Parameters
    ----------
    source, job
        Module and name of the job. Its text is read: to import it may load torch. Or another
        public function with the same parameters.
    """

    def complete(function: F) -> F:
        text = _docstring(source, job) if isinstance(source, str) else source.__doc__
        own, of_job = sections(function.__doc__), sections(text)
        given, own_texts = (parameters(s.pop("Parameters", "")) for s in (of_job, own))
        known = given | _TEXTS | own_texts
        entries = [
            f"{name}\n{_indented(_with_default(known[name], parameter))}"
            for name, parameter in inspect.signature(function).parameters.items()
        ]
        merged = {"Parameters": "\n".join(entries), **of_job, **own}
        titles = ("Parameters", "Returns", "Raises")
        parts = [f"{t}\n{'-' * len(t)}\n{merged[t]}" for t in titles if t in merged]
        function.__doc__ = "\n\n".join([own[""], *parts]) + "\n"
        return function

    return complete


def _with_default(text: str, parameter: inspect.Parameter) -> str:
    """Say of settings that may be left out what is taken then."""
    is_optional = parameter.name == "settings" and parameter.default is None
    return f"{text} None takes every default." if is_optional and "None" not in text else text


def _indented(text: str) -> str:
    return textwrap.fill(text, 92, initial_indent="    ", subsequent_indent="    ")


def _docstring(module: str, name: str) -> str:
    for node in _source(module).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            return ast.get_docstring(node) or ""
    raise LookupError(f"{module} has no function {name}")


@cache
def _source(module: str) -> ast.Module:
    path = _PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    return ast.parse(path.read_text(encoding="utf-8"))
