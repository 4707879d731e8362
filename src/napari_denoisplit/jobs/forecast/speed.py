"""How fast a network samples on a device, found by trying it."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.split.memory import free_memory
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.fast.inference import folded
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.moments import Moments
from napari_denoisplit.sampling.posterior import Posterior, bytes_per_pixel

if TYPE_CHECKING:
    from napari_denoisplit.nn.fast.inference import FoldedVSE
    from napari_denoisplit.settings import NetworkSettings

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

    def slower(self, factor: float) -> Rate:
        """Return the rate that takes so many times as long."""
        return Rate(self.call * factor, self.pixel * factor)


@dataclass(frozen=True, slots=True)
class Speed:
    """What encoding and sampling cost on a device."""

    encode: Rate
    draw: Rate
    """Of one sample, with the moments and the copies that are shown."""

    def slower(self, factor: float) -> Speed:
        """Return the speed that takes so many times as long."""
        return Speed(self.encode.slower(factor), self.draw.slower(factor))


AGAIN = 60.0
"""Seconds after which a trial is made again, where no split has shown the true speed: other
programs can only have made it slower, so the faster one counts."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a network on a device."""

    speed: Speed
    tried: float
    """When, seconds of `time.monotonic`; endless where a split has shown it."""


_known: dict[tuple[NetworkSettings, Compute], _Known] = {}


def speed_of(network: NetworkSettings, compute: Compute) -> Speed:
    """Tell the speed of a network of this shape: that of the last split, or else of a trial.

    The weights do not matter for the speed, so that none have to be loaded. A trial takes about as
    long as two samples of 256 x 256 pixels: 0.2 s for the preset 'fast' on two cores.
    """
    known, now = _known.get((network, compute)), time.monotonic()
    if known is None or now > known.tried + AGAIN:
        trial = _trial(network, compute)
        speed = trial if known is None else min(trial, known.speed, key=_of_a_sample)
        known = _known[network, compute] = _Known(speed, now)
    return known.speed


def correct(network: NetworkSettings, compute: Compute, factor: float) -> None:
    """Take note that a split has taken `factor` times as long as this speed made believe."""
    slower = speed_of(network, compute).slower(factor)
    _known[network, compute] = _Known(slower, math.inf)


def _of_a_sample(speed: Speed) -> float:
    return speed.draw.seconds(LARGE_ON_CPU**2)


def _trial(network: NetworkSettings, compute: Compute) -> Speed:
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
