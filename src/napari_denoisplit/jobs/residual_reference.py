"""Measure what a model leaves unexplained of images of its own kind, and keep it in the model."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import Stage, run
from napari_denoisplit.jobs.residuals import Residuals
from napari_denoisplit.jobs.splitting import split_job
from napari_denoisplit.measures.residual import tile_figures
from napari_denoisplit.measures.residual_reference import KEY, ResidualReference
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job
    from napari_denoisplit.images.image import Image

__all__ = ["reference_job", "with_reference"]

EDGES = (128, 64)
"""Of a tile, pixels: the largest of which there are enough."""
_ENOUGH = 5
N_SAMPLES = 3


def reference_job(
    model: Model,
    images: Sequence[Image],
    settings: SplitSettings | None = None,
    *,
    data: str = "",
) -> Job[ResidualReference | None]:
    """Measure a reference on superpositions that the model was not trained on.

    Parameters
    ----------
    model
        With noise models.
    images
        Superpositions of the model's own kind, taken with the same exposure.
    settings
        Device and tiles; three samples are enough, since the noise of the image limits the figures.
    data
        What the images are, for the record.

    Returns
    -------
    None where the images are too small for it.
    """
    chosen = (settings or SplitSettings()).model_dump()
    chosen |= {"n_samples": N_SAMPLES, "keep_samples": N_SAMPLES, "target_error": None}
    yield Stage(f"Measuring what the model leaves unexplained of {len(images)} images")
    planes: list[tuple[list[NDArray[np.float32]], NDArray[np.float32]]] = []
    for image in images:
        split = run(split_job(model, image, SplitSettings(**chosen)))
        residuals = Residuals(model.header, image, split.mmse, split.samples)
        found = (residuals.plane(index) for index in np.ndindex(residuals.shape[:-2]))
        planes += [plane for plane in found if plane is not None]
    n_pixels = sum(signal.size for _, signal in planes)
    for edge in EDGES:
        tiles = [tile_figures(each, signal, edge) for each, signal in planes]
        if sum(map(len, tiles)) >= _ENOUGH:
            return ResidualReference.of(tiles, n_pixels, edge, data)
    return None


def with_reference(model: Model, reference: ResidualReference | None) -> Model:
    """Return the model with a reference in its header; without one, unchanged."""
    if reference is None:
        return model
    training = {**model.header.training, KEY: reference.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))
