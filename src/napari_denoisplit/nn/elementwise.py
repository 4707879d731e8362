"""Chains of elementwise operations over rows of feature maps, short enough to stay in the cache.

A feature map of a large image is far larger than a processor's cache, and a chain of operations
over it would go to memory and back with each. So whoever calls gives some rows at a time; the
chain runs over them in float32, in buffers that are used again.

Letters: N rows, X pixels, H feature maps, Z latent maps. Rows lie channels-last, (N, X, H).
"""

from __future__ import annotations

from math import log, prod
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_denoisplit.nn.gaussian import LOGVAR_MAX, VARIANCE_MIN

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["LN2", "Elementwise", "Scratch"]

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
        x = self._float("elu_x", x)
        if scale is not None and shift is not None:
            u = self.scratch.take("elu_u", tuple(x.shape))
            x = torch.addcmul(shift, x, scale, out=u)
        if self.on_cpu:
            self._elu(x, out)
        else:
            out.copy_(F.elu(x))

    def gate(self, x: Tensor, both: Tensor) -> None:
        """Add ELU(a) * sigmoid(g) to x (N, X, H); both is (N, X, 2H) of unit * a and g."""
        half = x.shape[-1]
        a = self.scratch.take("gate_a", tuple(x.shape))
        g = self.scratch.take("gate_g", tuple(x.shape))
        self.elu(both[..., :half], a)
        torch.sigmoid(g.copy_(both[..., half:]), out=g)
        x32 = self._float("gate_x", x)
        torch.addcmul(x32, a, g, value=1 / self.unit, out=x32)
        if x32 is not x:
            x.copy_(x32)

    def spread(self, logvar: Tensor, out: Tensor) -> None:
        """Write the standard deviation for unit * log-variance, as `Gaussian` defines it."""
        u = self.scratch.take("spread_u", tuple(logvar.shape))
        v = self.scratch.take("spread_v", tuple(logvar.shape))
        u.copy_(logvar)
        torch.clamp(u, max=0, out=v)
        (torch.exp2 if self.on_cpu else torch.exp)(v, out=v)
        u.clamp_(0, LOGVAR_MAX * self.unit)
        torch.add(v, u, alpha=1 / self.unit, out=v)
        torch.sqrt(v.add_(VARIANCE_MIN), out=out)

    def latents(self, features: Tensor, noise: Tensor, out: Tensor) -> None:
        """Write z = mean + std * noise (N, X, Z); features are (N, X, 2Z), mean and unit * lv."""
        mean, logvar = features.chunk(2, dim=-1)
        std = self.scratch.take("std", tuple(mean.shape))
        self.spread(logvar, std)
        z = out if out.dtype == torch.float32 else std
        torch.addcmul(self._float("mean", mean), std, noise, out=z)
        if z is not out:
            out.copy_(z)

    def _elu(self, u: Tensor, out: Tensor) -> None:
        """ELU through E = unit * (2^u - 1), which is above u everywhere: the middle of 0, u, E."""
        e = self.scratch.take("elu_e", tuple(u.shape))
        torch.exp2(u, out=e)
        torch.add(self._minus_unit, e, alpha=self.unit, out=e)
        z = out if out.dtype == torch.float32 else e
        torch.clamp(self._zero, u, e, out=z)
        if z is not out:
            out.copy_(z)

    def _float(self, name: str, x: Tensor) -> Tensor:
        """Rows in float32; rows that are float32 already are not copied."""
        if x.dtype == torch.float32:
            return x
        return self.scratch.take(name, tuple(x.shape)).copy_(x)
