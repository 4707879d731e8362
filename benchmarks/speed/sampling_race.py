"""A race of posterior samples of 512 x 512 pixels with the published prediction path.

Called by benchmarks/speed/sampling.py, in the environment of careamics. The published path: the
paper's network, patches of 64 x 64 pixels of which 32 x 32 are kept, reflected borders, the whole
model for each sample.
"""

from __future__ import annotations

import json
import sys
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F

from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.posterior import Posterior
from napari_denoisplit.settings import PRESETS

SIZE, PATCH, KEPT = 512, 64, 32
BATCH = 32
"""Patches at once: from 8 to 64 the published path is equally fast where memory is kept."""
NORMALIZATION = Normalization(
    input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
)


def plane() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(SIZE, SIZE)).astype(np.float32)


class Published:
    """The published network and its way of predicting, one sample a call."""

    def __init__(self) -> None:
        from careamics.models.lvae import LadderVAE

        network = PRESETS["large"].network
        torch.manual_seed(0)
        self._model = LadderVAE(
            input_shape=(PATCH, PATCH),
            output_channels=network.n_channels,
            multiscale_count=1,
            z_dims=[network.n_latents] * network.n_levels,
            encoder_n_filters=network.n_filters,
            decoder_n_filters=network.n_filters,
            encoder_conv_strides=[2, 2],
            decoder_conv_strides=[2, 2],
            encoder_dropout=network.dropout,
            decoder_dropout=network.dropout,
            nonlinearity="ELU",
            predict_logvar=None,
            analytical_kl=False,
        ).eval()
        margin = (PATCH - KEPT) // 2
        padded = F.pad(torch.from_numpy(plane())[None, None], (margin,) * 4, mode="reflect")[0, 0]
        self._patches = padded.unfold(0, PATCH, KEPT).unfold(1, PATCH, KEPT)
        self._patches = self._patches.reshape(-1, 1, PATCH, PATCH)
        self._kept = slice(margin, margin + KEPT)

    @torch.no_grad()
    def __call__(self) -> torch.Tensor:
        """(C, Y, X)."""
        parts = [
            self._model(patches)[0][..., self._kept, self._kept]
            for patches in self._patches.split(BATCH)
        ]
        n = SIZE // KEPT
        grid = torch.cat(parts).unflatten(0, (n, n))  # (n, n, C, KEPT, KEPT)
        return grid.permute(2, 0, 3, 1, 4).reshape(-1, SIZE, SIZE)


class Ours:
    """One sample a call, of a plane that is encoded once."""

    def __init__(self, precision: str) -> None:
        torch.manual_seed(0)
        compute = Compute.choose("cpu", precision)
        network = sampler_of(VSE(PRESETS["large"].network), compute)
        self._posterior = Posterior(network, NORMALIZATION, plane())
        (self._tile,) = self._posterior.tiles
        self.encode()
        self._out = self._posterior.empty_sample()
        self._n = 0

    def encode(self) -> None:
        """Bottom-up pass over the plane."""
        self._posterior.encode(self._tile)

    def __call__(self) -> torch.Tensor:
        """(C, Y, X)."""
        self._posterior.draw(self._n, self._tile, self._out)
        self._n += 1
        return self._posterior.cropped(self._out)


def seconds(work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def warm(rounds: int) -> dict[str, list[float]]:
    """Turn by turn in one process that keeps freed memory, after one round to warm up."""
    with keep_freed_memory():
        ours = {precision: Ours(precision) for precision in ("bfloat16", "float32")}
        works = {"published": Published(), **ours}
        works |= {f"encode_{precision}": ours[precision].encode for precision in ours}
        times: dict[str, list[float]] = {name: [] for name in works}
        for k in range(rounds + 1):
            for name, work in works.items():
                passed = seconds(work)
                if k:
                    times[name].append(passed)
    return times


def fresh(name: str) -> dict[str, float]:
    """First and third sample of a process of its own, as a user gets it."""
    if name == "published":
        return _first_and_later(Published())
    with keep_freed_memory():  # as every split does
        return _first_and_later(Ours(name))


def _first_and_later(work) -> dict[str, float]:
    first, _, later = (seconds(work) for _ in range(3))
    return {"first": first, "later": later}


if __name__ == "__main__":
    what, argument = sys.argv[1:]
    result = warm(int(argument)) if what == "warm" else fresh(argument)
    print(json.dumps({"threads": torch.get_num_threads(), **result}))
