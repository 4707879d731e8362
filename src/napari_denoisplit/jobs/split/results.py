"""What a split has come to: the images so far, and the samples behind each plane."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import SampleDrawn
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.jobs.forecast.words import SHARE_FOR_RESULTS, no_room
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.sampling.cost import bytes_in_work, free_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.jobs.split.memory import MemoryFallback
    from napari_denoisplit.sampling.moments import Moments
    from napari_denoisplit.settings import SplitSettings


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Outcome of a split."""

    mmse: Image
    """Mean of the samples: one channel per structure, other axes as in the input."""
    sigma: Image
    """Spread of the samples, image units, calibrated if the model is; NaN where there is only one
    sample."""
    samples: NDArray[np.float32] | None
    """The kept samples, (K, ...) with the axes of `mmse` behind K; None if none was kept."""
    n_samples: int
    """Samples behind each plane of `mmse` that is complete, or behind the only one that was begun;
    0 after a stop before the first sample. With a target error planes differ: the largest."""
    calibrated: bool
    stopped_early: bool
    """Planes that were not begun are NaN; the plane at which it stopped has fewer samples."""
    provenance: dict[str, JsonValue]
    """How it was made; `samples_per_plane` is nested by T and Z, in this order."""
    notes: tuple[str, ...] = ()
    """What a user should know before trusting the result; each was also yielded as a Stage."""


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

    Raises
    ------
    JobError
        The results do not fit into memory.
    """

    def __init__(self, model: Model, view: Image, settings: SplitSettings) -> None:
        self._model, self._view, self._settings = model, view, settings
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

    def split(
        self, image: Image, means: MemoryFallback, notes: tuple[str, ...], *, stopped_early: bool
    ) -> Split:
        """Everything that was drawn, with the axes of the input.

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
        axes = "C" + self._view.axes
        ordered = "".join(a for a in AXES if a in axes)
        order = [axes.index(a) for a in ordered]
        header = self._model.header

        def described(data: NDArray[np.float32], kind: str) -> Image:
            return Image(
                data.transpose(order),
                ordered,
                image.pixel_size,
                image.units,
                header.channel_names,
                f"{image.name} {kind}",
                image.source,
                origin=image.origin,
            )

        samples = self._samples
        if samples is not None:
            samples = samples.transpose([0, *(i + 1 for i in order)])
        self._sigma[:, self.n_drawn < 2] = np.nan  # one sample says nothing of the spread
        return Split(
            mmse=described(self._mmse, "MMSE"),
            sigma=described(self._sigma, "sigma"),
            samples=samples,
            n_samples=int(self.n_drawn.max()),
            calibrated=header.calibration is not None,
            stopped_early=stopped_early,
            provenance=self._provenance(image, means),
            notes=notes,
        )

    def _provenance(self, image: Image, means: MemoryFallback) -> dict[str, Any]:
        path, calibration = self._model.path, self._model.header.calibration
        return {
            "model": path.name if path else None,
            "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest() if path else None,
            "input": image.name,
            "source": str(image.source) if image.source else None,
            "settings": self._settings.model_dump(mode="json"),
            "samples_drawn": int(self.n_drawn.sum()),
            "samples_per_plane": self.n_drawn.tolist(),
            "tile_size": means.tile_size,
            "computed_on": str(means.compute),
            "calibration": None if calibration is None else calibration.brief(),
            "napari-denoisplit": version("napari-denoisplit"),
            "torch": str(torch.__version__),
        }


def check_room(shape: tuple[int, ...], settings: SplitSettings) -> None:
    """Refuse results (C, ..., Y, X) that do not fit into memory, before hours are spent on them.

    Raises
    ------
    JobError
        With the ways out.
    """
    n_kept = min(settings.keep_samples, settings.n_samples)
    needed = (2 + n_kept) * 4 * float(np.prod(shape))
    in_work, free = bytes_in_work(shape, settings), free_memory(torch.device("cpu"))
    if needed + in_work > SHARE_FOR_RESULTS * free:
        raise JobError(no_room(f"MMSE, sigma and {n_kept} kept samples", needed, in_work, free))
