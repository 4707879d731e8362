"""The part of an image that is named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from napari_denoisplit.images.plane_region import PlaneRegion


def parse_region(text: str) -> PlaneRegion:
    """Read 'Y0:Y1,X0:X1'; an end left out is the image's own."""
    from napari_denoisplit.images.plane_region import PlaneRegion

    try:
        return PlaneRegion.parse(text)
    except ImageError as error:
        raise UsageError(f"--region {text!r}: {error}") from error
