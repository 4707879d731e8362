"""A noise model in words, from the plain values that files hold of it; needs no torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.settings import NoiseSource
    from napari_denoisplit.verdict import NoiseRecord

SOURCES_IN_WORDS: dict[NoiseSource | None, str] = {
    "repeats": "repeated exposures",
    "pairs": "clean and noisy pairs",
    "bootstrap": "noisy images and a denoiser trained on them",
    "single": "a single noisy image",
    None: "an unknown source",
}
_NUMBERS: dict[str, tuple[str, type[float]]] = {
    "gain": ("gain", float),
    "offset": ("offset", float),
    "read_noise": ("read noise", float),
    "n_bins": ("bins", int),
    "left": ("not foretold by neighbours", float),
}
"""Entries of `to_dict` that a user can compare, and what they are called."""


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a noise model that a user can compare, by name.

    Parameters
    ----------
    values
        What `to_dict` of a noise model made.
    """
    if values.get("kind") == "gaussian_mixture":
        weight = values["weight"]
        return {"Gaussians": len(weight) // 3, "coefficients": len(weight[0])}
    found = {name: of for name, of in _NUMBERS.items() if name in values}
    return {word: number(values[name]) for name, (word, number) in found.items()}


def describe(kind: object, numbers: Mapping[str, float]) -> str:
    """Return kind and numbers in one line, e.g. 'gaussian-mixture, 3 Gaussians, 2 coefficients'."""
    words = [
        f"{value} {name.removesuffix('s') if value == 1 else name}"
        if isinstance(value, int)
        else f"{name} {value:.4g}"
        for name, value in numbers.items()
    ]
    return ", ".join([str(kind).replace("_", "-"), *words])


def describe_record(record: NoiseRecord) -> str:
    """Return origin and grade of a noise model in one line."""
    grade = "not judged" if record.verdict is None else record.verdict.grade
    return f"from {SOURCES_IN_WORDS[record.source]}, {grade}"
