"""Families of networks by the kind in their settings.

A new family is a module with a `Family`, its settings in `settings.networks.KINDS`, and a line
here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.nn.families.denoiser import DenoiserFamily
from napari_denoisplit.nn.families.divnoising import DivNoisingFamily
from napari_denoisplit.nn.families.ladder import LadderFamily
from napari_denoisplit.nn.families.magnified import MagnifiedFamily
from napari_denoisplit.nn.families.sequence import SequenceFamily
from napari_denoisplit.nn.families.unet import UNetFamily

if TYPE_CHECKING:
    import torch

    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.families.family import Family
    from napari_denoisplit.nn.sampler import NetworkFacts, Sampler, SplittingNetwork
    from napari_denoisplit.settings import NetworkSettings

FAMILIES: dict[str, Family[Any]] = {
    "ladder": LadderFamily(),
    "unet": UNetFamily(),
    "denoiser": DenoiserFamily(),
    "divnoising": DivNoisingFamily(),
}
FAMILIES["magnified"] = MagnifiedFamily(FAMILIES)
FAMILIES["sequence"] = SequenceFamily(FAMILIES)


def family_of(settings: NetworkSettings) -> Family[Any]:
    """Find the family of a network by its settings."""
    return FAMILIES[settings.kind]


def network_of(settings: NetworkSettings) -> SplittingNetwork:
    """Make a network of this shape with random weights."""
    return family_of(settings).network(settings)


def facts_of(settings: NetworkSettings, dtype: torch.dtype) -> NetworkFacts:
    """Say what a network of this shape needs while it samples in this precision."""
    return family_of(settings).facts(settings, dtype)


def sampler_of(network: SplittingNetwork, compute: Compute) -> Sampler:
    """Make a sampler of a network, wherever and in whatever mode it is."""
    network = network.to(compute.device).eval()
    facts = facts_of(network.settings, compute.dtype)
    return family_of(network.settings).sampler(network, facts, compute)
