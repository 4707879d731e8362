"""A ladder that sees patches with their surroundings, as muSplit publishes it.

Every scale is P samples wide around the same centre, and so are the features of the levels that
take one in: outside the middle half they know the surroundings alone. So the function depends on
where the middle is, and an image is put together of the middles of many patches.

Letters: B batch, H feature maps, P edge of a patch, S scales with the image's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_denoisplit.nn.context import centre, padded
from napari_denoisplit.nn.ladder import VSE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_denoisplit.settings import LadderSettings


class PatchVSE(VSE):
    """Variational splitting encoder-decoder with Lean, Regular or Deep lateral context.

    Parameters
    ----------
    settings
        Shape of the network, with context of the variant 'lean' or 'regular'.
    """

    def __init__(self, settings: LadderSettings) -> None:
        super().__init__(settings)
        context = settings.context
        if context is None or context.patch_size is None:
            raise ValueError("patches of a ladder without context need no network of their own")
        self.scales, self.patch_size = context.scales, context.patch_size
        self.is_lean = context.variant == "lean"
        if not self.is_lean:
            self._edge = self.patch_size // 2

    @property
    def multiple(self) -> int:
        """Edges of patches are multiples of this: levels with context are not halved."""
        levels = self.settings.n_levels
        return int(2 ** (levels if self.is_lean else levels + 1 - self.scales))

    @property
    def widths(self) -> list[int]:
        """Edge of the latents of each level, finest first."""
        levels = range(self.settings.n_levels)
        halvings = [i + 1 if self.is_lean else max(0, i + 2 - self.scales) for i in levels]
        return [self.patch_size >> n for n in halvings]

    def example(self, multiple: int) -> Tensor:
        """Make one patch with its surroundings, whatever divides images."""
        del multiple
        return torch.zeros(1, self.scales, self.patch_size, self.patch_size)

    def encode(
        self, x: Tensor, margin: int = 0, biases: Sequence[Tensor | None] | None = None
    ) -> list[Tensor]:
        """Bottom-up pass of patches at all scales, (B, S, P, P).

        Returns
        -------
        list of Tensor
            (B, H, y, y) for each level, as wide as its latents.
        """
        del margin, biases  # patches come with theirs; nothing is told to networks from elsewhere
        h = self.stem(x[:, :1])
        features, edge = [], self.patch_size
        for level, down in enumerate(self.bottom_up):
            h, edge = down(h), edge // 2
            if self.context is not None and level + 1 < self.scales:
                surroundings = self.context.stems[level](x[:, level + 1 : level + 2])
                h = self.context.merged(level, padded(h, self.patch_size), surroundings)
            features.append(centre(h, edge) if self.is_lean else h)
        return features
