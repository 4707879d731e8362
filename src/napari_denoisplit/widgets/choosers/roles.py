"""Roles that images are chosen for."""

from __future__ import annotations

from napari_denoisplit.widgets.choosers.images import CHANNELS, FILES, LAYER, LAYERS, Role

_ONE_BY_ONE = {LAYER: "a layer", FILES: "files"}
_WHERE = "Where the image comes from"

SUPERPOSITION = Role(
    ways=_ONE_BY_ONE,
    where=_WHERE,
    help_text="Split a layer of the viewer, or files: TIFF, OME-Zarr, CZI or MRC.",
    channel="For an image with channels: the one that shows the structures together. Channels that "
    "show one structure each, in the order of the model's, are superposed as in training.",
    follows=True,
)
NOISY_IMAGES = Role(
    ways=_ONE_BY_ONE,
    where=_WHERE,
    help_text="Denoise a layer of the viewer, or files: TIFF, OME-Zarr, CZI or MRC.",
    channel="Denoise this channel: each has a network of its own.",
    follows=True,
)
STRUCTURES = Role(
    ways={
        LAYERS: "layers, one per structure",
        CHANNELS: "one layer with channels",
        FILES: "files",
    },
    where="Where the structures come from",
    help_text="Images of each structure alone: one layer per structure, one layer with a channel "
    "axis, or files, TIFF, OME-Zarr, CZI or MRC (one per structure, or with channels).",
    missing="Add or drop images of the structures.",
    channel="Train on this channel: each is a structure.",
    names=True,
    repeats="The time points are exposures of one place that did not change, not a time-lapse. "
    "Noise models are then fitted to their differences, which is the best way.",
)
RECORDED = Role(
    ways=_ONE_BY_ONE,
    where=_WHERE,
    help_text="Images of the same fields with all structures at once, a plane for each field: a "
    "layer, or files in the order of the fields.",
    missing="Add images of the structures recorded together, or take the box off.",
    channel="For images with channels: the one that shows the structures together.",
    one_channel=True,
)
