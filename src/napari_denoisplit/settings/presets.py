"""Presets: networks with the patches that they are trained on."""

from __future__ import annotations

from typing import Any, Literal

from napari_denoisplit.settings.base import Settings
from napari_denoisplit.settings.context import ContextSettings
from napari_denoisplit.settings.networks import (
    AnyNetwork,
    DivNoisingSettings,
    LadderSettings,
    NetworkSettings,
    SequenceSettings,
    UNetSettings,
)

Preset = Literal["tiny", "fast", "large", "context", "unet", "hdn", "divnoising"]


class PresetSettings(Settings):
    """A network with the patches it is trained on."""

    network: AnyNetwork
    patch_size: int
    batch_size: int


_SMALL: dict[str, Any] = {"dropout": 0.05, "upsampling": "nearest"}
"""Of networks with few filters. With the published dropout they learn more slowly, and with none
they soon learn a few images by heart."""

PRESETS: dict[Preset, PresetSettings] = {
    "tiny": PresetSettings(
        network=LadderSettings(n_levels=3, n_filters=16, n_latents=16, **_SMALL),
        patch_size=64,
        batch_size=8,
    ),
    "fast": PresetSettings(
        network=LadderSettings(n_filters=32, n_latents=32, **_SMALL),
        patch_size=64,
        batch_size=8,
    ),
    "large": PresetSettings(network=LadderSettings(), patch_size=128, batch_size=32),
    "context": PresetSettings(
        network=LadderSettings(
            n_levels=3, n_filters=16, n_latents=16, context=ContextSettings(scales=4), **_SMALL
        ),
        patch_size=64,
        batch_size=8,
    ),
    "unet": PresetSettings(network=UNetSettings(), patch_size=64, batch_size=8),
    "hdn": PresetSettings(
        network=LadderSettings(
            n_channels=1,
            n_levels=6,
            n_filters=32,
            n_latents=32,
            blocks_per_level=5,
            blocks_in_head=5,
            stem_kernel=5,
            dropout=0.2,
            variance="exp",
            level_factor="none",
        ),
        patch_size=64,
        batch_size=8,
    ),
    "divnoising": PresetSettings(network=DivNoisingSettings(), patch_size=64, batch_size=16),
}


def after_denoising(network: NetworkSettings) -> SequenceSettings:
    """Let HDN come before a network, unless a denoiser does already."""
    if isinstance(network, SequenceSettings):
        return network
    denoiser = PRESETS["hdn"].network
    return SequenceSettings(n_channels=network.n_channels, denoiser=denoiser, splitter=network)
