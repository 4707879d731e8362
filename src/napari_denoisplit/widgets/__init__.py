"""Dock widgets of napari; opening one imports neither torch nor matplotlib."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_denoisplit.widgets.batch.widget import BatchWidget
    from napari_denoisplit.widgets.calibration.widget import CalibrationWidget
    from napari_denoisplit.widgets.denoise.widget import DenoiseWidget
    from napari_denoisplit.widgets.noise.widget import NoiseWidget
    from napari_denoisplit.widgets.samples.widget import SamplesWidget
    from napari_denoisplit.widgets.split.widget import SplitWidget
    from napari_denoisplit.widgets.train.widget import TrainWidget
    from napari_denoisplit.widgets.trust.widget import TrustWidget

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
    "BatchWidget": "batch.widget",
    "CalibrationWidget": "calibration.widget",
    "DenoiseWidget": "denoise.widget",
    "NoiseWidget": "noise.widget",
    "SamplesWidget": "samples.widget",
    "SplitWidget": "split.widget",
    "TrainWidget": "train.widget",
    "TrustWidget": "trust.widget",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
