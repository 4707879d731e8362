"""Functions of a test in the place of slow ones of the package."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from inspect import Parameter, signature
from typing import Any

import pytest


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
        wanted = _parameters(getattr(real, fake.__name__))
        found = _parameters(fake)
        assert found == wanted, f"{fake.__name__} of {module} takes {wanted}, its stand-in {found}"
        monkeypatch.setattr(real, fake.__name__, fake)


def _parameters(function: Callable[..., Any]) -> list[str]:
    """Every parameter as it is declared, without its type."""
    return [
        str(p.replace(annotation=Parameter.empty)) + f" ({p.kind.description})"
        for p in signature(function).parameters.values()
    ]
