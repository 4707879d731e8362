"""Residual of a split, judged by the noise: whether the split explains its image."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from napari_denoisplit.errors import ImageError, JobError, ModelFileError
from napari_denoisplit.events import Count, Stage
from napari_denoisplit.giving_up import finished, look
from napari_denoisplit.images.acquisition import to_training, without_background
from napari_denoisplit.images.results.arrays import pixels_of
from napari_denoisplit.images.results.record import acquisition_of, verdict_of
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.measures.trust.camera import clipped, filled, plane_without_stripes
from napari_denoisplit.measures.trust.likeness import widened
from napari_denoisplit.measures.trust.reference import KEY, ResidualReference
from napari_denoisplit.measures.trust.residual import (
    WINDOW,
    ResidualSums,
    local_bias,
    standardized,
    tile_figures,
)
from napari_denoisplit.measures.trust.verdict import judge_absolutely, judge_by_reference
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.noise.models.superposed import superposed_noise, superposed_variance
from napari_denoisplit.wording import not_finite

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.trust.residual import ResidualFigures
    from napari_denoisplit.measures.trust.round_trip import RoundTrip
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.verdict import Verdict

    Floats = NDArray[np.float32]

_SEED = 20240311


@dataclass(frozen=True, slots=True, eq=False)
class ResidualCheck:
    """What is left of an image when its predicted structures are taken away."""

    residual: Image
    """(input - superposition of the MMSE) in standard deviations of the noise; axes of the input
    without C. NaN where a plane was not split."""
    bias: Image
    """The residual smoothed over about 16 pixels, scaled so that noise alone keeps the standard
    deviation 1: beyond 4, structure or background was left unexplained there."""
    figures: ResidualFigures
    expected_outside: float
    """Share of pixels outside 3 standard deviations that the noise models themselves have."""
    verdict: Verdict
    round_trip: RoundTrip | None = None
    """What came back of the parts when they were split once more, where that was done."""
    unfamiliar: Image | None = None
    """How unlike the training images each block of 64 x 64 pixels looks, 1 as these do; see
    `Likeness.strangeness`. None where that is not known."""

    def widened_sigma(self, split: Split) -> Image | None:
        """Sigma of the split, wider where its image looks unlike the training images.

        Errors are larger than a calibrated sigma says there; see `measures.trust.likeness.widened`.

        Parameters
        ----------
        split
            The one that was checked.

        Returns
        -------
        Image units, a channel for each structure. None where sigma, or how the image looks, is not
        known.
        """
        if self.unfamiliar is None or split.sigma_arrays is None:
            return None
        strangeness = self.unfamiliar.transposed(split.axes).data
        arrays = [widened(pixels_of(sigma[()]), strangeness) for sigma in split.sigma_arrays]
        return replace(split, sigma_arrays=arrays).sigma


def residual_job(
    header: ModelHeader,
    image: Image,
    split: Split,
    *,
    stop: threading.Event | None = None,
) -> Job[StatusEvent, ResidualCheck]:
    """Check the residual of an image that is split already.

    Parameters
    ----------
    header
        Of the model that split it: mixing weights, noise models, and its reference if it has one.
    image
        The superposition that was split.
    split
        Of this image. Its structures are those of the model by their names, or else by their order.
        Without samples the mean itself is checked, which leaves less than the noise; the judgement
        is rougher then.
    stop
        When set, the plane under way is given up, and those before it count.

    Yields
    ------
    Stage, Progress

    Raises
    ------
    ImageError
        The sizes differ, no plane has 16 x 16 pixels, or some pixels are not finite.
    ModelFileError
        The model has no noise models.
    JobError
        There is no plane that was split, or it was stopped before the first.
    """
    stop = stop or threading.Event()
    work = Residuals(header, image, split)
    yield Stage(f"Checking what {image.name} leaves unexplained")
    planes = list(np.ndindex(work.shape[:-2]))
    count = Count("plane", len(planes))
    for number, index in enumerate(planes):
        if not finished(stop, work.plane, index):
            break
        yield count.progress(number + 1)
    if stop.is_set() and not work.has_planes:
        raise JobError("The check was stopped before its first plane: let it run longer.")
    return work.result()


def noise_models_of(header: ModelHeader) -> tuple[NoiseModel, ...]:
    """Noise models of a model.

    Raises
    ------
    ModelFileError
        It has none.
    """
    if header.noise_models is None:
        raise ModelFileError(
            "This model holds no noise models, so that its residual cannot be judged: train one "
            "with the method 'denoisplit', or import it again with the noise models that it was "
            "trained with."
        )
    return tuple(noise_model_from_dict(values) for values in header.noise_models)


def reference_of(header: ModelHeader) -> ResidualReference | None:
    """Return what a model leaves of its own kind, if its file says."""
    try:
        return ResidualReference.model_validate(header.training.get(KEY))
    except ValidationError:
        return None


def _plane_residuals(
    header: ModelHeader,
    models: tuple[NoiseModel, ...],
    observation: Floats,
    mmse: Floats,
    samples: Floats | None,
    raw: Floats,
) -> tuple[list[Floats], Floats, Floats, Floats]:
    """Residuals of one plane.

    Parameters
    ----------
    header, models
        Of the model.
    observation
        (Y, X)
    mmse
        (C, Y, X)
    samples
        (K, C, Y, X)
    raw
        (Y, X), as `observation`, with its background, beside which clipped pixels differ.

    Returns
    -------
    The residual of each sample, that of the MMSE, the superposition of the MMSE, all in standard
    deviations of the noise, (Y, X); and noise as the models have it. Pixels that were clipped have
    the noise that was cut off.
    """
    observation = observation - np.float32(header.mix.offset)
    weights = header.mix.mean_weights(len(mmse))
    variance = superposed_variance(models, weights, mmse)
    mixed = superpose(mmse, weights)
    deviation = np.sqrt(variance)
    where = clipped(raw, float(np.median(deviation)))
    if where is not None:
        observation = filled(observation, where, mixed[where], deviation[where])
    of_mean = standardized(observation, mixed, variance)
    noise = np.asarray(superposed_noise(models, weights, mmse, _SEED) / deviation, np.float32)
    each = [of_mean]
    if samples is not None and len(samples):
        each = []
        for sample in samples:
            look()
            each.append(standardized(observation, superpose(sample, weights), variance))
    signal = np.asarray(mixed / deviation, dtype=np.float32)
    return each, of_mean, signal, noise


class Residuals:
    """Residual of the planes so far; parameters as of `residual_job`."""

    def __init__(self, header: ModelHeader, image: Image, split: Split) -> None:
        self._header, self._models = header, noise_models_of(header)
        self._goes_on = any(isinstance(model, CorrelatedNoise) for model in self._models)
        self._acquisition = acquisition_of(split.provenance)
        self._recording = verdict_of(split.provenance)
        self._view = planes_of(image).transposed(split.axes)
        self._levels = without_background(self._view, self._acquisition)
        self._split = split.ordered(header.channel_names)
        self.shape = self._view.shape
        if (split.n_structures, *split.shape) != (len(self._models), *self.shape):
            raise ImageError(
                f"{split.name!r} has {split.n_structures} structures of shape {split.shape}, "
                f"{image.name!r} {self.shape}: give the split of this image, with "
                f"{len(self._models)} structures."
            )
        self._residual = np.full(self.shape, np.nan, np.float32)
        self._bias = np.full(self.shape, np.nan, np.float32)
        self._sums, self._noise = ResidualSums(of_mean=not split.n_kept), ResidualSums()
        self._reference = reference_of(header) if split.n_kept else None
        self._tiles: list[NDArray[np.float64]] = []
        self._outside: list[float] = []
        self._source = image

    def plane(self, index: tuple[int, ...]) -> tuple[list[Floats], Floats] | None:
        """Take in one plane; None if it was not split.

        Returns
        -------
        Residual of each sample, and the superposition of the MMSE, in standard deviations of the
        noise, (Y, X).

        Raises
        ------
        ImageError
            The image has pixels that are not finite where it was split.
        """
        split = self._split
        taken = self._acquisition
        mmse = np.stack(split.read_mmse(index)) / np.float32(taken.gain)
        if not np.isfinite(mmse).all():
            return None
        observation = np.array(self._levels.data[index], dtype=np.float32)
        if bad := int((~np.isfinite(observation)).sum()):
            raise ImageError(
                f"{self._source.name!r} has {not_finite(bad)}: choose the image as it was split."
            )
        # In the grey levels of the training images, which the noise models are for.
        observation = to_training(observation, taken)
        raw = to_training(np.asarray(self._view.data[index], dtype=np.float32), taken)
        samples = None
        if split.n_kept:
            samples = np.stack([split.read_sample(k, index) for k in range(split.n_kept)])
            samples /= np.float32(taken.gain)
            samples = samples[np.isfinite(samples[:, 0, 0, 0])]
        each, of_mean, signal, noise = _plane_residuals(
            self._header, self._models, observation, mmse, samples, raw
        )
        each = [plane_without_stripes(z, noise=1.0) for z in each]
        if self._reference is not None:  # first: it may be given up
            self._tiles.append(tile_figures(each, signal, self._reference.edge))
        self._residual[index], self._bias[index] = of_mean, local_bias(of_mean)
        self._outside.append(float((np.abs(noise) > 3).mean()))
        if self._goes_on:
            self._noise.add_plane([noise])
        self._sums.add_plane(each)
        return each, signal

    @property
    def has_planes(self) -> bool:
        """Whether a plane was taken in that was split."""
        return bool(self._outside)

    def result(self) -> ResidualCheck:
        """Judge what was taken in."""
        if not self.has_planes:
            raise JobError(f"No plane of {self._source.name!r} is split: there is no residual.")
        if min(self.shape[-2:]) < WINDOW:
            raise ImageError(
                f"{self._source.name!r} has planes of {self.shape[-2:]} pixels: the check needs "
                f"{WINDOW} x {WINDOW}."
            )
        figures = self._sums.figures()
        if self._goes_on:
            figures = figures.beside(self._noise.figures())
        tiles = np.concatenate(self._tiles) if self._tiles else np.empty((0, 5))
        if self._reference is not None and len(tiles):
            departures = self._reference.departures(tiles, figures.n_pixels)
            verdict = judge_by_reference(figures, departures, self._header.mix.noise_high)
        else:
            verdict = judge_absolutely(figures)
        if self._recording is not None:
            verdict = verdict.joined(self._recording)
        name = self._source.name
        return ResidualCheck(
            replace(self._view, data=self._residual, name=f"{name} residual", notes=()),
            replace(self._view, data=self._bias, name=f"{name} local bias", notes=()),
            figures,
            float(np.mean(self._outside)),
            verdict,
        )
