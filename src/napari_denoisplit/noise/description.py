"""A noise model in words, from the plain values that files hold of it; needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_denoisplit.settings import NoiseSource

__all__ = ["SOURCES_IN_WORDS", "describe", "numbers"]

SOURCES_IN_WORDS: dict[NoiseSource | None, str] = {
    "repeats": "repeated exposures",
    "pairs": "clean and noisy pairs",
    "bootstrap": "noisy images and a denoiser trained on them",
    "single": "a single noisy image",
    None: "another program",
}


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a noise model that a user can compare, by name.

    Parameters
    ----------
    values
        What `to_dict` of a noise model made.
    """
    weight = values.get("weight")
    if values.get("kind") == "gaussian_mixture" and weight:
        return {"Gaussians": len(weight) // 3, "coefficients": len(weight[0])}
    return {
        name.replace("_", " "): value
        for name, value in values.items()
        if isinstance(value, (int, float)) and name not in ("min_signal", "max_signal")
    }


def describe(values: Mapping[str, Any]) -> str:
    """Return kind and numbers in one line, e.g. 'gaussian mixture, 3 Gaussians, 2 coefficients'.

    Parameters
    ----------
    values
        What `to_dict` of a noise model made.
    """
    kind = str(values.get("kind", "unknown kind")).replace("_", " ")
    counted = values.get("kind") == "gaussian_mixture"
    words = [
        f"{value:g} {name}" if counted else f"{name} {value:.4g}"
        for name, value in numbers(values).items()
    ]
    return ", ".join([kind, *words])
