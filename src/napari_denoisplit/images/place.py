"""Where an image lies in a viewer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split

AXIS_NAMES = {"T": "time", "C": "channel", "Z": "z", "Y": "y", "X": "x"}
SAMPLE = "S"
"""Letter of the axis of posterior samples; only layers have it."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where an image lies in the viewer, axis by axis."""

    axes: str
    """Order of the axes in the viewer."""
    scale: Mapping[str, float] = field(default_factory=dict)
    translate: Mapping[str, float] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    affine: NDArray[np.float64] | None = None
    """(n + 1, n + 1) over `axes`, applied behind `scale` and `translate`: the rotation, shear and
    affine of a layer in one; None where it has none."""

    def keywords(self, axes: str, start: Mapping[str, float] | None = None) -> dict[str, Any]:
        """Arguments of `add_image` for a layer with these axes.

        Parameters
        ----------
        axes
            A letter each, SAMPLE among them.
        start
            Pixel of the image, by axis, that the first one of the layer lies on: 0 where missing.
        """
        names = AXIS_NAMES | {SAMPLE: "answer"}
        found: dict[str, Any] = {
            "scale": [self.scale.get(axis, 1.0) for axis in axes],
            "translate": [self._before_affine(axis, (start or {}).get(axis, 0)) for axis in axes],
            # That of samples too: napari takes axes together by position, and of units that differ
            # there it uses none.
            "units": [self.units.get(axis, "pixel") for axis in axes],
            "axis_labels": [self.labels.get(axis, names[axis]) for axis in axes],
        }
        if self.affine is not None:
            found["affine"] = self._affine_of(self.affine, axes, start or {})
        return found

    def world(self, axes: str, pixel: Sequence[float]) -> NDArray[np.float64]:
        """Where a pixel of a layer with these axes lies in the viewer."""
        at = np.array([self._before_affine(a, n) for a, n in zip(axes, pixel, strict=True)])
        if self.affine is None:
            return at
        affine = self._affine_of(self.affine, axes, {})
        moved: NDArray[np.float64] = affine[:-1, :-1] @ at + affine[:-1, -1]
        return moved

    @property
    def step(self) -> float:
        """Length of the shorter side of a pixel along Y and X, in the viewer."""
        zero, *others = (self.world("YX", pixel) for pixel in ((0, 0), (1, 0), (0, 1)))
        return min(float(np.linalg.norm(other - zero)) for other in others)

    def _before_affine(self, axis: str, pixel: float) -> float:
        return self.translate.get(axis, 0.0) + self.scale.get(axis, 1.0) * pixel

    def _affine_of(
        self, affine: NDArray[np.float64], axes: str, start: Mapping[str, float]
    ) -> NDArray[np.float64]:
        """Restrict the affine to some axes, and add others, that of samples, as they are."""
        rows = [at for at, axis in enumerate(axes) if axis in self.axes]
        known = [self.axes.index(axes[at]) for at in rows]
        found = np.eye(len(axes) + 1)
        found[np.ix_(rows, rows)] = affine[np.ix_(known, known)]
        found[rows, -1] = affine[known, -1]
        for at, axis in enumerate(self.axes):
            if axis not in axes:
                found[rows, -1] += affine[known, at] * self._before_affine(axis, start.get(axis, 0))
        return found


def place_of_image(image: Image | Split) -> Place:
    """Where an image from a file, or a result, lies, in its own units."""
    return Place(
        axes=image.axes,
        scale=dict(image.pixel_size),
        translate=dict(image.origin),
        units={axis: unit for axis, unit in image.units.items() if _is_unit(unit)},
    )


def _is_unit(text: str) -> bool:
    """Whether napari will take this text for a unit; a file may hold any."""
    # napari brings it; not at the top because nothing else here needs it.
    import pint

    try:
        pint.get_application_registry().Unit(text)
    except (pint.UndefinedUnitError, ValueError):
        return False
    return True
