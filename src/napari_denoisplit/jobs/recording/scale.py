"""Pixel sizes of a recording and of the images that a model was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch

from napari_denoisplit.images.units import pixel_edge
from napari_denoisplit.measures.trust.recording import WORTH_ENLARGING
from napari_denoisplit.nn.families import facts_of
from napari_denoisplit.nn.families.magnified import MagnifiedSettings, can_be_enlarged

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import ModelHeader
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import NetworkSettings, SplitSettings


def pixel_edges(header: ModelHeader, view: Image) -> tuple[float, float] | None:
    """Edges of a pixel of a recording and of the training images, µm; None if one is unknown."""
    here = pixel_edge(view.pixel_size, view.units)
    trained = pixel_edge(header.pixel_size, header.units)
    return None if here is None or trained is None else (here, trained)


def magnification_for(header: ModelHeader, view: Image, settings: SplitSettings) -> Literal[1, 2]:
    """Choose how many times the network is to see a recording enlarged."""
    if settings.acquisition is not None:
        return settings.acquisition.magnification
    edges = pixel_edges(header, view)
    if settings.grey_levels == "kept" or edges is None:
        return 1
    if not can_be_enlarged(facts_of(header.network, torch.float32)):
        return 1
    return 2 if edges[0] / edges[1] >= WORTH_ENLARGING else 1


def network_for(header: ModelHeader, view: Image, settings: SplitSettings) -> NetworkSettings:
    """Shape of the network that will split a recording: of the model, or seeing it enlarged."""
    network = header.network
    if magnification_for(header, view, settings) == 1:
        return network
    return MagnifiedSettings(n_channels=network.n_channels, network=network)
