"""Dock widgets of napari; opening one imports neither torch nor matplotlib."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_denoisplit.widgets.batch import BatchWidget
    from napari_denoisplit.widgets.calibration import CalibrationWidget
    from napari_denoisplit.widgets.denoise import DenoiseWidget
    from napari_denoisplit.widgets.noise import NoiseWidget
    from napari_denoisplit.widgets.samples import SamplesWidget
    from napari_denoisplit.widgets.split import SplitWidget
    from napari_denoisplit.widgets.train import TrainWidget
    from napari_denoisplit.widgets.trust import TrustWidget

__all__ = [
    "BatchWidget",
    "CalibrationWidget",
    "DenoiseWidget",
    "NoiseWidget",
    "SamplesWidget",
    "SplitWidget",
    "TrainWidget",
    "TrustWidget",
]

_LAZY = {
    "BatchWidget": "batch",
    "CalibrationWidget": "calibration",
    "DenoiseWidget": "denoise",
    "NoiseWidget": "noise",
    "SamplesWidget": "samples",
    "SplitWidget": "split",
    "TrainWidget": "train",
    "TrustWidget": "trust",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
