"""Sections and parameters of a docstring in the style of numpy."""

from __future__ import annotations

import inspect
import re


def sections(docstring: str | None) -> dict[str, str]:
    """Text of each section by its title; what stands before the first has none."""
    parts = re.split(r"^(\w+)\n-+\n", inspect.cleandoc(docstring or ""), flags=re.MULTILINE)
    bodies = (part.strip("\n") for part in parts[2::2])
    return {"": parts[0].rstrip(), **dict(zip(parts[1::2], bodies, strict=True))}


def parameters(section: str) -> dict[str, str]:
    """Text of each parameter by its name, in one line."""
    entries = re.findall(r"^(\S.*)\n((?:    .*\n?)+)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for names, text in entries for name in names.split(", ")}
