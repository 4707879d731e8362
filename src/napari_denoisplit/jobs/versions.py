"""Versions of what computes, for the record of a result."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import torch


def versions() -> dict[str, str]:
    """Return the version of each package that the numbers depend on."""
    return {
        "napari-denoisplit": version("napari-denoisplit"),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
    }
