"""One picture of a split: what went in, what came out, and what is true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["Panel", "save_picture"]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One image of the picture."""

    title: str
    pixels: NDArray[np.float32]
    """(Y, X)"""
    colormap: str = "gray"
    same_range_as: int | None = None
    """Number of the panel in the row whose range of grey levels is used here, too."""


def save_picture(path: Path, rows: Sequence[Sequence[Panel]], title: str) -> None:
    """Draw rows of panels into a PNG, whole or not at all."""
    from matplotlib.figure import Figure  # 0.5 s, only when a picture is drawn

    n_columns = max(map(len, rows))
    figure = Figure(figsize=(2.9 * n_columns, 3.15 * len(rows) + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(len(rows), n_columns, squeeze=False)
    for row, panels in zip(axes, rows, strict=True):
        for column, axis in enumerate(row):
            axis.set_axis_off()
            if column < len(panels):
                _draw(axis, panels, column)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _draw(axis: Axes, panels: Sequence[Panel], column: int) -> None:
    panel = panels[column]
    reference = column if panel.same_range_as is None else panel.same_range_as
    low, high = np.quantile(panels[reference].pixels, [0.005, 0.998])
    axis.imshow(
        panel.pixels, cmap=panel.colormap, vmin=low, vmax=max(high, low + 1e-6), resample=True
    )
    axis.set_title(panel.title, fontsize=9)
