"""Weights of ladders that other programs trained, under the names that they have here.

Letters: B blocks, C output channels, L levels, Z latent maps.

Source: the state dictionaries of juglab/denoiSplit, juglab/uSplit and careamics' `LadderVAE`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import torch

from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.patches.ladder import PatchVSE
from napari_denoisplit.settings import ContextSettings, LadderSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor

    from napari_denoisplit.settings import ImportSettings

_PARTS: tuple[tuple[str, str, int], ...] = (
    ("first_bottom_up.0", "stem.0", 0),
    ("first_bottom_up.2.res.block", "stem.2", 0),
    ("bottom_up_layers.#.net_downsized.0.pre_conv", "bottom_up.#.0", 0),
    ("bottom_up_layers.#.net_downsized.0.res.block", "bottom_up.#.1", 0),
    ("bottom_up_layers.#.net.#.res.block", "bottom_up.#.#", 2),
    ("lowres_first_bottom_ups.#.0", "context.stems.#.0", 0),
    ("lowres_first_bottom_ups.#.2.res.block", "context.stems.#.2", 0),
    ("bottom_up_layers.#.lowres_merge.layer.0", "context.merges.#.conv", 0),
    ("bottom_up_layers.#.lowres_merge.layer.1.block", "context.merges.#.block", 0),
    ("top_down_layers.#.stochastic.conv_in_q", "top_down.#.posterior", 0),
    ("top_down_layers.#.stochastic.conv_in_p", "top_down.#.prior", 0),
    ("top_down_layers.#.stochastic.conv_out", "top_down.#.latents", 0),
    ("top_down_layers.#.merge.layer.0", "top_down.#.merge.conv", 0),
    ("top_down_layers.#.merge.layer.1.block", "top_down.#.merge.block", 0),
    ("top_down_layers.#.skip_connection_merger.layer.0", "top_down.#.skip.conv", 0),
    ("top_down_layers.#.skip_connection_merger.layer.1.block", "top_down.#.skip.block", 0),
    ("top_down_layers.#.deterministic_block.0.pre_conv", "top_down.#.up.0", 0),
    ("top_down_layers.#.deterministic_block.#.res.block", "top_down.#.up.#", 1),
    ("top_down_layers.#.top_prior_params", "top_down.#.top_prior", 0),
    ("final_top_down.0.res.block", "final", 0),
    ("final_top_down.#.res.block", "more_final.#", -1),
    ("likelihood.parameter_net", "output", 0),
    ("output_layer", "output", 0),
)
"""Beginning of a key there and here, and what is added to its last number."""
_PATTERNS = tuple(
    (re.compile(there.replace(".", r"\.").replace("#", r"(\d+)") + r"(?:\.|$)"), here, shift)
    for there, here, shift in _PARTS
)
_IN_BLOCK = {"0": "norm1", "2": "conv1", "4": "norm2", "6": "conv2", "8": "gate"}
"""Layers of a residual block by their place in it."""
_NOT_OF_THE_NETWORK = re.compile(
    # Noise models, statistics, and weights that stand there once more under a second name.
    r"(noise_?model|likelihood|parameter_net|data_(mean|std)|bottom_up_layers\.\d+\.lowres_net)"
    r"(\.|$)",
    re.IGNORECASE,
)


class ForeignLadder:
    """Weights of a ladder that another program trained.

    Parameters
    ----------
    state
        The state dictionary of a checkpoint; what is not of the network is left out.

    Raises
    ------
    ModelFileError
        They are of another network.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.is_of_careamics = any(key.startswith("model.") for key in state)
        self.weights = _renamed({key.removeprefix("model."): state[key] for key in state})
        n_stems = _count(self.weights, r"context\.stems\.(\d+)\.0\.weight")
        self._scales = n_stems + 1
        # Every level has a merge there, and those without context do not use it.
        unused = [f"context.merges.{i}." for i in range(n_stems, 99)]
        for name in [k for k in self.weights if k.startswith(tuple(unused))]:
            del self.weights[name]
        self._may_be_lean = "likelihood.parameter_net.weight" in state
        needed = ("stem.0.weight", "top_down.0.latents.weight", "output.weight")
        if missing := [name for name in needed if name not in self.weights]:
            raise ModelFileError(
                f"there is no {missing[0]} under any name that denoiSplit, muSplit and careamics "
                f"use (found: {', '.join(sorted(state)[:3]) or 'nothing'}): it holds another "
                "network"
            )

    @property
    def n_maps(self) -> int:
        """Maps that the network puts out: signals, or signals and log-variances."""
        return len(self.weights["output.weight"])

    def settings(self, n_channels: int, given: ImportSettings) -> LadderSettings:
        """Read the shape of the network from its weights.

        Parameters
        ----------
        n_channels
            Structures C: as many maps are signals, twice as many also log-variances.
        given
            What the weights do not tell.

        Raises
        ------
        ModelFileError
            What was given does not fit the weights, or there is no such network here.
        """
        weights, rows = self.weights, self.n_maps
        if rows not in (n_channels, 2 * n_channels):
            possible = f"{rows}" if rows % 2 else f"{rows // 2} or {rows}"
            raise ModelFileError(
                f"it puts out {rows} maps, which are neither {n_channels} structures nor "
                f"{n_channels} with a log-variance each: name {possible} structures"
            )
        n_levels = _count(weights, r"top_down\.(\d+)\.latents\.weight")
        latents = tuple(weights[f"top_down.{i}.latents.weight"].shape[1] for i in range(n_levels))
        prior = weights.get(f"top_down.{n_levels - 1}.top_prior")
        if prior is None or prior.shape[-1] != prior.shape[-2]:
            raise ModelFileError("it has no square prior of the top level: it cannot be used here")
        # Models of one channel are Hierarchical DivNoising, but careamics has one form for all.
        is_hdn = n_channels == 1 and not self.is_of_careamics
        settings = LadderSettings(
            n_channels=n_channels,
            n_levels=n_levels,
            n_filters=len(weights["stem.0.weight"]),
            n_latents=latents if len(set(latents)) > 1 else latents[0],
            blocks_per_level=_count(weights, r"bottom_up\.0\.(\d+)\.norm1\.weight"),
            blocks_in_head=1 + _count(weights, r"more_final\.(\d+)\.norm1\.weight"),
            stem_kernel=weights["stem.0.weight"].shape[-1],
            variance=given.variance or ("exp" if is_hdn else "exp_linear"),
            level_factor=given.level_factor or ("none" if is_hdn else "times"),
            top_prior_size=prior.shape[-1],
            predict_logvar=rows == 2 * n_channels,
            autoencoder=given.autoencoder,
            context=self._context(n_levels, prior.shape[-1], given),
        )
        _check(settings, weights)
        return settings

    def _context(
        self, n_levels: int, top_edge: int, given: ImportSettings
    ) -> ContextSettings | None:
        """Tell variant and patch size by the edge of the top prior."""
        if self._scales == 1:
            return None
        possible: dict[Literal["lean", "regular"], int] = {
            "regular": top_edge * 2 ** (n_levels + 1 - self._scales)
        }
        if self._may_be_lean:
            possible["lean"] = top_edge * 2**n_levels
        left = [
            variant
            for variant, size in possible.items()
            if given.context in (None, variant) and given.patch_size in (None, size)
        ]
        if len(left) != 1:
            text = " or ".join(f"{v} on patches of {size}" for v, size in possible.items())
            raise ModelFileError(
                f"it has lateral context, {text}: say which (context, patch size) fits"
            )
        return ContextSettings(
            scales=self._scales,
            variant=left[0],
            patch_size=possible[left[0]],
            kept_size=min(given.kept_size, possible[left[0]]),
        )


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Name the weights as here; leave out what is not of the network, refuse what is unknown."""
    # The published programs keep the output layer under two names.
    twins = ("likelihood.", "parameter_net.") if "output_layer.weight" in state else ()
    found, unknown = {}, []
    for key, value in state.items():
        name = None if key.startswith(twins) else _name(key)
        if name is not None:
            found[name] = value.detach().float() if value.is_floating_point() else value
        elif not _NOT_OF_THE_NETWORK.match(key):
            unknown.append(key)
    if unknown:
        raise ModelFileError(
            f"{len(unknown)} of {len(state)} weights are of no layer that a ladder has here "
            f"({min(unknown)}): it holds another network, or one with other layers"
        )
    return found


def _name(key: str) -> str | None:
    """Name of a weight here; None where there is none."""
    for pattern, name, shift in _PATTERNS:
        match = pattern.match(key)
        if match is None:
            continue
        numbers = [int(n) for n in match.groups()]
        numbers[-1:] = [n + shift for n in numbers[-1:]]
        for n in numbers:
            name = name.replace("#", str(n), 1)
        rest = key[match.end() :]
        if pattern.pattern.endswith(r"block(?:\.|$)"):
            place, _, rest = rest.partition(".")
            name = f"{name}.{_IN_BLOCK.get(place, place)}"
        return f"{name}.{rest}" if rest else name
    return None


def _count(names: Iterable[str], pattern: str) -> int:
    return sum(re.fullmatch(pattern, name) is not None for name in names)


def _check(settings: LadderSettings, weights: Mapping[str, Tensor]) -> None:
    """Refuse weights that do not fit the shape, or are not finite."""
    with torch.device("meta"):
        network = VSE(settings) if settings.context is None else PatchVSE(settings)
    needed = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    found = {k: tuple(v.shape) for k, v in weights.items()}
    if wrong := sorted(k for k in needed.keys() | found.keys() if needed.get(k) != found.get(k)):
        name = wrong[0]
        raise ModelFileError(
            f"{len(wrong)} of its weights do not fit a ladder of {settings.in_words} ({name}: "
            f"{found.get(name, 'nothing')} there, {needed.get(name, 'nothing')} expected): it has "
            "layers that are not known here"
        )
    if bad := [k for k, v in weights.items() if not bool(torch.isfinite(v).all())]:
        raise ModelFileError(f"its weights {bad[0]} are NaN or infinite: the training failed")
