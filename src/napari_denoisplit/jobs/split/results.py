"""Results of a split so far: its images, and the samples behind each plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import SampleDrawn
from napari_denoisplit.images.results.record import fields_of, make_record
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.preflight import in_memory
from napari_denoisplit.measures.calibration.sigma import sigma_of

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.split.memory import MemoryFallback
    from napari_denoisplit.sampling.moments import Moments
    from napari_denoisplit.settings import SplitSettings


class SplitResults:
    """MMSE, sigma and kept samples of the planes so far.

    Parameters
    ----------
    model
        What is split with.
    view
        The superposition without a channel axis.
    settings
        How many samples there are, and how many are kept.
    pixels
        Name of those of the input, as it was taken.

    Raises
    ------
    JobError
        The results do not fit into memory.
    """

    def __init__(self, model: Model, view: Image, settings: SplitSettings, pixels: str) -> None:
        self._model, self._view, self._settings, self._pixels = model, view, settings, pixels
        shape = (len(model.header.channel_names), *view.shape)  # (C, ..., Y, X)
        n_kept = min(settings.keep_samples, settings.n_samples)
        check_room(shape, settings)
        self._mmse = np.full(shape, np.nan, np.float32)
        self._sigma = np.full(shape, np.nan, np.float32)
        self._samples = np.full((n_kept, *shape), np.nan, np.float32) if n_kept else None
        self.n_drawn: NDArray[np.int_] = np.zeros(view.shape[:-2], int)
        """Samples behind each plane."""

    def keep(self, index: tuple[int, ...], drawn: torch.Tensor, moments: Moments) -> SampleDrawn:
        """Store the newest sample of a plane, (C, Y, X), and what its moments are now."""
        k = moments.n - 1
        sample = drawn.cpu().numpy().copy()
        mmse = moments.mean.cpu().numpy().copy()
        sigma = sigma_of(moments.std.cpu().numpy(), self._model.header.calibration)
        place: tuple[slice | int, ...] = (slice(None), *index)
        self._mmse[place] = mmse
        self._sigma[place] = sigma
        if self._samples is not None and k < len(self._samples):
            self._samples[k][place] = sample
        self.n_drawn[index] = k + 1
        return SampleDrawn(index, k, self._settings.n_samples, sample, mmse, sigma)

    @property
    def not_finite(self) -> str | None:
        """Sentence about pixels of the planes so far that are not finite; None: there are none."""
        drawn, spread = self.n_drawn > 0, self.n_drawn > 1
        return not_finite(self._mmse[:, drawn], self._sigma[:, spread])

    def split(
        self, image: Image, means: MemoryFallback, notes: tuple[str, ...], *, stopped_early: bool
    ) -> Split:
        """Return everything that was drawn.

        Parameters
        ----------
        image
            The input.
        means
            Where, and in which tiles, it was computed in the end.
        notes
            What a user should know.
        stopped_early
            Whether planes or samples are missing.
        """
        header, n_samples = self._model.header, int(self.n_drawn.max())
        self._sigma[:, self.n_drawn < 2] = np.nan  # one sample says nothing of the spread
        samples = None
        if self._samples is not None and n_samples:  # after a stop fewer were drawn
            samples = np.moveaxis(self._samples[:n_samples], 1, 0)
        record = self._record(image, means, n_samples, stopped_early=stopped_early)
        return Split(
            self._view.axes,
            header.channel_names,
            mmse_arrays=self._mmse,
            sigma_arrays=self._sigma if n_samples > 1 else None,
            sample_arrays=samples,
            **fields_of(record),
            notes=notes,
            name=image.name,
            pixel_size=image.pixel_size,
            units=image.units,
            origin=image.origin,
        )

    def _record(
        self, image: Image, means: MemoryFallback, n_samples: int, *, stopped_early: bool
    ) -> dict[str, Any]:
        return make_record(
            image,
            self._settings,
            self._model.header.calibration,
            self._model.path,
            input_pixels=self._pixels,
            model_sha256=self._model.sha256,
            samples=n_samples,
            samples_drawn=int(self.n_drawn.sum()),
            samples_per_plane=self.n_drawn.tolist(),
            stopped_early=stopped_early,
            tile_size=means.tile_size,
            computed_on=str(means.compute),
        )


def not_finite(mmse: NDArray[np.float32], sigma: NDArray[np.float32]) -> str | None:
    """Sentence about pixels of a result that are NaN or infinite; None: there are none."""
    n_bad, n_sigma = (int(pixels.size - np.isfinite(pixels).sum()) for pixels in (mmse, sigma))
    if not n_bad + n_sigma:
        return None
    of_what = "predicted values" if n_bad else "values of sigma"
    n, size = (n_bad, mmse.size) if n_bad else (n_sigma, sigma.size)
    return (
        f"{n} of {size} {of_what} are NaN or infinite: do not use them. The image has pixels that "
        "are far too large for the model, or its training failed: look at the brightest pixels, "
        "and train longer or at a lower learning rate"
    )


def check_room(shape: tuple[int, ...], settings: SplitSettings) -> None:
    """Refuse results (C, ..., Y, X) that do not fit into memory, before hours are spent on them.

    Raises
    ------
    JobError
        With the ways out.
    """
    if problem := in_memory(shape, settings).problem:
        raise JobError(problem)
