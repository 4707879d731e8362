"""Poisson-Gaussian noise that goes on from pixel to pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.noise_model import as_floats
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_REACH = 8
_GRID = 128  # frequencies along each axis at which a model is looked at
_LEAST_RESPONSE = 1e-3  # below, single frequencies would rule


class CorrelatedNoise(PoissonGaussian):
    """Poisson-Gaussian noise, of which the pixels before foretell a part.

    By itself every pixel is as `PoissonGaussian` has it. In standard deviations, z = (observation -
    signal) / sigma(signal), it depends on the R rows above and on the R pixels to its left, in
    reading order:

        z_i given those before ~ normal(sum over j of weight_j z_j, left^2)

    The product over all pixels is the density of the image, so that no part of the noise counts as
    structure because it goes on in the next pixel. Such autoregressive noise models, learned by a
    network along one axis, are those of COSDD (Salmon & Krull 2023, arXiv 2310.07887).

    Parameters
    ----------
    gain, offset, read_noise, min_signal, max_signal
        As of `PoissonGaussian`.
    weights
        (R + 1, 2 R + 1): of the R rows above, from the uppermost on, and of the pixel's own row, in
        which those from the pixel on are 0.
    left
        Standard deviation of what is not foretold, in parts of that of the noise, 0 < left <= 1.
    along_both
        Whether the noise is alike along x and y, so that images may be turned by 90 degrees.

    Raises
    ------
    NoiseModelError
        A number is not what it should be.
    """

    kind: ClassVar[str] = "correlated"
    needs: ClassVar[tuple[str, ...]] = (*PoissonGaussian.needs, "weights", "left", "along_both")
    kernel: Tensor

    def __init__(
        self,
        gain: float,
        offset: float,
        read_noise: float,
        min_signal: float,
        max_signal: float,
        weights: Sequence[Sequence[float]],
        left: float,
        along_both: bool,
    ) -> None:
        super().__init__(gain, offset, read_noise, min_signal, max_signal)
        given = torch.tensor(weights, dtype=torch.float32)
        reach = len(given) - 1 if given.ndim else 0
        if (
            not 1 <= reach <= MOST_REACH
            or given.shape != (reach + 1, 2 * reach + 1)
            or given[-1, reach:].any()
        ):
            raise NoiseModelError(
                f"The weights of this noise model have the shape {tuple(given.shape)}: they must "
                f"be (R + 1, 2 R + 1), R at most {MOST_REACH}, and 0 from the pixel itself on. Fit "
                "the model anew."
            )
        if not (given.isfinite().all() and 0 < left <= 1):
            raise NoiseModelError(
                f"The weights of this noise model must be finite, and what they leave ({left:g}) "
                "above 0 and at most 1. Fit the model anew."
            )
        self.left, self.along_both = float(left), bool(along_both)
        kernel = -given
        kernel[-1, reach] = 1
        self.register_buffer("kernel", kernel)
        gains = self._gains((_GRID, _GRID), torch.float64)
        variance = float(gains.square().mean())
        if not (gains.max() < self.left / _LEAST_RESPONSE and 0.5 < variance < 2):
            raise NoiseModelError(
                f"The weights of this noise model make noise of {variance:.3g} times the variance "
                "that they are for: they do not belong together. Fit the model anew."
            )

    @property
    def reach(self) -> int:
        """Pixels in each direction that a pixel depends on, R."""
        return len(self.kernel) - 1

    def log_likelihood_of_images(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p of each pixel given those before it, nats per grey level.

        Pixels within R of the left, right or upper border lack some of those, and count by
        themselves.

        Parameters
        ----------
        observation, signal
            (..., Y, X), grey levels.
        """
        observation, signal = as_floats(observation, signal)
        sigma = self.variance(signal).sqrt()
        z = (observation - signal) / sigma
        new, error, r = self.unforeseen(z), z.square(), self.reach
        if new.numel():
            inner = new.square() + 2 * math.log(self.left)
            below = torch.cat([error[..., r:, :r], inner, error[..., r:, -r:]], dim=-1)
            error = torch.cat([error[..., :r, :], below], dim=-2)
        return -0.5 * (error + math.log(2 * math.pi)) - sigma.log()

    def unforeseen(self, z: Tensor) -> Tensor:
        """Take from noise what the pixels before foretell, and bring the rest to unit variance.

        Parameters
        ----------
        z
            (..., Y, X), noise in standard deviations.

        Returns
        -------
        (..., Y - R, X - 2 R): white, if the noise is as the model has it.
        """
        rows, columns = z.shape[-2:]
        if rows <= self.reach or columns <= 2 * self.reach:
            return z.new_empty((*z.shape[:-2], 0, 0))
        kernel = self.kernel.to(z.dtype)[None, None]
        new = F.conv2d(z.reshape(-1, 1, rows, columns), kernel) / self.left
        return new.reshape(*z.shape[:-2], *new.shape[-2:])

    def coloured(self, white: Tensor) -> Tensor:
        """Make white noise (..., Y, X) of unit variance as correlated as this noise is.

        Edges that face each other are neighbours.
        """
        size = white.shape[-2:]
        if min(size) <= 2 * self.reach:
            return white
        gains = self._gains(size, white.dtype)
        gains = gains / gains.square().mean().sqrt()
        made: Tensor = torch.fft.ifft2(torch.fft.fft2(white) * gains).real
        return made

    def _gains(self, size: tuple[int, int] | torch.Size, dtype: torch.dtype) -> Tensor:
        """Amplitude of each frequency, 1 for white noise."""
        response: Tensor = torch.fft.fft2(self.kernel.to(dtype), s=size)
        return self.left / response.abs()

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation: of images (..., Y, X) correlated, of single pixels not."""
        (signal,) = as_floats(signal)
        if signal.ndim < 2:
            return super().sample(signal, generator)
        white = torch.randn(
            signal.shape, generator=generator, device=signal.device, dtype=signal.dtype
        )
        return signal + self.variance(signal).sqrt() * self.coloured(white)

    def _values(self) -> dict[str, Any]:
        pixel = super()._values()
        weights = -self.kernel
        weights[-1, self.reach] = 0
        of_neighbours = (weights.tolist(), self.left, self.along_both)
        return pixel | dict(zip(self.needs[-3:], of_neighbours, strict=True))

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        numbers = {name: float(values[name]) for name in (*PoissonGaussian.needs, "left")}
        return cls(**numbers, weights=values["weights"], along_both=_truth(values["along_both"]))


def _truth(value: object) -> bool:
    if value not in (0, 1):  # files hold numbers
        raise ValueError(f"along_both is {value!r}, neither true nor false")
    return bool(value)
