"""Images drawn from the prior of a trained model: what it has learned that structures look like."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Count, Stage
from napari_denoisplit.images.image import Image
from napari_denoisplit.nn.compute import Compute
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.sampling.border import round_up

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, StatusEvent
    from napari_denoisplit.settings import PriorSettings


def prior_job(
    model: Model | Path, settings: PriorSettings, *, stop: threading.Event | None = None
) -> Job[StatusEvent, Image]:
    """Draw images of the structures from the prior of a model, without any input.

    Parameters
    ----------
    model
        A model whose network has latents, or its file.
    settings
        How many, how large, seed, device.
    stop
        When set, the images so far are returned.

    Yields
    ------
    Stage, Progress

    Returns
    -------
    (T, C, Y, X), image units: one image after the other along T.

    Raises
    ------
    JobError
        The network has no latents, or it was stopped before the first image.
    ModelFileError
        The model file cannot be used.
    """
    stop = stop or threading.Event()
    if isinstance(model, Path):
        yield Stage(f"Loading {model.name}")
        model = load_model(model)
    header, compute = model.header, Compute.choose(settings.device, settings.precision)
    facts = facts_of(header.network, compute.dtype)
    if not facts.draws:
        raise JobError(
            f"This network ({header.network.in_words}) has no latents, so there is no prior to "
            "draw from: choose a ladder, HDN or DivNoising."
        )
    network = model.network.to(compute.device).eval()
    edge, size = round_up(settings.size, facts.multiple), settings.size
    generator = torch.Generator(compute.device).manual_seed(settings.seed)

    def noise(level: int, shape: tuple[int, ...]) -> Tensor:
        del level
        return torch.randn(shape, generator=generator, device=compute.device)

    drawn: list[NDArray[np.float32]] = []
    count = Count("image", settings.n_images)
    while len(drawn) < settings.n_images and not stop.is_set():
        yield count.progress(len(drawn))
        with torch.no_grad(), compute.autocast():
            signal = network.from_prior(noise, edge, edge)[0, :, :size, :size]
        drawn.append(signal.float().cpu().numpy())
    if not drawn:
        raise JobError("It was stopped before the first image was drawn: there is none.")
    n = header.normalization
    stds, means = (
        np.asarray(values, np.float32)[:, None, None]
        for values in (n.channel_stds, n.channel_means)
    )
    name = model.path.stem if model.path else "model"
    return Image(
        np.stack(drawn) * stds + means,
        "TCYX",
        {axis: edge for axis, edge in header.pixel_size.items() if axis in "YX"},
        {axis: unit for axis, unit in header.units.items() if axis in "YX"},
        header.channel_names,
        name=f"prior of {name}",
    )
