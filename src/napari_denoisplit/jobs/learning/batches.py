"""Patches of all channels and their superposition, made on the compute device.

Letters: B batch, C channels, P patch edge.
"""

from __future__ import annotations

import json
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch

from napari_denoisplit.images.training.patch_corners import PatchCorners
from napari_denoisplit.nn.objective import Batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import MixSettings


_NOISIER = 0.5
"""Share of the patches that are noisier than the images, where there is a noise range."""


class _Source(NamedTuple):
    """Places of patches in some of the fields."""

    corners: PatchCorners
    fields: list[int]

    @classmethod
    def of(
        cls,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        chosen: list[int],
        patch_size: int,
        structure_bias: float,
        alike: bool,
    ) -> _Source:
        """Find the places of patches in the chosen fields."""
        own, inside = [fields[i] for i in chosen], [masks[i] for i in chosen]
        return cls(PatchCorners(own, inside, patch_size, structure_bias, alike=alike), chosen)

    def draw(self, n: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
        """Draw n places: field, y, x."""
        return [(self.fields[i], y, x) for i, y, x in self.corners.draw(n, rng).tolist()]


def _groups(shows: Sequence[int] | None, n_fields: int) -> list[list[int]]:
    """Fields of each structure, or of all together."""
    if shows is None:
        return [list(range(n_fields))]
    return [[i for i, shown in enumerate(shows) if shown == c] for c in range(max(shows) + 1)]


def steps_of(n_pixels: int, batches: Batches) -> int:
    """Return the steps in which batches visit so many pixels once, within bounds."""
    seen = batches.batch_size * batches.patch_size**2
    return min(max(n_pixels // seen, 50), 500)


class Batches:
    """Random patches, aligned over channels, turned and flipped, and mixed on the fly.

    Parameters
    ----------
    fields
        Arrays (C, Y, X), image units.
    masks
        Training pixels of each field, (Y, X).
    normalization
        Statistics that the superposition is normalized by.
    mix
        Weights and mixing range.
    patch_size, batch_size
        Edge of a patch and patches in a batch.
    structure_bias
        See `PatchCorners`.
    augment
        Whether to turn and flip.
    independent_share
        Share of the patches whose channels come from different places.
    seed
        Seed of everything that is drawn here.
    device
        Where the fields are kept and mixed.
    superpositions
        (Y, X) of each field, recorded; they are the input of the patches whose channels come from
        one place. None: every input is mixed.
    shows
        Number of the structure that each field, (1, Y, X) then, shows alone: every channel of a
        patch is drawn from the fields of its own. None: every field shows all.
    margin
        Pixels around a patch that are superposed along, as context; beyond a field they are its
        reflection.
    alike
        See `PatchCorners`.
    noise_models
        Of the channels, one each: for a noise range, and for how patches may be turned.
    """

    def __init__(
        self,
        fields: Sequence[NDArray[np.float32]],
        masks: Sequence[NDArray[np.bool_]],
        normalization: Normalization,
        mix: MixSettings,
        *,
        patch_size: int,
        batch_size: int,
        structure_bias: float,
        augment: bool,
        independent_share: float,
        seed: int,
        device: torch.device,
        superpositions: Sequence[NDArray[np.float32]] | None = None,
        shows: Sequence[int] | None = None,
        margin: int = 0,
        alike: bool = False,
        noise_models: Sequence[NoiseModel] = (),
    ) -> None:
        self._alike = alike
        self._where = fields, masks, _groups(shows, len(fields))
        self._sources = self._places(patch_size, structure_bias)
        self.batch_size = batch_size
        self.patch_size = patch_size
        self.n_pixels = int(sum(m.sum() for m in masks))
        self._normalization = normalization
        n = len(fields[0]) if shows is None else len(self._sources)
        self._weights = torch.tensor(mix.mean_weights(n), device=device)
        self._factors = mix.factors if mix.is_range else None
        self._offset = mix.offset
        self._noise_high = mix.noise_high
        self._noise_models = [model.to(device) for model in noise_models]
        self._is_recorded = superpositions is not None
        self._augment = augment
        self._any_turn = all(model.along_both for model in noise_models)
        self._independent_share = independent_share if shows is None else 1.0
        planes = list(fields)
        if superpositions is not None:  # behind the channels, to be cut and turned with them
            planes = [
                np.concatenate([f, x[None]]) for f, x in zip(fields, superpositions, strict=True)
            ]
        around = ((0, 0), (margin, margin), (margin, margin))
        self._margin = margin
        self._fields = [
            torch.from_numpy(np.require(f, requirements=("C", "W"))).to(device)
            for f in (np.pad(f, around, mode="symmetric") if margin else f for f in planes)
        ]
        self.rng = np.random.default_rng(seed)

    @property
    def n_places(self) -> int:
        """Number of places that a patch may come from."""
        return sum(len(source.corners) for source in self._sources)

    @property
    def steps_per_epoch(self) -> int:
        """About one visit of each pixel, but neither too few nor too many steps to compare."""
        return steps_of(self.n_pixels, self)

    def state(self) -> dict[str, Tensor]:
        """Return what a resumed run needs to draw the same patches."""
        rng = json.dumps(self.rng.bit_generator.state).encode()
        return {"random.patches": torch.frombuffer(bytearray(rng), dtype=torch.uint8)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from `state`."""
        self.rng.bit_generator.state = json.loads(bytes(state["random.patches"].tolist()))

    def close(self) -> None:
        """Do nothing: no more is read."""

    def draw(self) -> Batch:
        """Draw the next batch."""
        corners = self._sources[0].draw(self.batch_size, self.rng)
        n_apart = int(self.rng.binomial(self.batch_size, self._independent_share))
        patches = [self._apart() for _ in range(n_apart)]
        patches += [self._turned(self._cut(*corner)) for corner in corners[n_apart:]]
        n = len(self._weights)
        channels = torch.stack([patch[:n] for patch in patches])  # (B, C, P, P), with the margin
        is_recorded = self._is_recorded and n_apart < len(patches)
        factors = self._drawn_factors(n_apart if is_recorded else len(patches))
        if factors is not None:
            channels = channels * factors
        mixed = torch.einsum("c,bcyx->byx", self._weights, channels)[:, None] + self._offset
        if is_recorded:
            mixed[n_apart:] = torch.stack([patch[n:] for patch in patches[n_apart:]])
        if self._noise_high > 1:
            mixed += self._more_noise(channels)
        mixed = (mixed - self._normalization.input_mean) / self._normalization.input_std
        inside = slice(self._margin, self._margin + self.patch_size)
        return Batch(mixed, channels[..., inside, inside], factors)

    def evenly(self, patch_size: int, seed: int) -> Batches:
        """Return batches of the same images, with patches of another size from everywhere alike.

        They have the noise of the images, whatever the noise range.

        Raises
        ------
        ImageError
            No patch of this size fits into the training pixels.
        """
        other = copy(self)
        other._sources = self._places(patch_size, structure_bias=0.0)  # noqa: SLF001 - its own kind
        other.patch_size, other.rng = patch_size, np.random.default_rng(seed)
        other._noise_high = 1.0  # noqa: SLF001 - its own kind
        return other

    def _places(self, patch_size: int, structure_bias: float) -> list[_Source]:
        fields, masks, groups = self._where
        how = patch_size, structure_bias, self._alike
        return [_Source.of(fields, masks, group, *how) for group in groups]

    def _cut(self, field: int, y: int, x: int) -> Tensor:
        """Patch (C, P, P) of one place, with its margin, and behind it what was recorded."""
        edge = self.patch_size + 2 * self._margin
        return self._fields[field][:, y : y + edge, x : x + edge]

    def _apart(self) -> Tensor:
        """Patch (C, P, P) whose channels come from different places, each turned by itself."""
        n = len(self._weights)
        if len(self._sources) == 1:
            places = self._sources[0].draw(n, self.rng)
            cut = [self._turned(self._cut(*place)[c]) for c, place in enumerate(places)]
        else:
            drawn = [source.draw(1, self.rng)[0] for source in self._sources]
            cut = [self._turned(self._cut(*place)[0]) for place in drawn]
        return torch.stack(cut)

    def _turned(self, patch: Tensor) -> Tensor:
        """Apply one of the eight symmetries of a square, or four of an oblong, to (..., P, P)."""
        if not self._augment:
            return patch
        turn = int(self.rng.integers(8))
        if not self._any_turn:
            turn -= turn % 2
        if turn >= 4:
            patch = patch.flip(-1)
        return torch.rot90(patch, turn % 4, dims=(-2, -1))

    def _more_noise(self, channels: Tensor) -> Tensor:
        """Noise (B, 1, P, P) beyond what channels (B, C, P, P) have, for half of the patches.

        The standard deviation of all noise is then up to `noise_high` times what it was: variances
        add up. Each pixel's is that at the grey level which was observed, since the signal is not
        known; where the variance rises evenly with the signal, its mean is right.
        """
        n = len(channels)
        more = self.rng.uniform(1, self._noise_high, n) ** 2 - 1
        more *= self.rng.random(n) < _NOISIER
        normal = torch.from_numpy(self.rng.standard_normal(channels.shape, np.float32))
        normal = normal.to(channels.device)
        noise = torch.zeros_like(channels[:, 0])
        for c, (model, weight) in enumerate(zip(self._noise_models, self._weights, strict=True)):
            levels = channels[:, c].clamp(*model.signal_range)
            noise += weight * model.variance(levels).sqrt() * model.coloured(normal[:, c])
        share = torch.from_numpy(np.sqrt(more).astype(np.float32)).to(noise.device)
        return (noise * share[:, None, None])[:, None]

    def _drawn_factors(self, n_mixed: int) -> Tensor | None:
        """Factors (B, C, 1, 1), drawn for the patches that are mixed; the others come after."""
        if self._factors is None:
            return None
        factors = np.ones((self.batch_size, len(self._weights), 1, 1), np.float32)
        drawn = factors[:n_mixed]
        drawn[:] = self.rng.uniform(*self._factors, size=drawn.shape)
        return torch.from_numpy(factors).to(self._weights.device)
