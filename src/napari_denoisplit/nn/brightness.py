"""A network that is told how bright each structure is in an image.

How bright a structure is beside the others decides what is taken for it. A network that was trained
over a mixing range must guess that from a patch; told, it need not. What it is told enters as a
bias of the convolutions that change the size of the feature maps, so that a network that is told
the same for a whole image is an ordinary one with other biases.

Letters: B batch, C channels, H feature maps, K convolutions.

Source: conditional biases, as feature-wise modulation without its scale (FiLM, Perez et al. 2018,
arXiv:1709.07871).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from torch import Tensor

_N_HIDDEN = 32


class BrightnessBiases(nn.Module):
    """From the brightness of structures to a bias for each of K convolutions.

    In the middle of the mixing range, where all factors are 1, every bias is zero.

    Parameters
    ----------
    n_channels, n_filters, n_convolutions
        C, H and K.
    """

    def __init__(self, n_channels: int, n_filters: int, n_convolutions: int) -> None:
        super().__init__()
        self._shape = n_convolutions, n_filters
        self.layers = nn.Sequential(
            nn.Linear(n_channels, _N_HIDDEN, bias=False),
            nn.ELU(),
            nn.Linear(_N_HIDDEN, n_convolutions * n_filters, bias=False),
        )
        nn.init.zeros_(self.layers[2].weight)  # type: ignore[arg-type]  # it begins as if not told

    def forward(self, factors: Tensor) -> tuple[Tensor, ...]:
        """Factors (B, C, 1, 1), as of `Batch`, to K biases (B, H, 1, 1)."""
        biases: Tensor = self.layers(factors.flatten(1).log())
        return biases.reshape(len(factors), *self._shape, 1, 1).unbind(1)


def with_bias(layers: nn.Sequential, h: Tensor, bias: Tensor | None) -> Tensor:
    """Let features (B, H, Y, X) pass through layers, with a bias after their convolution."""
    for layer in layers:
        h = layer(h)
        if bias is not None and _changes_size(layer):
            h = h + bias.to(h.dtype)
    return h


@torch.no_grad()
def add_biases(parts: Iterable[nn.Sequential], biases: Sequence[Tensor]) -> None:
    """Add biases (1, H, 1, 1) to the convolution of each part for good."""
    for layers, bias in zip(parts, biases, strict=True):
        convolution = next(filter(_changes_size, layers))
        convolution.bias.add_(bias.flatten())  # type: ignore[operator]


def _changes_size(layer: nn.Module) -> bool:
    return isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)
