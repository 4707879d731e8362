"""Layers of where an image looks unlike the training images, and of sigma, wider there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.images.layer_record import SIGMA, UNFAMILIAR_PLACES, WIDENED_SIGMA
from napari_denoisplit.measures.trust.likeness import UNFAMILIAR, widened
from napari_denoisplit.measures.trust.recording import SOME
from napari_denoisplit.widgets.layers.place import full_resolution
from napari_denoisplit.widgets.trust.showing import remove_shown, show_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_denoisplit.jobs.trust.residuals import ResidualCheck
    from napari_denoisplit.widgets.layers.found import FoundResult
    from napari_denoisplit.widgets.layers.place import ViewerRef

_STRANGE = (UNFAMILIAR / 2, 2 * UNFAMILIAR)
_FAMILIAR_TO_STRANGE = ((0.0, 0.0, 0.0), (1.0, 0.6, 0.2))


def show_unfamiliar(viewer: ViewerRef, result: FoundResult, check: ResidualCheck) -> Iterator[None]:
    """Show the map of a check, and sigma as it is there, hidden at first, one by one.

    Layers of an earlier check that had more to show go.
    """
    from napari.utils import Colormap

    if check.unfamiliar is None:
        for kind in (UNFAMILIAR_PLACES, WIDENED_SIGMA):
            remove_shown(viewer, result, kind)
        return
    strangeness = result.as_in_viewer(check.unfamiliar.data)
    show_image(
        viewer,
        result,
        UNFAMILIAR_PLACES,
        strangeness,
        colormap=Colormap(_FAMILIAR_TO_STRANGE, name="unfamiliar"),
        contrast_limits=_STRANGE,
        blending="additive",  # marks places of the input, when both are shown
        visible=False,
    )
    yield
    layers = result.layers.get(SIGMA)
    if not layers or check.verdict.figures["unfamiliar"] < SOME:
        remove_shown(viewer, result, WIDENED_SIGMA)
        return
    for structure, sigma in zip(result.split.structures, layers, strict=True):
        show_image(
            viewer,
            result,
            f"{structure} wider σ",
            widened(full_resolution(sigma), strangeness),
            kind=WIDENED_SIGMA,
            like=sigma,
            visible=False,
        )
        yield
