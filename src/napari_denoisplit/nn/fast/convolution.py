"""3x3 convolutions of a trained network, for inference.

Letters: B batch, Y, X pixels, N rows, I input and O output maps. Maps are (B, Y, X, channels),
contiguous: torch's channels-last with the axes in the order in which they lie.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_denoisplit.giving_up import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

    from napari_denoisplit.nn.fast.elementwise import Scratch

    Activation = Callable[[Tensor, Tensor], None]
    """Writes f of its first argument into its second, (N, X, I) each."""

CHUNK = 2**20
"""Entries of the rows that a processor works on at once: with fewer, calls cost more than they do;
more do not stay in the cache."""
CHUNK_GPU = 2**24
"""The same of a GPU, which needs large chunks: float32 buffers of 64 MiB."""
ENOUGH = 2**12
"""Pixels below which a convolution is too small to gain by Winograd's algorithm."""


def some_rows(image: Tensor, multiple: int = 1, chunks: int = 1) -> Iterator[slice]:
    """Cut an image (Y, X, I) into rows of some chunks, each but the last a multiple of a number."""
    chunk = (CHUNK if image.device.type == "cpu" else CHUNK_GPU) * chunks
    n = max(1, chunk // (image[0].numel() * multiple)) * multiple
    for start in range(0, len(image), n):
        look()
        yield slice(start, min(start + n, len(image)))


def with_neighbours(
    image: Tensor, rows: slice, scratch: Scratch, activation: Activation | None = None
) -> Tensor:
    """f(rows), the row before and the row after, zero outside of the image: (N + 2, X, I)."""
    height = image.shape[0]
    first, last = max(rows.start - 1, 0), min(rows.stop + 1, height)
    if activation is None and last - first == rows.stop - rows.start + 2:
        return image[first:last]
    shape = (rows.stop - rows.start + 2, *image.shape[1:])
    source = scratch.take("neighbours", shape, image.dtype)
    inside = source[first - rows.start + 1 : last - rows.start + 1]
    if activation is None:
        inside.copy_(image[first:last])
    else:
        for part in some_rows(inside):
            activation(image[first:last][part], inside[part])
    if rows.start == 0:
        source[0] = 0
    if rows.stop == height:
        source[-1] = 0
    return source


class Convolution:
    """A convolution, 3x3 but for the stem of some, with its weights laid out once.

    Parameters
    ----------
    weight
        (O, I, 3, 3), or any odd edge.
    bias
        (O,)
    dtype
        Precision of the convolution.
    stride
        1 or 2.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, dtype: torch.dtype, *, stride: int = 1
    ) -> None:
        self._weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self._bias = bias.to(dtype)
        self._stride, self._padding = stride, weight.shape[-1] // 2

    def __call__(self, x: Tensor, activation: Activation | None = None) -> Tensor:
        """(B, Y, X, I) -> (B, Y / stride, X / stride, O), of f(x) where an activation is given."""
        if activation is not None:
            x = _activated(x, activation)
        y = F.conv2d(x.permute(0, 3, 1, 2), self._weight, self._bias, self._stride, self._padding)
        return y.permute(0, 2, 3, 1)

    def rows(self, source: Tensor) -> Tensor:
        """Rows with the row before and the row after, (N + 2, X, I) -> (N, X, O)."""
        maps = source[None].permute(0, 3, 1, 2)
        y = F.conv2d(maps, self._weight, self._bias, padding=(0, 1))
        return y.permute(0, 2, 3, 1)[0]


def _activated(x: Tensor, activation: Activation) -> Tensor:
    out = torch.empty_like(x)
    for image, image_out in zip(x, out, strict=True):
        for rows in some_rows(image):
            activation(image[rows], image_out[rows])
    return out


class RowWinograd(Convolution):
    """A 3x3 convolution that takes four rows at once by Winograd's F(4, 3): half the products.

    Six sums of rows are convolved by 1x3 kernels instead of four rows by 3x3. In float32 its
    rounding error is about twice that of the plain convolution, some 7e-7 of the output; in
    bfloat16 rounding the sums would cost accuracy, and taking them as much time as it saves.

    Source: Lavin & Gray 2016 (arXiv:1509.09308), section 4.3, here along one axis.
    """

    def __init__(self, weight: Tensor, bias: Tensor, scratch: Scratch) -> None:
        super().__init__(weight, bias, torch.float32)
        g0, g1, g2 = (weight[:, :, k : k + 1].double() for k in range(3))  # (O, I, 1, 3)
        even, odd = g0 + 4 * g2, 2 * g1
        kernels = (
            g0 / 4,
            -(g0 + g1 + g2) / 6,
            -(g0 - g1 + g2) / 6,
            (even + odd) / 24,
            (even - odd) / 24,
            g2,
        )
        self._kernels = [k.float().contiguous(memory_format=torch.channels_last) for k in kernels]
        self._scratch = scratch

    def __call__(self, x: Tensor, activation: Activation | None = None) -> Tensor:
        """(B, Y, X, I) -> (B, Y, X, O), of f(x) where an activation is given."""
        batch, height, width, _ = x.shape
        if height % 4 or height * width < ENOUGH:
            return super().__call__(x, activation)
        out = x.new_empty((batch, height, width, len(self._bias)))
        for image, image_out in zip(x, out, strict=True):
            for rows in some_rows(image, 4):
                source = with_neighbours(image, rows, self._scratch, activation)
                self._back(self._products(self._sums(source)), image_out[rows])
        return out

    def rows(self, source: Tensor) -> Tensor:
        """Rows with the row before and the row after, (N + 2, X, I) -> (N, X, O)."""
        n, width, _ = source.shape
        if n % 4 != 2 or n * width < ENOUGH:
            return super().rows(source)
        out = source.new_empty((n - 2, width, len(self._bias)))
        self._back(self._products(self._sums(source)), out)
        return out

    def _sums(self, source: Tensor) -> Tensor:
        """Six sums of rows, (6, N / 4, X, I)."""
        n = (source.shape[0] - 2) // 4
        d0, d1, d2, d3, d4, d5 = (source[k : k + 4 * n - 3 : 4] for k in range(6))
        shape = (n, *source.shape[1:])
        t = self._scratch.take("winograd_sums", (6, *shape))
        a, b, c = self._scratch.take("winograd_terms", (3, *shape))
        torch.sub(d4, d2, alpha=4, out=a)
        torch.sub(d3, d1, alpha=4, out=b)
        torch.add(a, b, out=t[1])
        torch.sub(a, b, out=t[2])
        torch.sub(d4, d2, out=a)
        torch.sub(d3, d1, out=b)
        torch.add(a, b, alpha=2, out=t[3])
        torch.sub(a, b, alpha=2, out=t[4])
        torch.sub(d0, d2, out=c)
        torch.add(a, c, alpha=4, out=t[0])
        torch.sub(d5, d3, out=c)
        torch.sub(c, b, alpha=4, out=t[5])
        return t

    def _products(self, sums: Tensor) -> list[Tensor]:
        """Each sum convolved along X, (N / 4, X, O); the second carries the bias to all rows."""
        biases = (None, self._bias, None, None, None, None)
        return [
            F.conv2d(t[None].permute(0, 3, 1, 2), k, b, padding=(0, 1)).permute(0, 2, 3, 1)[0]
            for t, k, b in zip(sums, self._kernels, biases, strict=True)
        ]

    def _back(self, products: list[Tensor], out: Tensor) -> None:
        """Sum the products into the rows of the result, (N, X, O)."""
        m0, m1, m2, m3, m4, m5 = products
        plus, minus, twice = self._scratch.take("winograd_back", (3, *m0.shape))
        torch.add(m1, m2, out=plus)
        torch.sub(m1, m2, out=minus)
        torch.add(m3, m4, out=twice)
        torch.sub(m3, m4, out=m3)
        torch.add(m0, plus, out=m0)
        torch.add(m0, twice, out=out[0::4])
        torch.add(minus, m3, alpha=2, out=out[1::4])
        torch.add(plus, twice, alpha=4, out=out[2::4])
        torch.add(minus, m5, out=minus)
        torch.add(minus, m3, alpha=8, out=out[3::4])
