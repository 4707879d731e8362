"""Fields to calibrate with: superposition, target, pixels to fit to and to judge on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_denoisplit.errors import CalibrationError, ImageError
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.partition import Region
from napari_denoisplit.images.training.sources import content_hash, same_content, source_name
from napari_denoisplit.jobs.split.input import planes_of
from napari_denoisplit.noise.pairs.scaling import Reference
from napari_denoisplit.wording import grey_levels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.calibration_record import TargetKind
    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.fields import TrainingFields
    from napari_denoisplit.settings import MixSettings

    Floats = NDArray[np.float32]

Role = Literal["both", "fit", "report"]
CONTEXT = 64
"""Pixels around a block that are split with it and not judged."""
BLOCKS = 6
"""Blocks of the chessboard along the shorter edge of a field."""
SMALLEST_BLOCK = 32
GAP = 4
"""Pixels at the edges of the blocks that are used for neither: errors reach that far."""
OTHER_SCALE = 0.02
"""Relative difference in scale, or in offset by contrast, from which on it is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class CalibrationField:
    """One field to calibrate with."""

    superposition: Floats
    """(Y, X), noisy."""
    target: Floats
    """(C, Y, X), what the prediction is compared with."""
    kind: TargetKind
    fit: NDArray[np.bool_]
    """(Y, X), pixels that the calibration is fitted to."""
    report: NDArray[np.bool_]
    """(Y, X), pixels that it is judged on; none of them is fitted to."""
    notes: tuple[str, ...] = ()

    def within(self, y: slice, x: slice) -> CalibrationField:
        """Cut out these rows and columns."""
        return replace(
            self,
            superposition=self.superposition[y, x],
            target=self.target[:, y, x],
            fit=self.fit[y, x],
            report=self.report[y, x],
        )


def make_fields(
    images: TrainingFields,
    mix: MixSettings,
    superpositions: Sequence[Floats] | None = None,
    role: Role = "both",
) -> list[CalibrationField]:
    """Bring images into the form that a calibration uses.

    Clean images serve as targets where there are any; they are brought to the scale of the noisy
    ones. Otherwise repeated exposures serve, one for the input and the next as its target;
    otherwise the noisy channels themselves.

    Parameters
    ----------
    images
        The channels.
    mix
        How the model's superpositions were made.
    superpositions
        (Y, X) each, recorded superpositions of the same fields; None mixes the channels.
    role
        What the pixels are for; with 'both' a chessboard decides.

    Raises
    ------
    ImageError
        A channel is the same everywhere, or the superpositions do not fit the channels.
    """
    _check(images.held(), superpositions)
    repeats, weights = images.repeats, mix.mean_weights(images.n_channels)
    fields = []
    for i, channels in enumerate(images.fields):
        given = None if superpositions is None else superpositions[i]
        mixed = superpose(channels, weights, mix.offset) if given is None else given
        x = np.asarray(mixed, np.float32)
        notes: tuple[str, ...] = ()
        if images.clean is not None:
            target, notes = _on_scale_of(channels, images.clean[i], images.channel_names)
            kind: TargetKind = "clean"
        elif given is not None:
            target, kind = channels, "second_exposure"
        elif repeats > 1:
            place = i // repeats * repeats
            target, kind = images.fields[place + (i - place + 1) % repeats], "second_exposure"
        else:
            target, kind = channels, "noisy"
        usable = np.ones(x.shape, bool) if images.masks is None else images.masks[i]
        fit, report = _parts(x.shape, role)
        fields.append(CalibrationField(x, target, kind, fit & usable, report & usable, notes))
    return fields


def superposed_planes(images: Sequence[Image]) -> list[Floats]:
    """Return every (Y, X) plane of recorded superpositions, in the order of the channels' fields.

    Raises
    ------
    ImageError
        An image has several channels.
    """
    return [field[0] for image in images for field in planes_of(image).fields()]


def kept_aside(images: TrainingFields, header: ModelHeader) -> tuple[tuple[Region, Role], ...]:
    """Regions of a model's own training images that it was not trained on, and what for.

    Returns
    -------
    The part for validation, and for the report the part for tests if there is one; empty for
    images that the model has not seen.

    Raises
    ------
    CalibrationError
        Some of the images are among those it was trained on, and it cannot be told which part of
        them was kept aside.
    """
    known = header.provenance.get("sources")
    seen = list(map(str, known)) if isinstance(known, list) else []
    common = same_content(images.sources, seen)
    if not common:
        return ()
    if list(map(content_hash, images.sources)) != list(map(content_hash, seen)):
        raise CalibrationError(
            f"The model was trained on {source_name(common[0])}, where its errors are smaller than "
            "elsewhere: give other images, or all of the training images in their order, so that "
            "the part kept aside is known."
        )
    test = _regions(header, "test")
    first: Role = "fit" if test else "both"
    found: list[tuple[Region, Role]] = [(r, first) for r in _regions(header, "validation")]
    found += [(region, "report") for region in test]
    if not found:
        raise CalibrationError(
            "The model was trained on these images and does not say which part of them it left "
            "out: give images that it has not seen."
        )
    return tuple(found)


