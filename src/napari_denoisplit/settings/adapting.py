"""How a model is adapted to recordings."""

from __future__ import annotations

from pydantic import Field

from napari_denoisplit.settings.base import ComputeSettings


class AdaptSettings(ComputeSettings):
    """What of a model follows the recordings, and how far."""

    share: float = Field(
        0.5,
        gt=0,
        le=1,
        description="How much the recordings weigh beside the training images in what the network "
        "takes for the usual mean and spread of its features.",
    )
