"""The trained ladder rewritten for sampling: the same numbers in a fraction of the time.

Batch norm is folded into the convolutions, what does not depend on the sample is computed once
when an image is encoded, linear maps that follow one another are one, and chains of elementwise
operations run over a few rows at a time.

Letters: B batch, C output channels, H feature maps, Z latent maps, Y, X pixels. Within this module
maps are (B, Y, X, channels), contiguous; at its borders they are (B, channels, Y, X).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_denoisplit.nn.convolution import Convolution, RowWinograd, some_rows
from napari_denoisplit.nn.elementwise import Elementwise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.nn.blocks import Downsample, Merge, ResidualBlock, Upsample
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.ladder import VSE, LatentNoise, TopDown

__all__ = ["FoldedVSE"]


class _Kit:
    """What every part is built with: precision, elementwise chains, the choice of algorithm."""

    def __init__(self, compute: Compute) -> None:
        self.dtype = compute.dtype
        self.elementwise = Elementwise(compute.device)
        self.unit = self.elementwise.unit

    def conv3x3(self, weight: Tensor, bias: Tensor, *, stride: int = 1) -> Convolution:
        # In half precision, rounding the sums of rows costs accuracy, and the convolution is so
        # fast that the sums cost what is saved.
        if self.elementwise.on_cpu and self.dtype == torch.float32 and stride == 1:
            return RowWinograd(weight, bias, self.elementwise.scratch)
        return Convolution(weight, bias, self.dtype, stride=stride)


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift (H,) of a batch norm with its running statistics."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("A batch norm without running statistics cannot be folded.")
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


def _column(values: Tensor) -> Tensor:
    """(O,) -> (O, 1, 1, 1), to scale the weights of a convolution by output."""
    return values[:, None, None, None]


class _Block:
    """A residual block; its result replaces its input."""

    def __init__(self, block: ResidualBlock, kit: _Kit) -> None:
        self._kit = kit
        unit = kit.unit
        scale, shift = _affine(block.norm1)
        self._scale, self._shift = scale * unit, shift * unit
        # What enters is unit times an ELU, and what leaves is unit times the next ELU's argument.
        scale, shift = _affine(block.norm2)
        conv = block.conv1
        self._conv1 = kit.conv3x3(
            conv.weight * _column(scale), (conv.bias * scale + shift) * unit
        )
        self._conv2 = kit.conv3x3(block.conv2.weight / unit, block.conv2.bias)
        self._gate: tuple[Tensor, Tensor] | None = None
        if not isinstance(block.gate, nn.Identity):
            gate = block.gate.conv
            n = gate.out_channels // 2
            units = torch.ones_like(gate.bias)
            units[:n] = unit
            weight = (gate.weight[:, :, 0, 0] * units[:, None]).T  # (H, 2H)
            self._gate = weight.to(kit.dtype).contiguous(), (gate.bias * units).to(kit.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        h = self._conv2(self._conv1(x, self._normalized), self._kit.elementwise.elu)
        if self._gate is None:
            return x.add_(h)
        weight, bias = self._gate
        for image, features in zip(x, h, strict=True):
            for rows in some_rows(image.shape[0], image[0].numel()):
                self._add_gated(image[rows], features[rows], weight, bias)
        return x

    def _normalized(self, rows: Tensor, out: Tensor) -> None:
        self._kit.elementwise.elu(rows, out, self._scale, self._shift)

    def _add_gated(self, x: Tensor, features: Tensor, weight: Tensor, bias: Tensor) -> None:
        """Gate some rows (N, X, H) of features and add them to x."""
        n, width, n_filters = x.shape
        both = self._kit.elementwise.scratch.take("both", (n * width, 2 * n_filters), x.dtype)
        torch.addmm(bias, features.reshape(n * width, n_filters), weight, out=both)
        self._kit.elementwise.gate(x, both.view(n, width, 2 * n_filters))


class _Up:
    """Double the size, then residual blocks."""

    def __init__(self, up: Upsample, kind: str, kit: _Kit) -> None:
        parts = list(up)
        first = 1 if kind == "transposed" else 2
        conv = parts[first - 1]
        weight = conv.weight if kind == "transposed" else _of_nearest(conv.weight)
        # Both kinds are a transposed convolution: 3x3 in the one, 4x4 in the other.
        self._weight, self._bias = weight.to(kit.dtype), conv.bias.to(kit.dtype)
        self._output_padding = 1 if kind == "transposed" else 0
        self._blocks = [_Block(block, kit) for block in parts[first:]]

    def __call__(self, x: Tensor) -> Tensor:
        y = F.conv_transpose2d(
            x.permute(0, 3, 1, 2),
            self._weight,
            self._bias,
            stride=2,
            padding=1,
            output_padding=self._output_padding,
        ).permute(0, 2, 3, 1)
        x = y.contiguous()
        for block in self._blocks:
            x = block(x)
        return x


def _of_nearest(weight: Tensor) -> Tensor:
    """3x3 weights behind a nearest-neighbour doubling -> 4x4 of the same transposed convolution.

    Each output pixel sees two by two different inputs: sixteen products an input instead of 36.
    """

    def merged(w: Tensor, dim: int) -> Tensor:
        w0, w1, w2 = w.split(1, dim=dim)
        return torch.cat([w2, w1 + w2, w0 + w1, w0], dim=dim)

    return merged(merged(weight, 2), 3).transpose(0, 1)


class _Merge:
    """The 1x1 convolution of two maps as two convolutions, of which one may be done before."""

    def __init__(self, merge: Merge, kit: _Kit) -> None:
        n = merge.conv.out_channels
        self.first, second = merge.conv.weight[:, :, 0, 0].split(n, dim=1)  # (H, H) each
        self.bias = merge.conv.bias
        self._second = second.T.to(kit.dtype).contiguous()
        self._block = _Block(merge.block, kit)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Add the second's part to the first's, both (B, Y, X, H), then the residual block."""
        h = first.new_empty((len(second), *first.shape[1:]))
        for image, above, out in zip(first.expand_as(h), second, h, strict=True):
            n = image[..., 0].numel()
            torch.addmm(
                image.reshape(n, -1), above.reshape(n, -1), self._second, out=out.view(n, -1)
            )
        return self._block(h)


