"""The family of the ladder: denoiSplit, and with other settings HDN and altered muSplit."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch

from napari_denoisplit.errors import TrainingError
from napari_denoisplit.nn.elbo import ElboObjective
from napari_denoisplit.nn.families.family import Family
from napari_denoisplit.nn.fast.inference import FoldedVSE
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.likelihood import GaussianLikelihood, NoiseModelLikelihood
from napari_denoisplit.nn.patches.ladder import PatchVSE
from napari_denoisplit.nn.patches.sampler import PatchSampler, facts_of_patches
from napari_denoisplit.nn.sampler import Level, NetworkFacts
from napari_denoisplit.settings import LadderSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.training.normalization import Normalization
    from napari_denoisplit.nn.compute import Compute
    from napari_denoisplit.nn.objective import Objective
    from napari_denoisplit.nn.sampler import Sampler, SplittingNetwork
    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.settings import LossSettings, MixSettings


class LadderFamily(Family[LadderSettings]):
    """Variational splitting encoder-decoders, sampled by their folded form."""

    def network(self, settings: LadderSettings) -> SplittingNetwork:
        """Make a `VSE`, or a `PatchVSE` where the context is that of patches."""
        return PatchVSE(settings) if _sees_patches(settings) else VSE(settings)

    def facts(self, settings: LadderSettings, dtype: torch.dtype) -> NetworkFacts:
        """See `Family`.

        The working memory is measured as the peak of the process, memory that the allocator keeps
        included, between tiles of 512, 1024, 1408 and 2048 pixels: 7 to 10 bytes per filter in
        bfloat16 and 14 to 18 in float32, for the presets 'tiny', 'fast' and 'large'. Blocks work in
        strips, whose buffers do not grow with the tile: 45 to 120 MiB besides, which the margin
        makes up for from about 1024 pixels on.
        """
        latents = [
            0 if settings.autoencoder or level in settings.levels_off else n
            for level, n in enumerate(settings.latents_per_level)
        ]
        if _sees_patches(settings):
            return facts_of_patches(settings, latents)
        return NetworkFacts(
            n_channels=settings.n_channels,
            multiple=2**settings.n_levels,
            reach=_reach(settings),
            levels=tuple(Level(z, 2 ** (i + 1)) for i, z in enumerate(latents)),
            working_bytes=settings.n_filters * (12 if dtype == torch.bfloat16 else 22),
            # A quarter, a sixteenth ... of the pixels.
            kept_bytes=settings.n_filters * dtype.itemsize / 3,
        )

    def sampler(self, network: SplittingNetwork, facts: NetworkFacts, compute: Compute) -> Sampler:
        """Fold the network: the same samples in a fraction of the time, whatever its settings."""
        if isinstance(network, PatchVSE):
            return PatchSampler(network, facts, compute)
        return FoldedVSE(cast("VSE", network).to(compute.device), facts, compute)

    def shaped(
        self, settings: LadderSettings, n_channels: int, loss: LossSettings, mix: MixSettings
    ) -> LadderSettings:
        """Predict a variance where the likelihood is a Gaussian's; be told what a range leaves."""
        if _sees_patches(settings):
            raise TrainingError(
                "Context of the variants 'lean' and 'regular' serves models that were trained "
                "elsewhere: train one with the variant 'image'."
            )
        changed = {
            "n_channels": n_channels,
            "predict_logvar": loss.likelihood == "gaussian",
            "told_brightness": mix.is_range and n_channels > 1,
        }
        return settings.model_copy(update=changed)

    def needs_noise_models(self, loss: LossSettings) -> bool:
        """Tell by the likelihood."""
        return loss.likelihood == "noise_model"

    def objective(
        self,
        settings: LadderSettings,
        loss: LossSettings,
        normalization: Normalization,
        noise_models: Sequence[NoiseModel],
    ) -> Objective:
        """Evidence lower bound, by noise models or a predicted Gaussian."""
        likelihood: torch.nn.Module
        if loss.likelihood == "gaussian":
            likelihood = GaussianLikelihood(normalization)
        else:
            likelihood = NoiseModelLikelihood(noise_models, normalization)
        n_levels = 0 if settings.autoencoder else settings.n_levels
        return ElboObjective(likelihood, loss, n_levels)


def _sees_patches(settings: LadderSettings) -> bool:
    return settings.context is not None and settings.context.variant != "image"


def _reach(settings: LadderSettings) -> int:
    """Sum the radii of all convolutions on the longest way: down to the top and up again."""
    blocks = 2 * settings.blocks_per_level  # two 3x3 convolutions each
    down, up = settings.stem_kernel // 2 + 2, 2 * settings.blocks_in_head + 1
    n_stems = 0 if settings.context is None else settings.context.scales - 1
    for level in range(settings.n_levels):
        fine, coarse = 2**level, 2 ** (level + 1)
        down += fine + blocks * coarse  # strided convolution, blocks
        if level < n_stems:
            # The stem and the halving before it, then the block of the merge.
            down = max(down, (settings.stem_reach + 1) * coarse) + 2 * coarse
        # Posterior, latents and doubling; below the top also the blocks of both merges.
        up += (3 if level == settings.n_levels - 1 else 7) * coarse + blocks * fine
    return down + up
