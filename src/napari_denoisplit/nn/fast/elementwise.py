"""Chains of elementwise operations over rows of feature maps, short enough to stay in the cache.

A feature map of a large image is far larger than a processor's cache, and a chain of operations
over it would go to memory and back with each. So whoever calls gives some rows at a time; the
chain runs over them in float32, in buffers that are used again.

Letters: N rows, X pixels, H feature maps, Z latent maps. Rows lie channels-last, (N, X, H).
"""

from __future__ import annotations

from math import log, prod
from typing import TYPE_CHECKING, Literal

import torch
import torch.nn.functional as F

from napari_denoisplit.nn.gaussian import LOGVAR_MAX, VARIANCE_MIN

if TYPE_CHECKING:
    from torch import Tensor

LN2 = log(2)


class Scratch:
    """Buffers that are taken again and again: fresh memory is mapped and zeroed by the system."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._flat: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(self, name: str, shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
        """Return the buffer of a name, with whatever it held."""
        size = prod(shape)
        flat = self._flat.get((name, dtype))
        if flat is None or flat.numel() < size:
            flat = torch.empty(size, dtype=dtype, device=self._device)
            self._flat[name, dtype] = flat
        return flat[:size].view(shape)


class Elementwise:
    """ELU, gate and latents on scaled features.

    On a processor, 2^x costs a quarter of e^x - 1. So features whose ELU is taken come, and go,
    multiplied by `unit` = 1 / ln 2, which their convolution's weights carry; elsewhere `unit` is 1.

    Parameters
    ----------
    device
        Where the rows are.
    """

    def __init__(self, device: torch.device) -> None:
        self.on_cpu = device.type == "cpu"
        self.unit = 1 / LN2 if self.on_cpu else 1.0
        self.scratch = Scratch(device)
        self._zero = torch.zeros((), device=device)
        self._minus_unit = torch.tensor(-self.unit, device=device)

    def elu(
        self,
        x: Tensor,
        out: Tensor,
        scale: Tensor | None = None,
        shift: Tensor | None = None,
    ) -> None:
        """Write unit * ELU(x / unit), x = scale * x + shift where given; (N, X, H) each."""
        u = self._float(0, x)
        if scale is not None and shift is not None:
            u = torch.addcmul(shift, u, scale, out=self._buffer(0, x))
        z = out if out.dtype == torch.float32 else self._buffer(0, x)
        self._elu(u, z)
        if z is not out:
            out.copy_(z)

    def gate(self, x: Tensor, both: Tensor) -> None:
        """Add ELU(a) * sigmoid(g) to x (N, X, H); both is (N, X, 2H) of unit * a and g."""
        half = x.shape[-1]
        a = self._buffer(0, x)
        self._elu(self._float(0, both[..., :half]), a)
        g = self._buffer(2, x)
        torch.sigmoid(self._float(2, both[..., half:]), out=g)
        y = self._float(1, x)
        torch.addcmul(y, a, g, value=1 / self.unit, out=y)
        if y is not x:
            x.copy_(y)

    def latents(
        self,
        features: Tensor,
        noise: Tensor,
        out: Tensor,
        variance: Literal["exp_linear", "exp"] = "exp_linear",
    ) -> None:
        """Write z = mean + std * noise (N, X, Z), with the variance as `Gaussian` defines it.

        `features` are (N, X, 2Z): mean and unit * log-variance.
        """
        mean, logvar = features.chunk(2, dim=-1)
        u, std = self._buffer(0, noise).copy_(logvar), self._buffer(1, noise)
        exp = torch.exp2 if self.on_cpu else torch.exp
        if variance == "exp":
            exp(u.mul_(0.5), out=std)
        else:
            torch.clamp(u, max=0, out=std)
            exp(std, out=std)
            u.clamp_(0, LOGVAR_MAX * self.unit)
            torch.add(std, u, alpha=1 / self.unit, out=std)
            torch.sqrt(std.add_(VARIANCE_MIN), out=std)
        z = out if out.dtype == torch.float32 else std
        torch.addcmul(self._float(0, mean), std, noise, out=z)
        if z is not out:
            out.copy_(z)

    def _elu(self, u: Tensor, out: Tensor) -> None:
        """Write unit * ELU(u / unit), float32; on a processor without the slow e^x - 1.

        E = unit * (2^u - 1) is above u everywhere, so ELU is the middle one of 0, u and E.
        """
        if not self.on_cpu:
            out.copy_(F.elu(u))
            return
        e = torch.exp2(u, out=self._buffer(1, u))
        torch.add(self._minus_unit, e, alpha=self.unit, out=e)
        torch.clamp(self._zero, u, e, out=out)

    def _buffer(self, number: int, like: Tensor) -> Tensor:
        """One of three buffers that all chains share, so that they stay in the cache."""
        return self.scratch.take(f"rows {number}", tuple(like.shape))

    def _float(self, number: int, x: Tensor) -> Tensor:
        """Rows in float32; rows that are float32 already are not copied."""
        return x if x.dtype == torch.float32 else self._buffer(number, x).copy_(x)