class _Level:
    """One level of the top-down pass without its prior."""

    def __init__(self, level: TopDown, kind: str, kit: _Kit) -> None:
        self._kit = kit
        self.level, self.is_top = level.level, level.is_top
        self._n_latents = level.latents.in_channels
        units = torch.ones_like(level.posterior.bias)
        units[self._n_latents :] = kit.unit  # the log-variance
        weight = level.posterior.weight * (_column(units) * level.scale)
        self._posterior = kit.conv3x3(weight, level.posterior.bias * units)
        weight, bias = level.latents.weight, level.latents.bias
        if not self.is_top:
            self._merge, self._skip = _Merge(level.merge, kit), _Merge(level.skip, kit)
            # The skip's 1x1 convolution of the latents' 3x3 convolution is one 3x3 convolution.
            weight = torch.einsum("oh,hzyx->ozyx", self._skip.first, weight)
            bias = self._skip.first @ bias + self._skip.bias
            self._first = (
                self._merge.first[:, :, None, None].to(kit.dtype),
                self._merge.bias.to(kit.dtype),
            )
        self._latents = kit.conv3x3(weight, bias)
        self._up = _Up(level.up, kind, kit)

    def prepare(self, bottom_up: Tensor) -> Tensor:
        """What of the bottom-up features this level needs, whatever the sample.

        (B, Y, X, H) -> the same of the merge's first half, or at the top (B, Y, X, 2Z).
        """
        if self.is_top:
            return self._posterior(bottom_up)
        return F.conv2d(bottom_up.permute(0, 3, 1, 2), *self._first).permute(0, 2, 3, 1)

    def descend(self, prepared: Tensor, above: Tensor | None, noise: LatentNoise) -> Tensor:
        """Features for the level below, (B, 2Y, 2X, H), of one sample."""
        q = prepared if above is None else self._posterior(self._merge(prepared, above))
        batch, height, width, _ = q.shape
        eps = noise(self.level, (batch, self._n_latents, height, width))
        z = self._sample(q, eps.permute(0, 2, 3, 1))
        h = self._latents(z)
        return self._up(h if above is None else self._skip(h, above))

    def _sample(self, q: Tensor, noise: Tensor) -> Tensor:
        """Mean + std * noise, (B, Y, X, Z)."""
        z = q.new_empty(noise.shape)
        for features, eps, out in zip(q.expand(len(z), -1, -1, -1), noise, z, strict=True):
            for rows in some_rows(features.shape[0], features[0].numel()):
                self._kit.elementwise.latents(features[rows], eps[rows], out[rows])
        return z


