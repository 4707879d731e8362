"""Posterior samples of a result: opened, shown as a film, measured at a place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import ignore, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from typing import Any

    from numpy.typing import NDArray

    from napari_denoisplit.events import StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.samples.stack import SampleStack
    from napari_denoisplit.jobs.split.results import Split
    from napari_denoisplit.measures.samples.quality import SampleScore
    from napari_denoisplit.measures.samples.statistics import SampleReading
    from napari_denoisplit.settings import FilmSettings


def samples_of(result: Split | SampleStack | str | PathLike[str]) -> SampleStack:
    """Return the samples of a split, or open those of a result on disk without reading them.

    Parameters
    ----------
    result
        What `split` has returned; or a file or folder of a result, as `open_samples` takes it.

    Raises
    ------
    ImageError
        No samples were kept.
    """
    from napari_denoisplit.images.samples.files import open_samples
    from napari_denoisplit.images.samples.stack import SampleStack, drawn_in_pairs

    if isinstance(result, SampleStack):
        return result
    if isinstance(result, str) or hasattr(result, "__fspath__"):
        return open_samples(result)
    if result.samples is None:
        raise ImageError(
            "No samples were kept in this split: split again with keep_samples in the settings."
        )
    return SampleStack.of_image(
        result.samples[: result.n_samples],
        result.mmse,
        mmse=_channels(result.mmse),
        sigma=_channels(result.sigma) if result.n_samples > 1 else (),
        n_drawn=result.n_samples,
        factors=_factors(result),
        mirrored=drawn_in_pairs(result.provenance),
    )


@documented_by("jobs.film", "film_job")
def write_film(
    result: Split | SampleStack | str | PathLike[str],
    path: str | PathLike[str],
    settings: FilmSettings | None = None,
    *,
    plane: tuple[int, ...] | None = None,
    against: int | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Path:
    """Write the samples of one plane as a film (.gif, .mp4), or as numbers (.ome.tif).

    Parameters
    ----------
    result
        What `split` has returned; or a file or folder of a result, as `open_samples` takes it.
    """
    from napari_denoisplit.jobs.film import film_job

    written = Path(path)
    run(film_job(samples_of(result), written, settings, plane=plane, against=against), on_event)
    return written


def measure_samples(
    result: Split | SampleStack | str | PathLike[str],
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
    result
        As for `samples_of`.
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

    stack = samples_of(result)
    if sum(place is not None for place in (pixel, mask, line)) != 1:
        raise ImageError("Give one place to measure: pixel, mask or line.")
    if pixel is not None:
        where = footprint.pixel(*pixel)
    elif mask is not None:
        if np.shape(mask) != stack.plane_shape:
            raise ImageError(
                f"The mask has shape {np.shape(mask)}, a plane of the samples {stack.plane_shape}: "
                "they must show the same pixels."
            )
        where = footprint.area(np.asarray(mask) != 0)
    else:
        where = footprint.line(np.asarray(line), stack.plane_shape)
    chosen = stack.checked_plane(plane)
    shown = None if observed is None else observed.transposed(stack.axes)
    sizes = (*stack.leading_shape, *stack.plane_shape)
    if shown is not None and shown.shape != sizes:
        raise ImageError(
            f"{shown.name!r} has shape {shown.shape}, the samples {sizes}: give the image that was "
            "split."
        )
    return read_samples_at(stack, chosen, where, None if shown is None else shown.data[chosen])


def evaluate_samples(
    truth: Image, result: Split | SampleStack | str | PathLike[str]
) -> tuple[SampleScore, ...]:
    """Measure every kept sample against the truth: PSNR of one, and its standard deviation.

    The latter says how samples differ in quality, not whether they are right.

    Parameters
    ----------
    truth
        Clean image.
    result
        As for `samples_of`.

    Raises
    ------
    ImageError
        There are fewer than two samples, the sizes differ, a pixel is not finite, or a plane of the
        truth is constant.
    """
    from napari_denoisplit.measures.samples.quality import sample_scores

    return sample_scores(truth, samples_of(result))


def _channels(image: Image) -> tuple[Any, ...]:
    return tuple(image.channel(number).data for number in range(image.n_channels))


def _factors(split: Split) -> tuple[float, ...] | None:
    from napari_denoisplit.images.samples.files import calibration_factors

    return calibration_factors(dict(split.provenance))
