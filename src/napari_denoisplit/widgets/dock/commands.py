"""Commands of napari's menus and palette: each opens the dock on its page."""

from __future__ import annotations

from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.widgets.parts.docked import open_page


def open_split() -> None:
    """Open the page that splits."""
    _open("Split")


def open_batch() -> None:
    """Open the page that splits every image of folders."""
    _open("Batch")


def open_samples() -> None:
    """Open the page that looks at the samples of a split."""
    _open("Samples")


def open_trust() -> None:
    """Open the page that judges a split."""
    _open("Trust")


def open_train() -> None:
    """Open the page that trains a model."""
    _open("Train")


def open_noise() -> None:
    """Open the page that fits a noise model."""
    _open("Noise model")


def open_calibration() -> None:
    """Open the page that calibrates sigma."""
    _open("Calibration")


def open_denoise() -> None:
    """Open the page that denoises without a model."""
    _open("Denoise")


def _open(name: str) -> None:
    from napari import current_viewer

    viewer = current_viewer()
    if viewer is None:
        raise DenoisplitError(f"The page {name!r} opens in a window of napari, and there is none.")
    open_page(viewer, name)