class _Output:
    """The 3x3 convolution to a few channels: a product per tap, then shifted sums of planes."""

    def __init__(self, conv: nn.Conv2d, n_channels: int, kit: _Kit) -> None:
        weight = conv.weight[:n_channels].permute(2, 3, 0, 1)  # (3, 3, C, H)
        self._weight = weight.reshape(-1, weight.shape[-1]).to(kit.dtype)
        self._bias = conv.bias[:n_channels].float()

    def __call__(self, x: Tensor) -> Tensor:
        """(B, Y, X, H) -> (B, C, Y, X), float32."""
        batch, height, width, n_filters = x.shape
        n_channels = len(self._bias)
        out = self._bias[None, :, None, None].repeat(batch, 1, height, width)
        for image, target in zip(x, out, strict=True):
            taps = torch.mm(self._weight, image.reshape(-1, n_filters).T)
            planes = taps.view(3, 3, n_channels, height, width)
            for dy in range(3):
                for dx in range(3):
                    ys, from_ys = _overlap(dy - 1, height)
                    xs, from_xs = _overlap(dx - 1, width)
                    target[:, ys, xs] += planes[dy, dx, :, from_ys, from_xs]
        return out


def _overlap(shift: int, size: int) -> tuple[slice, slice]:
    """Where out[i] += x[i + shift] is inside: slices of out and of x."""
    return (
        slice(max(0, -shift), size - max(0, shift)),
        slice(max(0, shift), size + min(0, shift)),
    )


class FoldedVSE:
    """A trained VSE for sampling; a copy, so that training may go on.

    Parameters
    ----------
    network
        In evaluation mode.
    compute
        Device and precision.
    """

    @torch.no_grad()
    def __init__(self, network: VSE, compute: Compute) -> None:
        self.settings, self.multiple = network.settings, network.multiple
        self.device = compute.device
        kit = _Kit(compute)
        self._kit = kit
        stem, _, block = network.stem
        self._stem = Convolution(stem.weight * kit.unit, stem.bias * kit.unit, kit.dtype)
        self._stem_block = _Block(block, kit)
        self._downs = [_down(down, kit) for down in network.bottom_up]
        kind = network.settings.upsampling
        self._levels = [_Level(level, kind, kit) for level in network.top_down]
        self._final = _Block(network.final, kit)
        self._output = _Output(network.output, network.settings.n_channels, kit)

    @torch.no_grad()
    def encode(self, x: Tensor) -> list[Tensor]:
        """Bottom-up pass, and what of the top-down pass does not depend on the sample.

        Parameters
        ----------
        x
            (B, 1, Y, X) normalized superposition; Y and X are multiples of `multiple`.

        Returns
        -------
        list of Tensor
            (B, H or at the top 2Z, Y/2^(l+1), X/2^(l+1)) for each level l, for `decode`.
        """
        h = self._stem(x.to(self._kit.dtype).reshape(len(x), *x.shape[2:], 1))
        for image in h:
            for rows in some_rows(image.shape[0], image[0].numel()):
                self._kit.elementwise.elu(image[rows], image[rows])
        h = self._stem_block(h.mul_(1 / self._kit.unit))
        prepared = []
        for (conv, blocks), level in zip(self._downs, self._levels, strict=True):
            h = conv(h)
            for block in blocks:
                h = block(h)
            prepared.append(level.prepare(h).permute(0, 3, 1, 2))
        return prepared

    @torch.no_grad()
    def decode(self, prepared: Sequence[Tensor], noise: LatentNoise) -> Tensor:
        """Top-down pass of one posterior sample.

        Parameters
        ----------
        prepared
            What `encode` returned, or a window of each.
        noise
            Called as ``noise(level, shape)`` from the coarsest to the finest level.

        Returns
        -------
        Tensor
            Signal (B, C, Y, X) in normalized units, float32.
        """
        above: Tensor | None = None
        for level in reversed(self._levels):
            above = level.descend(prepared[level.level].permute(0, 2, 3, 1), above, noise)
        if above is None:
            raise ValueError("A ladder without levels draws no samples.")
        return self._output(self._final(above))


def _down(down: Downsample, kit: _Kit) -> tuple[Convolution, list[_Block]]:
    conv, *blocks = down
    return (
        kit.conv3x3(conv.weight, conv.bias, stride=2),
        [_Block(block, kit) for block in blocks],
    )

