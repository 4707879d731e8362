"""Validation of a network on the blocks that training does not see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.events import Elbo
from napari_denoisplit.images.image import Image
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.measures.separation import Separation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.objective import Objective

MAX_PIXELS = 300_000
"""Blocks are cropped to so many pixels together: a validation may not cost more than training."""
QUICK = 128
"""Edge of what is enough for a training that was stopped, pixels."""
SEED = 20240311


@dataclass(frozen=True, slots=True)
class ValidationResult:
    """Outcome of one validation."""

    elbo: Elbo
    psnr: tuple[float, ...]
    """Per channel, dB, mean over blocks, of the mean of two samples; NaN where every block of a
    channel is constant."""
    shares: NDArray[np.float64]
    """(C, C), what each predicted structure holds of each; see `Separation.shares`."""
    noisy_psnr: float
    """dB, plain, of all channels as they were recorded together, in normalized units."""
    is_quick: bool
    """Whether it is of few pixels, so that it does not compare with that of another epoch."""
    superposition: NDArray[np.float32]
    """(Y, X) of the first block, image units."""
    mmse: NDArray[np.float32]
    """(C, Y, X) of the first block, image units."""
    channels: NDArray[np.float32]
    """(C, Y, X) of the first block as recorded, image units."""

    def shortfall(self, monitor: Literal["loss", "reconstruction", "psnr"]) -> float:
        """Return what is lowest where the network is best."""
        if monitor == "psnr":
            return -self.noisy_psnr
        return self.elbo.loss if monitor == "loss" else self.elbo.reconstruction


class Validation:
    """The ELBO and PSNR on fixed blocks with fixed latent noise, so that epochs compare.

    Parameters
    ----------
    blocks
        Arrays (C, Y, X), image units.
    truth
        The same blocks without noise; None compares with the blocks themselves.
    superpositions
        (Y, X) of each block, image units.
    normalization
        Statistics of the training pixels.
    is_quick
        Whether these are few pixels in place of all.
    """

    def __init__(
        self,
        blocks: Sequence[NDArray[np.float32]],
        truth: Sequence[NDArray[np.float32]] | None,
        superpositions: Sequence[NDArray[np.float32]],
        normalization: Normalization,
        compute: Compute,
        *,
        is_quick: bool = False,
    ) -> None:
        edge = max(32, int((MAX_PIXELS / len(blocks)) ** 0.5))
        keep = max(1, MAX_PIXELS // min(edge**2, blocks[0][0].size))
        self._blocks = [_centre(b, edge) for b in blocks[:keep]]
        self._truth = [_centre(t, edge) for t in (truth or blocks)[:keep]]
        self._superpositions = [_centre(x[None], edge)[0] for x in superpositions[:keep]]
        self._normalization = normalization
        self._compute = compute
        self._is_quick = is_quick

    @property
    def superpositions(self) -> list[Image]:
        """Superposition of each block, image units."""
        return [
            Image(x, "YX", name=f"validation block {i}")
            for i, x in enumerate(self._superpositions, start=1)
        ]

    def quick(self) -> Validation:
        """Return the same on few pixels: those in which the faintest structure shows most."""
        stds = np.asarray(self._normalization.channel_stds)
        places = [
            (number, slice(y, y + QUICK), slice(x, x + QUICK))
            for number, block in enumerate(self._blocks)
            for y in range(0, max(1, block.shape[1] - QUICK + 1), QUICK)
            for x in range(0, max(1, block.shape[2] - QUICK + 1), QUICK)
        ]
        number, y, x = max(
            places,
            key=lambda p: float((self._truth[p[0]][:, p[1], p[2]].std(axis=(1, 2)) / stds).min()),
        )
        return Validation(
            [self._blocks[number][:, y, x]],
            [self._truth[number][:, y, x]],
            [self._superpositions[number][y, x]],
            self._normalization,
            self._compute,
            is_quick=True,
        )

    @torch.no_grad()
    def run(self, network: nn.Module, objective: Objective) -> ValidationResult:
        """Validate a network that is in evaluation mode.

        Raises
        ------
        TrainingError
            What it predicts is not finite.
        """
        losses, psnr, size = np.zeros(2 + objective.n_levels), [], 0
        noisy, separation = _NoisyPsnr(self._normalization), Separation(len(self._truth[0]))
        generator = torch.Generator(self._compute.device).manual_seed(SEED)
        shown: list[NDArray[np.float32]] = []
        blocks = zip(self._blocks, self._superpositions, self._truth, strict=True)
        for block, superposition, truth in blocks:
            found, mmse = self._predict(network, block, superposition, objective, generator)
            if not np.isfinite(mmse).all():
                raise TrainingError(
                    "The training has diverged: what the network predicts of the images kept for "
                    "validation is not finite. Lower the learning rate, or check the noise models."
                )
            n = block[0].size
            losses += found * n
            size += n
            psnr.append([_psnr(t, m) for t, m in zip(truth, mmse, strict=True)])
            noisy.add(block, mmse)
            separation.add(truth, mmse)
            if not shown:
                shown = [superposition, mmse, block]
        loss, reconstruction, *kl = (losses / size).tolist()
        return ValidationResult(
            Elbo(loss, reconstruction, tuple(kl)),
            tuple(_mean_of_known(channel) for channel in zip(*psnr, strict=True)),
            separation.shares(),
            noisy.value,
            self._is_quick,
            *shown,
        )

    def _predict(
        self,
        network: nn.Module,
        block: NDArray[np.float32],
        superposition: NDArray[np.float32],
        objective: Objective,
        generator: torch.Generator,
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Loss and its parts of one block, and its MMSE (C, Y, X) in image units."""
        n, device = self._normalization, self._compute.device
        channels = torch.from_numpy(block)[None].to(device)  # (1, C, Y, X)
        x = torch.from_numpy(superposition)[None, None].to(device)  # (1, 1, Y, X)
        x = (x - n.input_mean) / n.input_std

        def noise(level: int, shape: tuple[int, ...]) -> Tensor:
            return torch.randn(shape, generator=generator, device=device)

        def predict(*inputs: Any) -> Any:
            with self._compute.autocast():
                return network(*inputs)

        terms, signal = objective.validate(predict, x, channels, noise)
        losses = torch.cat([torch.stack(terms[:2]), terms.kl_per_level]).cpu().double().numpy()
        scale = np.asarray(n.channel_stds, np.float32)[:, None, None]
        offset = np.asarray(n.channel_means, np.float32)[:, None, None]
        with np.errstate(over="ignore"):  # told by the caller
            return losses, signal[0].cpu().numpy() * scale + offset


