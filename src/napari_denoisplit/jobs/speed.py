"""How fast a network samples on a device, found by trying it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.images.normalization import Normalization
from napari_denoisplit.jobs.memory import free_memory
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.inference import folded
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior, bytes_per_pixel

if TYPE_CHECKING:
    from napari_denoisplit.nn.inference import FoldedVSE
    from napari_denoisplit.settings import NetworkSettings

__all__ = ["Rate", "Speed", "speed_of"]

SMALL = 64
LARGE_ON_CPU = 256
LARGE_ON_GPU = 1024
"""Edges of the two trials, pixels: what a call costs, and what a pixel costs. A GPU is not busy
with less."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What a pass of the network costs."""

    call: float
    """Seconds of each call, however small."""
    pixel: float
    """Seconds of each pixel."""

    def seconds(self, n_pixels: float, n_calls: int = 1) -> float:
        """Seconds of so many pixels in so many calls."""
        return self.call * n_calls + self.pixel * n_pixels


@dataclass(frozen=True, slots=True)
class Speed:
    """What encoding and sampling cost on a device."""

    encode: Rate
    draw: Rate
    """Of one sample, with the moments and the copies that are shown."""


@lru_cache(maxsize=16)
def speed_of(network: NetworkSettings, compute: Compute) -> Speed:
    """Measure a network of this shape, once in a process.

    The weights do not matter for the speed, so that none have to be loaded. It takes about as long
    as two samples of 256 x 256 pixels: 0.2 s for the preset 'fast' on two cores.
    """
    trial = folded(VSE(network).eval(), compute)
    with keep_freed_memory():
        sizes, step = (SMALL, _large(network, compute)), trial.multiple
        edges = [-(-size // step) * step for size in sizes]
        _passes(trial, edges[0])  # what is set up at the first call is not counted
        passes = [_passes(trial, edge) for edge in edges]
    pixels = [edge**2 for edge in edges]
    encode, draw = (_rate(*seconds, *pixels) for seconds in zip(*passes, strict=True))
    return Speed(encode, draw)


def _large(network: NetworkSettings, compute: Compute) -> int:
    if compute.device.type == "cpu":
        return LARGE_ON_CPU
    needed = LARGE_ON_GPU**2 * bytes_per_pixel(network, compute.dtype)
    return LARGE_ON_GPU if 2 * needed < free_memory(compute.device) else LARGE_ON_CPU


def _passes(network: FoldedVSE, edge: int) -> tuple[float, float]:
    """Seconds of encoding a plane of this edge and of one sample of it."""
    n = network.settings.n_channels
    statistics = Normalization(
        input_mean=0.0, input_std=1.0, channel_means=(0.0,) * n, channel_stds=(1.0,) * n
    )
    # A cut has no border: as many pixels are computed as the edge says.
    posterior = Posterior(network, statistics, np.zeros((edge, edge), np.float32), origin=(0, 0))
    (tile,) = posterior.tiles
    sample = posterior.empty_sample()
    moments = Moments(tuple(sample.shape), network.device)
    began = _now(network.device)
    posterior.encode(tile)
    encoded = _now(network.device)
    posterior.draw(0, tile, sample)
    moments.add(sample)
    for picture in (sample, moments.mean, moments.std):
        picture.cpu().numpy().copy()
    return encoded - began, _now(network.device) - encoded


def _now(device: torch.device) -> float:
    """Seconds, when everything asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
    return time.perf_counter()


def _rate(few: float, many: float, n_few: int, n_many: int) -> Rate:
    """Straight line through the seconds of two trials; neither of its parts is negative."""
    slope = (many - few) / (n_many - n_few) if n_many > n_few else 0.0
    pixel = max(slope, many / n_many / 2)  # a small trial that was held up proves nothing
    return Rate(max(0.0, few - pixel * n_few), pixel)
