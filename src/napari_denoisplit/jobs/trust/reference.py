"""Reference of a model: what it leaves unexplained of images of its own kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.events import Count, Stage, run
from napari_denoisplit.images.training.sources import same_content, source_line
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.residuals import Residuals
from napari_denoisplit.jobs.trust.round_trip import add_round_trip
from napari_denoisplit.measures.trust.reference import KEY, ResidualReference
from napari_denoisplit.measures.trust.residual import tile_figures
from napari_denoisplit.measures.trust.round_trip import RoundTripSums
from napari_denoisplit.settings import SplitSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image

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
    stop: threading.Event | None = None,
) -> Job[StatusEvent, ResidualReference | None]:
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
    stop
        When set, no reference is returned: of some of the images it would not be what was asked
        for.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    None where the images are too small for it, or after a stop.
    """
    if stop is not None and stop.is_set():
        return None
    chosen = (settings or SplitSettings()).model_dump()
    chosen |= {"n_samples": N_SAMPLES, "keep_samples": N_SAMPLES, "target_error": None}
    chosen |= {"grey_levels": "kept"}
    images_in_words = "1 image" if len(images) == 1 else f"{len(images)} images"
    yield Stage(f"Measuring what the model leaves unexplained of {images_in_words}")
    tiles: dict[int, list[NDArray[np.float64]]] = {edge: [] for edge in EDGES}
    n_pixels, count = 0, Count("image", len(images))
    trips = RoundTripSums(len(model.header.channel_names))
    for number, image in enumerate(images):
        split = run(split_job(model, image, SplitSettings(**chosen), stop=stop))
        if stop is not None and stop.is_set():
            return None
        residuals = Residuals(model.header, image, split)
        for index in np.ndindex(residuals.shape[:-2]):
            found = residuals.plane(index)
            if found is not None:
                n_pixels += found[1].size
                for edge in EDGES:
                    tiles[edge].append(tile_figures(*found, edge))
        add_round_trip(trips, model, split, SplitSettings(**chosen), stop)
        if stop is not None and stop.is_set() and number + 1 < len(images):
            return None
        yield count.progress(number + 1)
    for edge in EDGES:
        if sum(map(len, tiles[edge])) >= _ENOUGH:
            reference = ResidualReference.of(tiles[edge], n_pixels, edge, data)
            return reference and reference.model_copy(update={"round_trip": trips.figures()})
    return None


def seen_in_training(header: ModelHeader, images: Sequence[Image]) -> tuple[str, ...]:
    """Warnings of images that the model was trained on, as far as its file tells.

    A model file keeps names and hashes of the images of the separate structures. So a file that
    was trained on is recognized, under whatever name; a superposition that was recorded of the same
    field is not, but for its name.

    Parameters
    ----------
    header
        Of the model.
    images
        As they were read, with all their channels.
    """
    known = header.provenance.get("sources")
    lines = list(map(str, known)) if isinstance(known, list) else []
    warnings = []
    for image in images:
        if same_content([source_line(image)], lines):
            warnings.append(
                f"{image.name} is an image that the model was trained on. It leaves less of those "
                "than of others, so that later images would be judged too strictly: give images "
                "that it has not seen."
            )
        elif any(line == image.name or line.startswith(f"{image.name} ") for line in lines):
            warnings.append(
                f"{image.name} has the name of an image that the model was trained on. If it shows "
                "the same field, give another image."
            )
    return tuple(warnings)


def with_reference(model: Model, reference: ResidualReference | None) -> Model:
    """Return the model with a reference in its header; without one, unchanged."""
    if reference is None:
        return model
    training = {**model.header.training, KEY: reference.model_dump(mode="json")}
    return replace(model, header=model.header.model_copy(update={"training": training}))
