"""Noise models of every kind, from the plain values that files hold of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.noise.models.correlated import CorrelatedNoise
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_KINDS: dict[str, type[NoiseModel]] = {
    kind.kind: kind for kind in (GaussianMixture, HistogramNoise, PoissonGaussian, CorrelatedNoise)
}


def noise_model_from_dict(values: Mapping[str, Any]) -> NoiseModel:
    """Noise model from what its `to_dict` made.

    Raises
    ------
    NoiseModelError
        The kind is unknown, or a value is missing or is not what it should be.
    """
    kind = values.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise NoiseModelError(
            f"This version knows noise models of kind {', '.join(_KINDS)}, not {kind!r}: update "
            "the package."
        )
    return _KINDS[kind].from_dict(values)
