"""What is told of the memory of sampling is about what it takes, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import re
from pathlib import Path

import numpy as np
import torch

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import PRESETS


def memory(kind):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(kind + r":\\s+(\\d+)", status)[1])


def sample(edge):
    plane = np.zeros((edge, edge), np.float32)
    posterior = Posterior(network, statistics, plane, origin=(0, 0))
    posterior.encode(posterior.tiles[0])
    for k in range(2):
        posterior.draw(k, posterior.tiles[0], posterior.empty_sample())


torch.set_num_threads(1)
settings = PRESETS["tiny"].network
network = sampler_of(VSE(settings), Compute.choose("cpu", "float32"))
n = settings.n_channels
statistics = Normalization(
    input_mean=0.0, input_std=1.0, channel_means=(0.0,) * n, channel_stds=(1.0,) * n
)
with keep_freed_memory():
    sample(64)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    sample(704)
print(memory("VmHWM") - before, network.facts.working_bytes * 704**2)
"""
BESIDES = 2**27
"""Bytes that do not grow with the tile."""


@pytest.mark.skipif(sys.platform != "linux", reason="peaks are read from /proc")
def test_sampling_takes_about_the_memory_that_is_told():
    out = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
    ).stdout
    taken, told = map(int, out.split())
    assert taken < told + BESIDES
    assert told < 1.5 * taken
