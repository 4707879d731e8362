"""Split a noisy superposition of structures into denoised channels, with uncertainty.

Public names, listed in `__init__.pyi`, load on first use, so that importing the package costs
nothing.
"""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

__version__ = "1.0.0"


def _modules_of_names() -> dict[str, str]:
    """Find the module of each public name, as the stub beside this file imports it."""
    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = (node for node in stub.body if isinstance(node, ast.ImportFrom))
    return {name.name: node.module or "" for node in imports for name in node.names}


_MODULES = _modules_of_names()

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
