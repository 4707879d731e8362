"""The lens: splits of what is on screen, again whenever it moves, better while it rests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from napari_denoisplit.events import LensDrawn, Stage
from napari_denoisplit.jobs.recording.job import UNKNOWN, recording_job
from napari_denoisplit.jobs.split.input import as_recorded, model_of, planes_of, settings_for
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import facts_of, sampler_of
from napari_denoisplit.sampling.cost import memory_for
from napari_denoisplit.sampling.focus import LARGEST_VIEW
from napari_denoisplit.sampling.patchwork import Patchwork

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import Job, LensEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.sampling.focus import Focus, FocusSlot
    from napari_denoisplit.settings import SplitSettings

MEMORY = 2**29
"""Bytes for what was looked at before, at most: about 25 views of 1000 x 1000 pixels."""
POLL = 0.1
"""Seconds between two looks at `stop` while there is nothing to draw."""
REFRESH = 0.25
"""Seconds between two pictures of a view while it is refined."""
BREATH = 0.05
"""Seconds without work behind the first sample of a view: the window paints it meanwhile, and
painting and drawing would hold each other up."""


def lens_job(
    model: Model | Path,
    image: Image,
    settings: SplitSettings,
    requests: FocusSlot,
    stop: threading.Event,
) -> Job[LensEvent, None]:
    """Split views of an image as they come, until it is stopped.

    The first sample of a view is shown first, in several steps where the view is large; while the
    view rests, further samples are drawn up to the number in the settings. What was drawn is kept,
    so that a view that overlaps an earlier one is there sooner. A view has the numbers that a
    split of the whole image has there, up to what lies beyond its context.

    Parameters
    ----------
    model
        A model, or the file that holds one.
    image
        The superposition: no channel axis, or one of size 1. Only what is in view is read.
    settings
        Samples, seed, device; memory beyond `MEMORY` is not used. Tiles are chosen here.
    requests
        The views; a newer one takes the place of one that is being drawn.
    stop
        Ends the job.

    Yields
    ------
    Stage, LensDrawn

    Raises
    ------
    ImageError
        The image has several channels, or pixels in view that are not finite.
    ModelFileError
        The model file cannot be used.
    JobError
        The device is not there.
    """
    view = planes_of(image)
    model = yield from model_of(model)
    compute = Compute.choose(settings.device, settings.precision)
    model.network.to(compute.device).eval()
    recording = (yield from recording_job(model, view, settings, stop)) or UNKNOWN
    model, image = as_recorded(model, image, recording.acquisition)
    settings, note = settings_for(settings, facts_of(model.header.network, compute.dtype))
    if note is not None:
        yield Stage(note)
    memory = min(MEMORY, memory_for(settings, compute.device))
    network, normalization = sampler_of(model.network, compute), model.header.normalization
    work = Patchwork(network, normalization, image, settings, memory=memory)
    calibration = model.header.calibration

    def picture(view: Focus) -> LensDrawn:
        """Return what is drawn of a view so far."""
        p = work.picture(view)
        sigma = sigma_of(p.spread, calibration)
        n = settings.n_samples
        return LensDrawn(view.plane, p.y, p.x, p.mmse, sigma, p.n_samples, n)

    with keep_freed_memory():
        yield from _drawn(work, (image.size("Y"), image.size("X")), requests, stop, picture)


def _drawn(
    work: Patchwork,
    shape: tuple[int, int],
    requests: FocusSlot,
    stop: threading.Event,
    picture: Callable[[Focus], LensDrawn],
) -> Job[LensEvent, None]:
    """Draw the newest view step by step; wait where all of it is drawn."""
    view, step, shown, shown_at, pause = None, None, 0, 0.0, 0.0
    while not stop.is_set():
        newest = requests.take(POLL if step is None else pause)
        pause = 0.0
        if newest is not None:
            view = newest.within(*shape, LARGEST_VIEW)
            step = work.next_step(view)
            event = picture(view)
            if event.y[0] < event.y[1] and event.x[0] < event.x[1]:
                # Where something is still empty, the picture before it shows as much.
                yield event if event.n_samples else Stage(_first(event))
            shown, shown_at = event.n_samples, time.monotonic()
        elif view is not None and step is not None:
            first = shown == 0  # something is still empty: show every step
            work.draw(step)
            step = work.next_step(view)
            if first or step is None or time.monotonic() > shown_at + REFRESH:
                event = picture(view)
                if first or event.n_samples > shown:
                    yield event
                    pause = BREATH if first and event.n_samples else 0.0
                    shown, shown_at = event.n_samples, time.monotonic()


def _first(event: LensDrawn) -> str:
    height, width = event.y[1] - event.y[0], event.x[1] - event.x[0]
    return f"Drawing the first answer for {height} × {width} pixels"
