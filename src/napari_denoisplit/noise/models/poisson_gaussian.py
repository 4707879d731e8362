"""Poisson-Gaussian noise model p(observation | signal): photons counted, then read out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.noise_model import NoiseModel, as_floats, check_signal_range
from napari_denoisplit.noise.models.saddlepoint import (
    LEAST_COUNT,
    SaddlepointTables,
    log_density,
    saddlepoint,
    signed_root,
    slopes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_SPREAD = 0.1
"""Photons: a narrower read noise would leave gaps between the counts, which no camera shows."""
_CHUNK = 1 << 15  # pixels at a time on a CPU, so that what is made of them stays in its cache


class PoissonGaussian(NoiseModel):
    """Photons counted by a camera, with read noise: three numbers of a data sheet.

        observation = gain * Poisson((signal - offset) / gain) + offset + normal(0, read_noise)

    The mean is the signal, the variance gain * (signal - offset) + read_noise^2. The density is the
    saddlepoint approximation of second order, normalized (see `saddlepoint`). Against the exact sum
    over photon counts, for a read noise of half a photon or more, its divergence is below 5e-4
    nats per pixel, its standard deviation within 0.7 % and its mean within 0.02 standard deviations
    at any signal; from one photon of read noise on ten times closer. For less read noise the exact
    density falls into peaks, one per photon; the approximation is a smooth line through them
    (0.3 photons: 0.03 nats), which suits detectors whose photons are not all alike.

    Below the offset plus a hundredth of a photon, the density stays what it is there and moves
    with the signal: nearly the Gaussian of the read noise around the signal. Read noise below a
    tenth of a photon counts as a tenth of a photon. Above `signal_range` nothing changes.

    Parameters
    ----------
    gain
        Grey levels per photon (electron), positive.
    offset
        Grey level without light.
    read_noise
        Standard deviation in the dark, grey levels, not negative. Rounding to whole levels adds
        1/12 to its square.
    min_signal, max_signal
        Range of the signal that the model was made for, grey levels.

    Raises
    ------
    NoiseModelError
        A number is not finite or has the wrong sign, or the range is empty.
    """

    kind: ClassVar[str] = "poisson_gaussian"
    needs: ClassVar[tuple[str, ...]] = ("gain", "offset", "read_noise", "min_signal", "max_signal")
    log_norm: Tensor
    excess_cdf: Tensor

    def __init__(
        self,
        gain: float,
        offset: float,
        read_noise: float,
        min_signal: float,
        max_signal: float,
    ) -> None:
        super().__init__()
        _check(gain, offset, read_noise)
        check_signal_range(min_signal, max_signal)
        self.gain, self.offset, self.read_noise = float(gain), float(offset), float(read_noise)
        self._range = float(min_signal), float(max_signal)
        self.variance_in_photons = max(self.read_noise / self.gain, LEAST_SPREAD) ** 2
        tables = SaddlepointTables.make(self.variance_in_photons)
        self.register_buffer("log_norm", tables.log_norm.float())
        self.register_buffer("excess_cdf", tables.excess_cdf.float())

    @property
    def signal_range(self) -> tuple[float, float]:
        """Range of the signal that the model was made for, grey levels."""
        return self._range

    @property
    def photons_per_grey_level(self) -> float:
        """Photons (electrons) behind one grey level: a camera's conversion factor, e-/ADU."""
        return 1.0 / self.gain

    @property
    def read_noise_in_photons(self) -> float:
        """Read noise in electrons, as data sheets give it."""
        return self.read_noise / self.gain

    @property
    def camera(self) -> str:
        """The three numbers in words."""
        return (
            f"{self.photons_per_grey_level:.3g} photons per grey level, offset {self.offset:.4g} "
            f"grey levels, read noise {self.read_noise:.3g} grey levels "
            f"({self.read_noise_in_photons:.3g} photons)"
        )

    def extra_repr(self) -> str:
        """Return what `repr` shows."""
        return f"gain {self.gain:g}, offset {self.offset:g}, read noise {self.read_noise:g}"

    def log_likelihood(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Return log p(observation | signal) of each pixel, nats per grey level.

        Finite for any finite input. Its slope is made in closed form in the forward pass, and can
        be taken once.

        Parameters
        ----------
        observation, signal
            Grey levels, shapes that broadcast.
        """
        observation, signal = as_floats(observation, signal)
        density: Tensor = _Density.apply(  # type: ignore[no-untyped-call]
            observation.reshape(-1), signal.reshape(-1), self
        )
        return density.reshape(signal.shape)

    def variance(self, signal: Tensor) -> Tensor:
        """Variance of the observation, squared grey levels, same shape as the signal."""
        (signal,) = as_floats(signal)
        return self.gain**2 * (self._count(signal) + self.variance_in_photons)

    def cdf(self, observation: Tensor, signal: Tensor) -> Tensor:
        """Probability of an observation at or below this one; shapes broadcast."""
        observation, signal = as_floats(observation, signal)
        count = self._count(signal)
        v = count.new_tensor(self.variance_in_photons)
        solved = saddlepoint((observation - signal) / self.gain, count, v)
        return self.tables.cdf(signed_root(count, v, solved), count)

    def sample(self, signal: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw a noisy observation of each pixel: photons one by one, then read noise."""
        (signal,) = as_floats(signal)
        count = self._count(signal)
        photons = torch.poisson(count, generator=generator)
        normal = torch.randn(
            signal.shape, generator=generator, device=signal.device, dtype=signal.dtype
        )
        spread = math.sqrt(self.variance_in_photons)
        return signal + self.gain * (photons - count + spread * normal)

    @property
    def tables(self) -> SaddlepointTables:
        """Integrals of the density."""
        return SaddlepointTables(self.log_norm, self.excess_cdf)

    def _count(self, signal: Tensor) -> Tensor:
        """Mean photons; never fewer than the dark holds."""
        return ((signal - self.offset) / self.gain).clamp(min=LEAST_COUNT)

    def _values(self) -> dict[str, Any]:
        numbers = (self.gain, self.offset, self.read_noise, *self._range)
        return dict(zip(PoissonGaussian.needs, numbers, strict=True))

    @classmethod
    def _from_values(cls, values: Mapping[str, Any]) -> Self:
        return cls(*(float(values[name]) for name in cls.needs))

    def density_with_slopes(
        self, observation: Tensor, signal: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-density, its slope in the observation and its slope in the signal."""
        v = signal.new_tensor(self.variance_in_photons)
        photons = (signal - self.offset) / self.gain
        count = photons.clamp(min=LEAST_COUNT)
        lit = (photons > LEAST_COUNT).to(signal.dtype)
        solved = saddlepoint((observation - signal) / self.gain, count, v)
        log_norm, norm_slope = self.tables.log_norm_at(count)
        density = log_density(count, v, solved) - log_norm - math.log(self.gain)
        in_d, in_count = slopes(count, v, solved)
        in_signal = lit * (in_count - norm_slope) - in_d
        return density, in_d / self.gain, in_signal / self.gain


class _Density(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, observation: Tensor, signal: Tensor, model: PoissonGaussian) -> Tensor:
        """Log-density; keep its slopes for `backward`."""
        results = [torch.empty_like(signal) for _ in range(3)]
        step = _CHUNK if signal.device.type == "cpu" else max(len(signal), 1)
        for start in range(0, len(signal), step):
            part = slice(start, start + step)
            values = model.density_with_slopes(observation[part], signal[part])
            for result, value in zip(results, values, strict=True):
                result[part] = value
        ctx.save_for_backward(*results[1:])
        return results[0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients in the order of the arguments of `forward`."""
        in_observation, in_signal = ctx.saved_tensors
        return (
            upstream * in_observation if ctx.needs_input_grad[0] else None,
            upstream * in_signal if ctx.needs_input_grad[1] else None,
            None,
        )


def _check(gain: float, offset: float, read_noise: float) -> None:
    """Raise unless the numbers make a usable model."""
    if not (math.isfinite(gain) and 1e-12 <= gain <= 1e12):
        raise NoiseModelError(
            f"The gain of this noise model is {gain:g} grey levels per photon; it must be positive "
            "and finite. Fit the model anew."
        )
    if not (math.isfinite(offset) and math.isfinite(read_noise) and 0 <= read_noise <= 1e12):
        raise NoiseModelError(
            f"The offset ({offset:g}) and the read noise ({read_noise:g}) of this noise model must "
            "be finite, and the read noise not negative."
        )
