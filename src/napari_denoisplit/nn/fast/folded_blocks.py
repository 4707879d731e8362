"""Blocks of a trained network, rewritten for inference.

Batch norm is folded into the convolutions around it, linear maps that follow one another are one,
and chains of elementwise operations run over some rows at a time.

Letters: B batch, C output channels, H feature maps, Y, X pixels, N rows. Maps are (B, Y, X,
channels), contiguous.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
import torch.nn.functional as F
from torch import nn

from napari_denoisplit.nn.fast.convolution import (
    Convolution,
    RowWinograd,
    some_rows,
    with_neighbours,
)
from napari_denoisplit.nn.fast.elementwise import Elementwise

if TYPE_CHECKING:
    from torch import Tensor

    from napari_denoisplit.nn.blocks import Downsample, Gate, Merge, ResidualBlock, Upsample
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.fast.field_of_view import Window

STRIP = 4
"""Chunks of a strip that a residual block works on at once."""
AHEAD = 4
"""Rows by which a block's first convolution is ahead of its second: one is needed, and four suit
Winograd's algorithm."""


class Folding:
    """What every part is built with: precision, elementwise chains, the choice of algorithm."""

    def __init__(self, compute: Compute) -> None:
        self.dtype = compute.dtype
        self.elementwise = Elementwise(compute.device)
        self.unit = self.elementwise.unit

    def conv3x3(self, weight: Tensor, bias: Tensor, *, stride: int = 1) -> Convolution:
        """Choose the faster algorithm for 3x3 weights (O, I, 3, 3)."""
        if self.elementwise.on_cpu and self.dtype == torch.float32 and stride == 1:
            return RowWinograd(weight, bias, self.elementwise.scratch)
        return Convolution(weight, bias, self.dtype, stride=stride)


def weights(conv: nn.Module) -> tuple[Tensor, Tensor]:
    """Copy weight and bias of a convolution that has both."""
    return cast("Tensor", conv.weight).clone(), cast("Tensor", conv.bias).clone()


