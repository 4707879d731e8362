"""Batches of whole fields, from everywhere alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.settings import MixSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.training.normalization import Normalization

PLAIN_MIX = MixSettings()


def plain_batches(
    fields: Sequence[np.ndarray], normalization: Normalization, mix: MixSettings = PLAIN_MIX
) -> Batches:
    """Draw patches of fields (C, Y, X)."""
    return Batches(
        fields,
        [np.ones(field.shape[1:], bool) for field in fields],
        normalization,
        mix,
        patch_size=32,
        batch_size=16,
        structure_bias=0,
        augment=True,
        independent_share=0,
        seed=0,
        device=torch.device("cpu"),
    )