def _regions(header: ModelHeader, name: str) -> list[Region]:
    values = header.provenance.get(name)
    try:
        return [Region(**value) for value in values]  # type: ignore[union-attr, arg-type]
    except TypeError:
        return []


def cut(field: CalibrationField, region: Region, role: Role) -> CalibrationField:
    """Return a region of a field with some context, of which only the region is judged."""
    y, x = slice(region.y0, region.y1), slice(region.x0, region.x1)
    fit, report = np.zeros((2, *field.superposition.shape), bool)
    fit[y, x], report[y, x] = _parts(fit[y, x].shape, role)
    around = (slice(max(s.start - CONTEXT, 0), s.stop + CONTEXT) for s in (y, x))
    return replace(field, fit=fit, report=report).within(*around)


def limited(fields: Sequence[CalibrationField], max_pixels: int) -> list[CalibrationField]:
    """Take as many fields, evenly, as hold about so many pixels; of a huge one the middle."""
    edge = int(max_pixels**0.5)
    smaller = [_middle(field, edge) for field in fields]
    mean = sum(field.superposition.size for field in smaller) / len(smaller)
    # Regions to fit to come first, those to report on last: some of either must be left.
    least = 1 if any(f.fit.any() and f.report.any() for f in smaller) else 2
    n = min(len(smaller), max(least, int(max_pixels / mean)))
    places = np.linspace(0, len(smaller) - 1, n).round().astype(int)
    return [smaller[i] for i in places]


def _middle(field: CalibrationField, edge: int) -> CalibrationField:
    starts = (max(0, (n - edge) // 2) // 16 * 16 for n in field.superposition.shape)
    return field.within(*(slice(start, start + edge) for start in starts))


def _check(images: TrainingFields, superpositions: Sequence[Floats] | None) -> None:
    for what, fields in (("noisy", images.fields), ("clean", images.clean or ())):
        for c, channel in enumerate(images.channel_names):
            if fields and all(np.ptp(field[c]) == 0 for field in fields):
                raise ImageError(
                    f"The {what} image of {channel} is the same everywhere "
                    f"({grey_levels(float(fields[0][c].flat[0]))} grey levels): give one that "
                    "shows the structure."
                )
    if superpositions is None:
        return
    shapes = [x.shape for x in superpositions]
    if shapes != [field.shape[1:] for field in images.fields]:
        raise ImageError(
            f"The superpositions have shapes {shapes}, the channels "
            f"{[field.shape[1:] for field in images.fields]}: they must show the same fields."
        )


def _parts(shape: tuple[int, ...], role: Role) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels to fit to, and to report on."""
    nothing, everything = np.zeros(shape, bool), np.ones(shape, bool)
    if role == "fit":
        return everything, nothing
    if role == "report":
        return nothing, everything
    edge = max(SMALLEST_BLOCK, min(shape) // BLOCKS)
    y, x = np.indices(shape, sparse=True)
    black = (y // edge + x // edge) % 2 == 0
    inside = np.minimum(y % edge, -(y + 1) % edge) >= GAP
    inside = inside & (np.minimum(x % edge, -(x + 1) % edge) >= GAP)
    return black & inside, ~black & inside


def _on_scale_of(
    noisy: Floats, clean: Floats, names: Sequence[str]
) -> tuple[Floats, tuple[str, ...]]:
    """Clean channels as the exposure of the noisy ones would show them, and what was changed."""
    target, notes = np.empty_like(clean), []
    for c, name in enumerate(names):
        everywhere = np.ones(clean.shape[1:], bool)
        slope, offset, target[c] = Reference(clean[c], everywhere).followed_by(noisy[c])
        if abs(slope - 1) > OTHER_SCALE or abs(offset) > OTHER_SCALE * float(clean[c].std()):
            sign = "-" if offset < 0 else "+"
            notes.append(
                f"The clean image of {name} was brought to the scale of the noisy one: "
                f"{slope:.3g} x clean {sign} {grey_levels(abs(offset))} grey levels."
            )
    return target, tuple(notes)
