"""Films, readings and scores of posterior samples, as plain functions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import model_or_path, opened
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import ExportSettings, PriorSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any

    from numpy.typing import NDArray

    from napari_denoisplit.api.arguments import Result
    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.measures.samples.quality import SampleScore
    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.settings import FilmSettings


@documented_by("jobs.film", "film_job")
def write_film(
    result: Result,
    path: str | PathLike[str],
    settings: FilmSettings | None = None,
    *,
    plane: tuple[int, ...] | None = None,
    against: int | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Path:
    """Write the samples of one plane as a film (.gif, .mp4), or as numbers (.ome.tif).

    Returns
    -------
    The file.
    """
    from napari_denoisplit.jobs.film import film_job

    written = Path(path)
    run(film_job(opened(result), written, settings, plane=plane, against=against), on_event)
    return written


@documented_by("jobs.prior", "prior_job")
def sample_prior(
    model: Model | str | PathLike[str],
    settings: PriorSettings | None = None,
    *,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Image:
    """Draw images of the structures from the prior of a model, without any input."""
    from napari_denoisplit.jobs.prior import prior_job  # imports torch

    return run(prior_job(model_or_path(model), settings or PriorSettings()), on_event)


@documented_by("jobs.exporting", "export_job")
def export_model(
    model: Model | str | PathLike[str],
    path: str | PathLike[str],
    settings: ExportSettings | None = None,
    *,
    image: Image | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Path:
    """Write a model as a package of bioimage.io, and have it checked by the zoo's own test."""
    from napari_denoisplit.jobs.exporting import export_job  # imports torch

    chosen = settings or ExportSettings()
    return run(export_job(model_or_path(model), Path(path), chosen, image=image), on_event)


@documented_by("measures.samples.statistics", "read_samples_at")
def measure_samples(
    result: Result,
    *,
    pixel: tuple[int, int] | None = None,
    mask: NDArray[Any] | None = None,
    line: NDArray[Any] | None = None,
    plane: tuple[int, ...] | None = None,
    observed: Image | None = None,
) -> SampleReading:
    """Measure what samples say of a pixel, an area or a line, with the interval of its mean.

    Parameters
    ----------
    pixel
        Y, X.
    mask
        (Y, X): pixels that are not zero are the area.
    line
        (V, 2): Y, X of its corners, pixels.
    plane
        Index along T and Z, as far as there are these axes; None takes the first.
    observed
        The image that was split.

    Raises
    ------
    ImageError
        Not exactly one place is given, or it lies outside of the image; the plane does not exist;
        mask or image are of another size.
    """
    import numpy as np

    from napari_denoisplit.measures.samples.statistics import read_samples_at
    from napari_denoisplit.measures.trust import footprint

    split = opened(result)
    if sum(place is not None for place in (pixel, mask, line)) != 1:
        raise ImageError("Give one place to measure: pixel, mask or line.")
    if pixel is not None:
        where = footprint.pixel(*pixel)
    elif mask is not None:
        if np.shape(mask) != split.plane_shape:
            raise ImageError(
                f"The mask has shape {np.shape(mask)}, a plane of the samples {split.plane_shape}: "
                "they must show the same pixels."
            )
        where = footprint.area(np.asarray(mask) != 0)
    else:
        where = footprint.line(np.asarray(line), split.plane_shape)
    chosen = split.checked_plane(plane)
    shown = None if observed is None else observed.transposed(split.axes)
    if shown is not None and shown.shape != split.shape:
        raise ImageError(
            f"{shown.name!r} has shape {shown.shape}, the samples {split.shape}: give the "
            "image that was split."
        )
    return read_samples_at(split, chosen, where, None if shown is None else shown.data[chosen])


@documented_by("measures.samples.quality", "sample_scores")
def evaluate_samples(truth: Image, result: Result) -> tuple[SampleScore, ...]:
    """Measure every kept sample against the truth: PSNR of one, and its standard deviation.

    The latter says how samples differ in quality, not whether they are right.
    """
    from napari_denoisplit.measures.samples.quality import sample_scores

    return sample_scores(truth, opened(result))