def _affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Scale and shift (H,) of a batch norm with its running statistics."""
    if norm.running_mean is None or norm.running_var is None:
        raise ValueError("A batch norm without running statistics cannot be folded.")
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias - norm.running_mean * scale


class FoldedBlock:
    """A residual block; its result replaces its input."""

    def __init__(self, block: ResidualBlock, folding: Folding) -> None:
        self._elementwise = folding.elementwise
        unit = folding.unit
        scale, shift = _affine(block.norm1)
        self._scale, self._shift = scale * unit, shift * unit
        # What enters is unit times an ELU, and what leaves is unit times the next ELU's argument.
        scale, shift = _affine(block.norm2)
        weight, bias = weights(block.conv1)
        self._conv1 = folding.conv3x3(
            weight * scale[:, None, None, None], (bias * scale + shift) * unit
        )
        weight, bias = weights(block.conv2)
        self._conv2 = folding.conv3x3(weight / unit, bias)
        is_gated = not isinstance(block.gate, nn.Identity)
        self._gate = _FoldedGate(cast("Gate", block.gate), folding) if is_gated else None

    def __call__(self, x: Tensor) -> Tensor:
        """(B, Y, X, H) -> the same memory."""
        if sum(1 for _ in some_rows(x[0], 4, STRIP)) == 1:  # small: all images at once
            h = self._conv2(self._conv1(x, self._normalized), self._elementwise.elu)
            for image, features in zip(x, h, strict=True):
                self._add(image, features)
            return x
        for image in x:
            self._in_strips(image)
        return x

    def _in_strips(self, image: Tensor) -> None:
        """Go down an image (Y, X, H) once, strip by strip, so that what lies between stays cached.

        The first convolution is some rows ahead of the second, which needs a row more than it
        makes; what both have read is replaced.
        """
        height, width, n_filters = image.shape
        done = 0  # rows of the first convolution
        for rows in some_rows(image, 4, STRIP):
            n, ahead = rows.stop - rows.start, min(rows.stop + AHEAD, height)
            if done == 0:
                shape = (n + AHEAD + 1, width, n_filters)  # from the row before this strip
                between = self._elementwise.scratch.take("between", shape, image.dtype)
                between[0] = 0
            if ahead > done:
                self._first(image, slice(done, ahead), between[done - rows.start + 1 :])
            if rows.stop == height:
                between[n + 1] = 0
            self._add(image[rows], self._conv2.rows(between[: n + 2]))
            kept = between[n : ahead - rows.start + 1].clone()
            between[: len(kept)] = kept
            done = ahead

    def _first(self, image: Tensor, rows: slice, out: Tensor) -> None:
        """Write the activated first convolution of some rows to the beginning of `out`."""
        source = with_neighbours(image, rows, self._elementwise.scratch, self._normalized)
        h = self._conv1.rows(source)
        for part in some_rows(h):
            self._elementwise.elu(h[part], out[: len(h)][part])

    def _add(self, x: Tensor, features: Tensor) -> None:
        """Add what the second convolution found, (N, X, H) both."""
        for part in some_rows(x):
            if self._gate is None:
                x[part].add_(features[part])
            else:
                self._gate(x[part], features[part])

    def _normalized(self, rows: Tensor, out: Tensor) -> None:
        self._elementwise.elu(rows, out, self._scale, self._shift)


class _FoldedGate:
    """The gate of a block with the sum behind it."""

    def __init__(self, gate: Gate, folding: Folding) -> None:
        self._elementwise = folding.elementwise
        weight, bias = weights(gate.conv)
        units = torch.ones_like(bias)
        units[: len(bias) // 2] = folding.unit  # ELU(a); the other half goes into a sigmoid
        self._weight = (
            (weight[:, :, 0, 0] * units[:, None]).T.to(folding.dtype).contiguous()
        )  # (H, 2H)
        self._bias = (bias * units).to(folding.dtype)

    def __call__(self, x: Tensor, features: Tensor) -> None:
        """Add the gated features to x, (N, X, H) both."""
        n, width, n_filters = x.shape
        both = self._elementwise.scratch.take("both", (n * width, 2 * n_filters), x.dtype)
        torch.addmm(self._bias, features.reshape(-1, n_filters), self._weight, out=both)
        self._elementwise.gate(x, both.view(n, width, 2 * n_filters))


class FoldedStem:
    """From an image to feature maps: a convolution of any odd edge, then a residual block."""

    def __init__(self, stem: nn.Sequential, folding: Folding) -> None:
        conv, _, block = stem
        weight, bias = weights(conv)
        self._elementwise, unit = folding.elementwise, folding.unit
        self._conv = Convolution(weight * unit, bias * unit, folding.dtype)
        self._dtype = folding.dtype
        self._block = FoldedBlock(cast("ResidualBlock", block), folding)

    def __call__(self, x: Tensor) -> Tensor:
        """(B, 1, Y, X) -> (B, Y, X, H)."""
        # By a reshape: with one channel, permuted axes do not tell torch how the maps lie.
        h = self._conv(x.to(self._dtype).reshape(len(x), *x.shape[2:], 1))
        for image in h:
            for rows in some_rows(image):
                self._elementwise.elu(image[rows], image[rows])
        return self._block(h.mul_(1 / self._elementwise.unit))


class FoldedDown:
    """Halve the size, then residual blocks."""

    def __init__(self, down: Downsample, folding: Folding) -> None:
        conv, *blocks = down
        self._conv = folding.conv3x3(*weights(conv), stride=2)
        self._blocks = [FoldedBlock(cast("ResidualBlock", block), folding) for block in blocks]

    def __call__(self, x: Tensor) -> Tensor:
        """(B, Y, X, H) -> (B, Y / 2, X / 2, H)."""
        x = self._conv(x)
        for block in self._blocks:
            x = block(x)
        return x


class FoldedUp:
    """Double the size, then residual blocks.

    Both kinds are transposed convolutions, 3x3 in the one and 4x4 in the other.
    """

    def __init__(self, up: Upsample, kind: str, folding: Folding) -> None:
        parts = list(up)
        is_transposed = kind == "transposed"
        n_first = 1 if is_transposed else 2
        weight, bias = weights(parts[n_first - 1])
        self._weight = (weight if is_transposed else _of_nearest(weight)).to(folding.dtype)
        self._bias = bias.to(folding.dtype)
        self._output_padding = 1 if is_transposed else 0
        self._blocks = [FoldedBlock(cast("ResidualBlock", b), folding) for b in parts[n_first:]]

    def __call__(self, x: Tensor, window: Window) -> Tensor:
        """(B, Y, X, H) -> a window of (B, 2Y, 2X, H), as if there were nothing around it."""
        y = F.conv_transpose2d(
            x.permute(0, 3, 1, 2),
            self._weight,
            self._bias,
            stride=2,
            padding=1,
            output_padding=self._output_padding,
        )
        x = y.permute(0, 2, 3, 1)[(slice(None), *window.slices)].contiguous()
        for block in self._blocks:
            x = block(x)
        return x


def _of_nearest(weight: Tensor) -> Tensor:
    """3x3 weights behind a nearest-neighbour doubling -> 4x4 of the same transposed convolution.

    Each output pixel sees two by two different inputs: sixteen products an input instead of 36.
    """

    def merged(w: Tensor, dim: int) -> Tensor:
        w0, w1, w2 = torch.unbind(w, dim)
        return torch.stack([w2, w1 + w2, w0 + w1, w0], dim)

    return merged(merged(weight, 2), 3).transpose(0, 1)


class FoldedMerge:
    """The 1x1 convolution of two maps as the sum of two, of which `first` is done before."""

    def __init__(self, merge: Merge, folding: Folding) -> None:
        weight, self.bias = weights(merge.conv)
        self.first, second = weight[:, :, 0, 0].chunk(2, dim=1)  # (H, H) each
        self._second = second.T.to(folding.dtype).contiguous()
        self._block = FoldedBlock(merge.block, folding)

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Add the second's part to the first's, both (B, Y, X, H), then the residual block."""
        h = torch.empty_like(second)
        for image, above, out in zip(first.expand_as(h), second, h, strict=True):
            n_filters = above.shape[-1]
            torch.addmm(
                image.reshape(-1, n_filters),
                above.reshape(-1, n_filters),
                self._second,
                out=out.view(-1, n_filters),
            )
        return self._block(h)


class FoldedOutput:
    """The 3x3 convolution to a few channels: a product per tap, then shifted sums of planes.

    As a convolution it would compute sixteen channels to keep two.
    """

    def __init__(self, conv: nn.Conv2d, n_channels: int, folding: Folding) -> None:
        weight, bias = weights(conv)
        taps = weight[:n_channels].permute(2, 3, 0, 1)  # (3, 3, C, H)
        self._taps = taps.reshape(-1, taps.shape[-1]).to(folding.dtype)
        self._bias = bias[:n_channels].float()

    def __call__(self, x: Tensor) -> Tensor:
        """(B, Y, X, H) -> (B, C, Y, X), float32."""
        batch, height, width, n_filters = x.shape
        out = self._bias[None, :, None, None].repeat(batch, 1, height, width)
        for image, target in zip(x, out, strict=True):
            products = torch.mm(self._taps, image.reshape(-1, n_filters).T)
            planes = products.view(3, 3, -1, height, width)  # (3, 3, C, Y, X)
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
