"""The superposition of a split: its planes, the part of each, whether it is like training."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import ImageError
from napari_denoisplit.events import Stage
from napari_denoisplit.images.acquisition import normalization_for, without_background
from napari_denoisplit.images.image import AXES, Image
from napari_denoisplit.nn.families.magnified import MagnifiedNetwork
from napari_denoisplit.nn.turned import TURNS
from napari_denoisplit.sampling.frame import Frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.ladder import VSE
    from napari_denoisplit.nn.sampler import NetworkFacts
    from napari_denoisplit.settings import Acquisition, SplitSettings


def planes_of(image: Image) -> Image:
    """Return a superposition without its channel axis; refuse one with several channels."""
    if image.n_channels > 1:
        raise ImageError(
            f"{image.name!r} has {image.n_channels} channels; a model splits one superposed image. "
            "Select the channel that holds the superposition (for commands: --channel NAME), or "
            "sum the channels first."
        )
    return image.transposed("".join(a for a in AXES if a in image.axes and a != "C"))


def model_of(model: Model | Path) -> Job[Stage, Model]:
    """Return a model as it is; load one that is given by its file."""
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
        return load_model(model)
    return model


def as_recorded(model: Model, image: Image, acquisition: Acquisition | None) -> tuple[Model, Image]:
    """Return a model for a recording as it was taken, and its planes less their background.

    Its statistics are in the grey levels of the recording, and its network is told how bright
    structures are there, and sees it enlarged where its pixels are larger.

    Raises
    ------
    ImageError
        The image has several channels.
    """
    view = planes_of(image)
    if acquisition is None or acquisition.as_trained:
        return model, view
    header, network = model.header, model.network
    if acquisition.brightness:
        network = cast("VSE", network).told(acquisition.brightness)
    if acquisition.magnification > 1:
        network = MagnifiedNetwork(network)
    changed = {
        "network": network.settings,
        "normalization": normalization_for(header.normalization, acquisition),
        "calibration": header.calibration and header.calibration.scaled(acquisition.gain),
    }
    view = without_background(view, acquisition)
    return replace(model, network=network, header=header.model_copy(update=changed)), view


def settings_for(settings: SplitSettings, facts: NetworkFacts) -> tuple[SplitSettings, str | None]:
    """Ask a network whose samples do not differ for one, and return what sigma does not tell."""
    if facts.draws:
        return settings, facts.unsure_of or None
    n_samples = TURNS if settings.eightfold else 1
    changed = {"n_samples": n_samples, "keep_samples": 0, "antithetic": False, "target_error": None}
    if settings.eightfold:
        return settings.model_copy(update=changed), (
            "This network gives one answer and does not know how sure it is: the uncertainty "
            "(sigma) tells only how far its answers for the eight turns and flips of the image "
            "differ"
        )
    return settings.model_copy(update=changed), (
        "This network gives one answer and does not know how sure it is: there are no others to "
        "keep, and the uncertainty (sigma) is not a number"
    )


def frame_of(
    shape: tuple[int, ...], region: PlaneRegion | None, overlap: int, multiple: int
) -> Frame:
    """Where a region lies in a plane, and what is read for it; without one, the whole plane.

    Parameters
    ----------
    shape
        Of the superposition, (..., Y, X).
    region
        Within the plane.
    overlap
        Context on each side, a multiple of `multiple`.
    multiple
        What the ladder divides.
    """
    height, width = shape[-2:]
    if region is None:
        return Frame.whole(height, width, multiple)
    y, x = region.spans(height, width)
    return Frame.around(y, x, (height, width), overlap, multiple)


def unlike_training(
    name: str, pixels: NDArray[np.float32], normalization: Normalization
) -> str | None:
    """Warning about an image whose pixels are far from what the model was trained on."""
    n = normalization
    # In double precision: squares of 1e20 are beyond the single one.
    mean, std = float(pixels.mean(dtype=np.float64)), float(pixels.std(dtype=np.float64))
    if not math.isfinite(std):
        return None  # whoever reads the pixels to split them says so
    if abs(mean - n.input_mean) < 3 * n.input_std and 1 / 3 < std / n.input_std < 3:
        return None
    return (
        f"{name} has mean {mean:.4g} and standard deviation {std:.4g}, the model was trained on "
        f"{n.input_mean:.4g} and {n.input_std:.4g}: the split may be wrong"
    )
