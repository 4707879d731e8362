"""Images and noise models that a training would learn nothing right from."""

from __future__ import annotations

from hashlib import blake2b
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError, TrainingError
from napari_denoisplit.measures.trust.recording import SAME_SCALE
from napari_denoisplit.noise.judging.judge import share_covered
from napari_denoisplit.noise.judging.signal_bins import ModelNumbers
from napari_denoisplit.noise.pairs.spread import clipped_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.images.training.separate import SeparateFields
    from napari_denoisplit.noise.models.noise_model import NoiseModel

_LOOKED_AT = 1_000_000  # pixels of a channel, spread over all fields
_SAME = 0.9999  # correlation: rounding to 8 bits leaves as much, and no two structures have it
_SATURATED = 0.02  # of the pixels: structures have more than a few flat tops
_ONE_PIXEL = 0.5  # of all variance of a field
_FAR = 100.0  # times the range of the other pixels: a bright bead is no such thing
_LEAST_VARIANCE = 0.25  # of that of the noise, which noisy images have at least
_LEAST_COVERED, _COVERED = 0.05, 0.5  # of the grey levels of the images, as verdicts have it
_ENDS = (0.001, 0.999)  # quantiles: hot pixels are no range


def doubts_about(
    fields: TrainingFields | SeparateFields, noise_models: Sequence[NoiseModel] | None = None
) -> tuple[str, ...]:
    """Sentences on what makes images doubtful to train on, each with the way out.

    Raises
    ------
    ImageError
        Two structures have the same images, or one pixel outshines a whole field.
    TrainingError
        A noise model was made for other grey levels.
    """
    channels = [_planes(fields, c) for c in range(fields.n_channels)]
    _check_distinct(channels, fields.channel_names)
    for number, plane in enumerate(fields.superpositions or ()):
        _check_hot_pixel(plane, _superposition(fields, number))
    labels = [
        [_label(fields, i, c) for i in range(len(planes))] for c, planes in enumerate(channels)
    ]
    found = _copies(channels, labels)
    for c, name in enumerate(fields.channel_names):
        for label, plane in zip(labels[c], channels[c], strict=True):
            _check_hot_pixel(plane, label)
        pixels = _some(channels[c])
        _, top = clipped_levels(pixels)
        share = float(np.mean(pixels >= top))
        if share > _SATURATED:
            found.append(
                f"{share:.0%} of the pixels of {name} are saturated at {top:g}: what is brighter "
                "is lost, and the model learns flat tops. Use images with a shorter exposure."
            )
        if noise_models is not None and len(noise_models) == fields.n_channels:
            found += _range_doubts(noise_models[c], pixels, name)
    edges = fields.pixel_edges
    if edges and max(edges) > SAME_SCALE * min(edges):
        found.append(
            f"The training images have pixels of {min(edges):.3g} to {max(edges):.3g} µm, so that "
            "the same structure looks large in some and small in others. Use images of one "
            "magnification, or resample them."
        )
    return tuple(found)


def _planes(fields: TrainingFields | SeparateFields, c: int) -> list[NDArray[np.float32]]:
    """Every plane (Y, X) of a channel."""
    if fields.shows is None:
        return [field[c] for field in fields.fields]
    return [f[0] for f, shown in zip(fields.fields, fields.shows, strict=True) if shown == c]


def _label(fields: TrainingFields | SeparateFields, i: int, c: int) -> str:
    """Name the field of a channel: by its file, where it has one."""
    name, place = fields.channel_names[c], fields.place_of(i, c)
    return f"{name} in {place}" if place else f"Field {i + 1} of {name}"


def _superposition(fields: TrainingFields | SeparateFields, i: int) -> str:
    """Name a superposition: by its file, where it has one."""
    known = fields.recorded_places
    return " and ".join(known[i]) if known else f"Superposition {i + 1}"


def _some(planes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Pixels of a channel, spread over all fields."""
    step = max(sum(plane.size for plane in planes) // _LOOKED_AT, 1)
    return np.concatenate([plane.ravel()[::step] for plane in planes])


def _check_distinct(
    channels: Sequence[Sequence[NDArray[np.float32]]], names: Sequence[str]
) -> None:
    """Refuse one image in place of two structures."""
    for a, b in combinations(range(len(names)), 2):
        pairs = zip(channels[a], channels[b], strict=False)
        if all(_is_same(x, y) for x, y in pairs):
            one, other = names[a], names[b]
            raise ImageError(
                f"{one} and {other} have the same images, but for their brightness: nothing can "
                f"tell such structures apart. Give the images of {other} again."
            )


def _is_same(one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Whether a plane is another, whatever factor and offset its grey levels were given."""
    if one.shape != other.shape:
        return False
    step = max(one.size // _LOOKED_AT, 1)
    x, y = (plane.ravel()[::step].astype(np.float64) for plane in (one, other))
    x, y = x - x.mean(), y - y.mean()
    both = (x @ x) * (y @ y)
    return bool((x @ y) ** 2 >= _SAME**2 * both) if both else np.array_equal(one, other)


def _copies(
    channels: Sequence[Sequence[NDArray[np.float32]]], labels: Sequence[Sequence[str]]
) -> list[str]:
    """Say if fields hold the same pixels: validation would see what was trained on."""
    seen: dict[bytes, str] = {}
    told = []
    for names, planes in zip(labels, channels, strict=True):
        for here, plane in zip(names, planes, strict=True):
            if plane.min() == plane.max():
                continue  # nothing is shown twice
            pixels = blake2b(np.ascontiguousarray(plane).view(np.uint8).data).digest()
            if pixels in seen:
                told.append(f"{here} has the pixels of {seen[pixels]}")
            else:
                seen[pixels] = here
    if not told:
        return []
    more = f", and so have {len(told) - 1} more those of others" if len(told) > 1 else ""
    return [
        f"{told[0]}{more}: copies make a training look better than it is, since it is validated "
        "by what it has seen. Give every image once."
    ]


def _check_hot_pixel(plane: NDArray[np.float32], what: str) -> None:
    """Refuse a field most of whose variance is one pixel."""
    squares = np.square(plane - np.median(plane), dtype=np.float64)
    y, x = (int(i) for i in np.unravel_index(int(squares.argmax()), plane.shape))
    low, high = (float(v) for v in np.quantile(plane, _ENDS))
    if squares[y, x] > max(_ONE_PIXEL * squares.sum(), (_FAR * (high - low)) ** 2) and high > low:
        raise ImageError(
            f"{what} holds one pixel of {plane[y, x]:g} (row {y}, column {x}) that outshines all "
            f"others ({low:g} to {high:g}): "
            "replace it by the median of its neighbours, or crop it away."
        )


def _range_doubts(model: NoiseModel, pixels: NDArray[np.float32], name: str) -> list[str]:
    """Say if a noise model knows other grey levels than the images have."""
    darkest, brightest = (float(v) for v in np.quantile(pixels, _ENDS))
    share = share_covered(model, (darkest, brightest))
    at = np.clip([float(pixels.mean())], *model.signal_range)
    if float(pixels.var(dtype=np.float64)) < _LEAST_VARIANCE * ModelNumbers(model).variance(at)[0]:
        share = 0.0
    if share >= _COVERED:
        return []
    low, high = model.signal_range
    text = (
        f"The noise model of {name} knows signals from {low:.4g} to {high:.4g}, its images go from "
        f"{darkest:.4g} to {brightest:.4g}: give images in the grey levels that it was fitted to "
        "(not another bit depth, not rescaled), or fit a noise model to these."
    )
    if share < _LEAST_COVERED:
        raise TrainingError(text)
    return [text]