class _NoisyPsnr:
    """PSNR against noisy channels in normalized units, pooled over blocks, as of muSplit."""

    def __init__(self, normalization: Normalization) -> None:
        self._means = np.asarray(normalization.channel_means, np.float32)[:, None, None]
        self._stds = np.asarray(normalization.channel_stds, np.float32)[:, None, None]
        self._squares, self._n, self._low, self._high = 0.0, 0, math.inf, -math.inf

    def add(self, channels: NDArray[np.float32], mmse: NDArray[np.float32]) -> None:
        """Take a block in, both (C, Y, X) in image units."""
        target = (channels - self._means) / self._stds
        self._squares += float((((channels - mmse) / self._stds) ** 2).sum(dtype=np.float64))
        self._n += channels.size
        self._low = min(self._low, float(target.min()))
        self._high = max(self._high, float(target.max()))

    @property
    def value(self) -> float:
        """In dB; NaN where it has none."""
        spread, error = self._high - self._low, self._squares / self._n
        if not (spread > 0 and 0 < error < math.inf):
            return math.nan
        return 20 * math.log10(spread) - 10 * math.log10(error)


def _psnr(truth: NDArray[np.float32], mmse: NDArray[np.float32]) -> float:
    """PSNR of a block; NaN where the truth is constant, as in a blank frame or an empty corner."""
    return range_invariant_psnr(truth, mmse) if np.ptp(truth) > 0 else math.nan


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def _centre(block: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
    """Cut the central part of at most edge x edge pixels."""
    y, x = (max(0, (n - edge) // 2) for n in block.shape[1:])
    return np.ascontiguousarray(block[:, y : y + edge, x : x + edge])
