"""A look at a recording before it is split: how it was taken, whether the model knows its kind."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.giving_up import GivenUp, giving_up
from napari_denoisplit.images.acquisition import to_training
from napari_denoisplit.images.results.record import RECORDING
from napari_denoisplit.jobs.recording.acquisition import are_alike, estimate
from napari_denoisplit.jobs.recording.scale import magnification_for, pixel_edges
from napari_denoisplit.jobs.recording.windows import planes_to_look_at, saturation_of, windows_of
from napari_denoisplit.jobs.trust.brightness import brightness_of, factors_of
from napari_denoisplit.jobs.trust.likeness import figures_of, likeness_of
from napari_denoisplit.measures.trust.adaptation import standing_doubt
from napari_denoisplit.measures.trust.camera import without_specks, without_stripes
from napari_denoisplit.measures.trust.likeness import at_least_noisy, detail_of, noise_of
from napari_denoisplit.measures.trust.recording import (
    NOISY,
    RecordingFigures,
    judge_recording,
    judge_saturation,
    judge_scale,
    judge_told,
    judge_unknown,
    judge_unlike,
    judge_untold,
)
from napari_denoisplit.nn.compute import keep_freed_memory
from napari_denoisplit.settings import Acquisition, LadderSettings

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model, ModelHeader
    from napari_denoisplit.events import Job
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.recording.windows import Windows
    from napari_denoisplit.measures.brightness import Brightness
    from napari_denoisplit.measures.trust.likeness import Likeness
    from napari_denoisplit.settings import NetworkSettings, SplitSettings
    from napari_denoisplit.verdict import Verdict

_FEWEST = 4
"""Windows that tell how a recording was taken."""


class Recording(NamedTuple):
    """What is known of a recording before it is split."""

    acquisition: Acquisition
    verdict: Verdict | None
    """Whether the model knows its kind; None where that cannot be told."""
    notes: tuple[str, ...]
    """What a user should know, in sentences."""
    looked: bool = True
    """Whether its pixels were compared with the training images."""

    @property
    def record(self) -> dict[str, JsonValue]:
        """What the record of a split says of it."""
        record: dict[str, JsonValue] = {"acquisition": self.acquisition.model_dump(mode="json")}
        if self.verdict is not None:
            record[RECORDING] = self.verdict.model_dump(mode="json")
        return record


UNKNOWN = Recording(Acquisition(), None, (), looked=False)
"""What is known of a recording where nothing is."""


def recording_job(
    model: Model, view: Image, settings: SplitSettings, stop: threading.Event
) -> Job[Stage, Recording | None]:
    """Estimate how a recording was taken, and judge whether the model knows its kind.

    Parameters
    ----------
    model
        On the device where it is to look.
    view
        (..., Y, X); some windows of it are read.
    settings
        An acquisition that is known, or whether to estimate it.
    stop
        When set, the look is given up.

    Yields
    ------
    Stage

    Returns
    -------
    None after a stop, where it is not known how the recording was taken.

    Raises
    ------
    JobError
        The network cannot be told how bright structures are, as the settings do.
    """
    likeness = likeness_of(model.header)
    known = settings.acquisition
    if known is not None and known.brightness:
        _check_brightness(model.header, known.brightness)
    if known is None and settings.grey_levels == "kept":
        known = Acquisition()
    enlarged = magnification_for(model.header, view, settings)
    aside = _without_a_look(model, view, enlarged)
    as_said = known or Acquisition(magnification=enlarged)
    tell = known is None and _is_told(model.header.network)
    windows = saturated = None
    if likeness is not None:
        planes = planes_to_look_at(view)
        windows, saturated = windows_of(view, planes), _saturated(view, planes)
    if likeness is None or windows is None or len(windows.pixels) < _FEWEST:
        aside = _joined(judge_unknown() if tell else None, saturated, aside)
        if aside is None:
            return Recording(as_said, None, (), looked=False)
        yield Stage(aside.headline)
        return Recording(as_said, aside, (aside.headline,), looked=False)
    yield Stage(f"Looking at {view.name}")
    try:
        with keep_freed_memory(), giving_up(stop):
            if known is None:
                acquisition, unlike = _estimated(model.header, likeness, windows)
                acquisition = acquisition.model_copy(update={"magnification": enlarged})
            else:
                acquisition, unlike = known, None
            windows = windows.without_background(acquisition)
            acquisition, verdict = _seen(model, likeness, windows, acquisition, tell=tell)
            if saturated is not None:
                verdict = _first(saturated, verdict)
            if unlike is not None:
                verdict = _first(judge_unlike(*(_place(view, n) for n in unlike)), verdict)
    except GivenUp:
        return None
    if aside is not None:  # first, of equal gravity: what a model cannot do explains the rest
        verdict = aside.joined(verdict)
    notes = tuple(_in_words(model.header, acquisition)) if known is None else ()
    if verdict.grade != "good":
        notes = (*notes, verdict.headline)
    yield from map(Stage, notes)
    return Recording(acquisition, verdict, notes)


def _without_a_look(model: Model, view: Image, enlarged: int) -> Verdict | None:
    """Return what speaks against a split before its pixels are seen; None if nothing does."""
    header = model.header
    edges = pixel_edges(header, view)
    scale = None if edges is None else judge_scale(*edges, enlarged)
    doubt = standing_doubt(header.training)
    return _joined(scale, doubt)


def _joined(*verdicts: Verdict | None) -> Verdict | None:
    """Join those that there are; None without any."""
    found = [verdict for verdict in verdicts if verdict is not None]
    return reduce(lambda one, other: one.joined(other), found) if found else None


def _estimated(
    header: ModelHeader, likeness: Likeness, windows: Windows
) -> tuple[Acquisition, tuple[int, int] | None]:
    """Estimate how the first plane that shows enough was taken.

    Returns
    -------
    That, and this plane and another that was taken otherwise; None where all are alike.
    """
    enough = {n: of for n, of in windows.of_planes().items() if len(of.pixels) >= _FEWEST}
    if not enough:
        return estimate(header.normalization, likeness, windows), None
    taken = {n: estimate(header.normalization, likeness, of) for n, of in enough.items()}
    first, acquisition = next(iter(taken.items()))
    std = header.normalization.input_std
    unlike = (n for n, other in taken.items() if not are_alike(acquisition, other, std))
    return acquisition, next(((first, n) for n in unlike), None)


def _saturated(view: Image, planes: NDArray[np.intp]) -> Verdict | None:
    """Judge the plane with the most saturated pixels; None where it has few."""
    share, level, plane = saturation_of(view, planes)
    return judge_saturation(share, level, _place(view, plane))


def _place(view: Image, plane: int) -> str:
    """Name a plane by its place along each axis, as the sliders of a viewer count."""
    index = np.unravel_index(plane, view.shape[:-2])
    return ", ".join(f"{axis} {i}" for axis, i in zip(view.axes, index, strict=False))


def _first(cause: Verdict, verdict: Verdict) -> Verdict:
    """Join two verdicts, so that the first is told first, however grave: it may be the cause."""
    joined = cause.joined(verdict)
    reasons = dict.fromkeys((*cause.reasons, *joined.reasons))
    return joined.model_copy(update={"reasons": tuple(reasons)})


def _seen(
    model: Model, likeness: Likeness, windows: Windows, acquisition: Acquisition, *, tell: bool
) -> tuple[Acquisition, Verdict]:
    """Judge windows; add how bright structures are to how they were taken, if `tell`."""
    x, figures = _measured(model, likeness, windows, acquisition)
    noise_high = model.header.mix.noise_high
    verdict = judge_recording(figures, noise_high, len(model.header.channel_names))
    if (known := brightness_of(model.header)) is None:
        return acquisition, verdict.joined(judge_unknown()) if tell else verdict
    factors = acquisition.brightness or factors_of(model, known, x)
    if tell:
        acquisition = acquisition.model_copy(update={"brightness": factors})
    told = bool(acquisition.brightness)
    noise = figures.noise / noise_high
    judged = _judged(model.header, known, factors, noise, told=told)
    if verdict.grade == "do not use" and not told:  # weights would not mend another specimen
        numbers = judged.figures | verdict.figures
        return acquisition, verdict.model_copy(update={"figures": numbers})
    if noise > NOISY:  # which may be why a structure looks dim
        return acquisition, verdict.joined(judged)
    # First, as it may be why the recording looks strange, and says what to do.
    return acquisition, judged.joined(verdict)


def _measured(
    model: Model, likeness: Likeness, windows: Windows, acquisition: Acquisition
) -> tuple[NDArray[np.float32], RecordingFigures]:
    """Normalize windows, and measure them.

    Weak stripes are taken out where they make the windows strange: the training images may have
    some, too.
    """
    x = _normalized(model, windows, acquisition)
    figures = _figures(model, likeness, windows._replace(pixels=x), acquisition)
    even = without_stripes(x, windows.places, noise_of(x))
    if even is not x:
        without = _figures(model, likeness, windows._replace(pixels=even), acquisition)
        if without.shift < figures.shift:
            return even, without
    return x, figures


def _normalized(model: Model, windows: Windows, acquisition: Acquisition) -> NDArray[np.float32]:
    """Bring windows to the grey levels of the training images, without specks, and normalize."""
    n = model.header.normalization
    levels = to_training(windows.pixels, acquisition)
    x = (levels - np.float32(n.input_mean)) / np.float32(n.input_std)
    return without_specks(x, noise_of(x))


def _least_detail(likeness: Likeness, windows: Windows) -> float | None:
    """Detail of normalized windows, of the plane that has least; None where that is not known."""
    if likeness.detail is None:
        return None
    planes = [p for p in windows.of_planes().values() if len(p.pixels) >= _FEWEST] or [windows]
    each = [detail_of(plane.pixels, noise_of(plane.pixels)) for plane in planes]
    known = [detail for detail in each if detail is not None]
    return min(known) / likeness.detail if known else None


def _figures(
    model: Model, likeness: Likeness, windows: Windows, acquisition: Acquisition
) -> RecordingFigures:
    """Measure normalized windows."""
    x = windows.pixels
    noise = noise_of(x) / likeness.noise
    seen = torch.from_numpy(at_least_noisy(x, likeness.noise))[:, None]
    shift = likeness.shift(figures_of(model, seen))
    unit = acquisition.gain * model.header.normalization.input_std
    background = np.ptp(acquisition.background) / unit if acquisition.background else 0.0
    detail = _least_detail(likeness, windows) if acquisition.magnification == 1 else None
    return RecordingFigures(noise, shift, float(background), detail)


def _is_told(network: NetworkSettings) -> bool:
    return isinstance(network, LadderSettings) and network.told_brightness


def _check_brightness(header: ModelHeader, brightness: tuple[float, ...]) -> None:
    names = header.channel_names
    if not _is_told(header.network):
        raise JobError(
            "This model was trained with one brightness of the structures, so that it cannot be "
            "told another: leave brightness out, or train a model over a mixing range."
        )
    if len(brightness) != len(names):
        raise JobError(
            f"{len(brightness)} numbers of brightness for {len(names)} structures "
            f"({', '.join(names)}): give one for each."
        )


def _judged(
    header: ModelHeader, known: Brightness, factors: tuple[float, ...], noise: float, *, told: bool
) -> Verdict:
    """Judge how bright structures are, by whether the network is told."""
    named = dict(zip(header.channel_names, factors, strict=True))
    if told:
        return judge_told([n for n, factor in named.items() if known.is_at_its_end(factor)], named)
    way = "" if header.mix.is_range else "Train over a mixing range"
    if _is_told(header.network):
        way = "Let the model be told (grey levels 'matched', or brightness in the acquisition)"
    return judge_untold(named, header.mix.mean_weights(len(factors)), way, noise)


def _in_words(header: ModelHeader, acquisition: Acquisition) -> Iterator[str]:
    if acquisition.brightness:
        parts = zip(header.channel_names, acquisition.brightness, strict=True)
        told = ", ".join(f"{name} {factor:.2g}" for name, factor in parts)
        yield f"Brightness of the structures, beside the middle of the mixing range: {told}"
    if acquisition.gain != 1:
        yield (
            f"Its grey levels are {acquisition.gain:.3g} times those of the training images: they "
            "were brought to those, and the structures back"
        )
    if acquisition.background:
        yield (
            f"A smooth background that differs by {np.ptp(acquisition.background):.4g} grey levels "
            "over the image was taken out"
        )
    if acquisition.offset and acquisition.gain == 1:
        yield f"An offset of {acquisition.offset:.4g} grey levels was taken out"
