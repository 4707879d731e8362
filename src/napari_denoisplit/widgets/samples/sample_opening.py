"""Samples of a result on disk, opened as layers that are read as they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_denoisplit.events import Stage
from napari_denoisplit.widgets.layers.place import AXIS_NAMES, SAMPLE, Place
from napari_denoisplit.widgets.layers.results import (
    SIGMA_COLORMAP,
    contrast_limits,
    structure_colormap,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Generator
    from pathlib import Path

    from napari_denoisplit.events import Event
    from napari_denoisplit.images.samples.stack import SampleStack
    from napari_denoisplit.widgets.layers.place import ViewerRef

__all__ = ["OpenedSamples", "add_samples", "read_samples_of"]


@dataclass(frozen=True, slots=True, eq=False)
class OpenedSamples:
    """Samples on disk, with display limits of each structure by the first plane."""

    stack: SampleStack
    limits: tuple[tuple[float, float], ...]
    sigma_limits: tuple[tuple[float, float], ...]


def read_samples_of(
    path: Path, stop: threading.Event
) -> Generator[Event, None, OpenedSamples | None]:
    """Open the samples of a result, and look at one plane for the contrast."""
    yield Stage(f"Opening {path.name}")
    # Not at the top: readers are needed when a result is opened.
    from napari_denoisplit.images.samples.files import open_samples
    from napari_denoisplit.images.samples.stack import pixels_of

    stack = open_samples(path)
    if stop.is_set():
        return None
    plane = (0,) * len(stack.leading_shape)
    coarse = (stack, *stack.coarser)[-1]
    first = [pixels_of(array[plane]) for array in coarse.mmse] or coarse.parts(0, plane)
    sigma = [pixels_of(array[plane]) for array in coarse.sigma or stack.sigma]
    return OpenedSamples(
        stack,
        tuple(contrast_limits(np.asarray(part)) for part in first),
        tuple(contrast_limits(part) for part in sigma),
    )


def add_samples(viewer: ViewerRef, opened: OpenedSamples) -> None:
    """Add samples, MMSE and sigma of a result as layers; only the MMSE is visible at first."""
    alive, stack = viewer(), opened.stack
    if alive is None:
        return
    place = Place(
        axes=stack.axes,
        scale=dict(stack.pixel_size),
        translate=dict(stack.origin),
        units=dict(stack.units),
        labels={axis: AXIS_NAMES[axis] for axis in stack.axes},
    )
    for kind, name in (("sigma", "sigma"), ("samples", "samples"), ("MMSE", "mmse")):
        every = [getattr(one, name) for one in (stack, *stack.coarser)]
        for channel in reversed(range(len(every[0]))):
            levels = [arrays[channel] for arrays in every if arrays]
            _add(alive, opened, place, kind, channel, levels)


def _add(
    viewer: Any, opened: OpenedSamples, place: Place, kind: str, channel: int, levels: list[Any]
) -> None:
    stack = opened.stack
    is_sigma = kind == "sigma"
    title = "sigma (uncalibrated)" if is_sigma and stack.factors is None else kind
    record = {
        "input": stack.name,
        "samples": stack.n_drawn,
        "calibration": None if stack.factors is None else {"factors": list(stack.factors)},
        "settings": {"antithetic": stack.mirrored},
        "structure": stack.structures[channel],
        "channel": channel,
        "kind": kind,
    }
    viewer.add_image(
        levels if len(levels) > 1 else levels[0],
        multiscale=len(levels) > 1,
        name=f"{stack.name} · {stack.structures[channel]} · {title}",
        colormap=SIGMA_COLORMAP if is_sigma else structure_colormap(channel),
        blending="translucent" if is_sigma else "additive",
        contrast_limits=(opened.sigma_limits if is_sigma else opened.limits)[channel],
        visible=kind == "MMSE",
        metadata={"denoisplit": record},
        **place.keywords(SAMPLE * (kind == "samples") + stack.axes),
    )
