"""Functions of a test in the place of slow ones of the package."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

import napari_denoisplit


def stand_in(monkeypatch: pytest.MonkeyPatch, module: str, *fakes: Callable[..., Any]) -> None:
    """Put functions in the place of those of a module that have the same name.

    Each must take what the real one takes, so that no test passes on a call that would fail: the
    same parameters by name, kind and order, and a default only where the real one has it.

    Parameters
    ----------
    monkeypatch
        Puts the real ones back after the test.
    module
        Name within the package, as in "jobs.split.job".
    *fakes
        They are found by their `__name__`.
    """
    real = import_module(f"napari_denoisplit.{module}")
    for fake in fakes:
        for user in _users(module, fake.__name__):  # else one might keep the stand-in for good
            import_module(user)
        wanted = _parameters(getattr(real, fake.__name__))
        found = _parameters(fake)
        assert found == wanted, f"{fake.__name__} of {module} takes {wanted}, its stand-in {found}"
        monkeypatch.setattr(real, fake.__name__, fake)


@cache
def _users(module: str, name: str) -> list[str]:
    """Name the modules that take a function of another as they are imported."""
    root = Path(napari_denoisplit.__file__).parent
    taken = rf"^from napari_denoisplit\.{module} import (\([^)]*\b{name}\b|[^(\n]*\b{name}\b)"
    files = (path for path in root.rglob("*.py") if re.search(taken, path.read_text(), re.M))
    return [".".join(path.relative_to(root.parent).with_suffix("").parts) for path in files]


def _parameters(function: Callable[..., Any]) -> list[str]:
    """Every parameter as it is declared, without its type."""
    return [
        str(p.replace(annotation=Parameter.empty)) + f" ({p.kind.description})"
        for p in signature(function).parameters.values()
    ]
