"""Results of a split that tests begin with."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_denoisplit.images.results.split import Split

NAMES = ("nuclei", "actin")


def stack_of_samples(rng: np.random.Generator, **more: Any) -> Split:
    """Two structures of a stack ZYX (3, 16, 20) with four samples; other fields as given."""
    samples = rng.normal(100, 10, (2, 4, 3, 16, 20)).astype("f4")
    return Split(
        "ZYX",
        NAMES,
        mmse_arrays=samples.mean(axis=1),
        sigma_arrays=samples.std(axis=1),
        sample_arrays=samples,
        **more,
    )
