"""A model file from a checkpoint of denoiSplit, muSplit or careamics."""

from __future__ import annotations

import hashlib
import pickle
import zipfile
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from pydantic import ValidationError

from napari_denoisplit.checkpoint import Model, ModelHeader
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.versions import versions
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.nn.foreign import ForeignLadder
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import ImportSettings, MixSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from torch import Tensor

    from napari_denoisplit.noise.models.noise_model import NoiseModel

_NO_CHECKPOINT = "it is damaged, or no checkpoint of torch"


def import_model(
    path: str | PathLike[str],
    channel_names: Sequence[str],
    statistics: Normalization | TrainingFields,
    *,
    mix: MixSettings | None = None,
    noise_models: Sequence[NoiseModel] | None = None,
    settings: ImportSettings | None = None,
) -> Model:
    """Take over a splitting model that another program trained; `save_model` writes it.

    Parameters
    ----------
    path
        A checkpoint (`.ckpt`, `.pth`) of juglab/denoiSplit, juglab/uSplit or careamics. Weights
        are read and nothing else; nothing in the file is executed.
    channel_names
        The structures, in the order of the network's output; empty: those of the training images.
    statistics
        What the training pixels were normalized by, image units; or the training images, of which
        it is computed as those programs do.
    mix
        How the structures were superposed; left out, averaged, as published.
    noise_models
        One for each structure. A checkpoint of denoiSplit holds only a part of each, so its `.npz`
        files are asked for; one of careamics holds them.
    settings
        What else the weights do not tell.

    Returns
    -------
    The model, of no file yet.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, a whole pickled module, or of another network; or what was
        given does not fit it.
    """
    path, mix = Path(path), mix or MixSettings()
    try:
        return _imported(path, channel_names, statistics, mix, noise_models, settings)
    except ValueError as error:
        raise ModelFileError(f"{path} cannot be imported: {str(error).rstrip('.')}.") from error


def _imported(
    path: Path,
    channel_names: Sequence[str],
    statistics: Normalization | TrainingFields,
    mix: MixSettings,
    noise_models: Sequence[NoiseModel] | None,
    settings: ImportSettings | None,
) -> Model:
    state, data = _read(path)
    if not channel_names and isinstance(statistics, TrainingFields):
        channel_names = statistics.channel_names
    ladder = ForeignLadder(state)
    n = len(channel_names)
    shape = ladder.settings(n, settings or ImportSettings())
    weights = mix.channel_weights(n)
    found = _noise_models(state, n, noise_models)
    sources: Sequence[str] = ()
    if isinstance(statistics, TrainingFields):
        sources, statistics = statistics.sources, published_normalization(statistics, mix)
    try:
        header = ModelHeader(
            network=shape,
            mix=mix.model_copy(update={"weights": weights}),
            normalization=statistics,
            channel_names=tuple(channel_names),
            noise_models=found and tuple(model.to_dict() for model in found),
            provenance={
                "sources": list(sources),
                **versions(),
                "imported from": f"{path.name} sha256:{hashlib.sha256(data).hexdigest()}",
            },
        )
    except ValidationError as error:  # e.g. statistics of another number of structures
        raise ModelFileError(error.errors()[0]["msg"]) from error
    network = network_of(shape)
    network.load_state_dict({**network.state_dict(), **ladder.weights})
    return Model(network.eval(), header)


def statistics_of(means: Sequence[float], stds: Sequence[float]) -> Normalization:
    """Take means and standard deviations, of the superposition and then of each structure.

    Raises
    ------
    ModelFileError
        They are not as many as each other, or are of less than one structure.
    """
    if len(means) != len(stds) or len(means) < 2:
        raise ModelFileError(
            "The weights do not hold what the pixels were normalized by: give training images, or "
            "means and standard deviations, each a number for the superposition and one for each "
            "structure (for commands: --images, or --means and --stds)."
        )
    return Normalization(
        input_mean=means[0],
        input_std=stds[0],
        channel_means=tuple(means[1:]),
        channel_stds=tuple(stds[1:]),
    )


def published_normalization(fields: TrainingFields, mix: MixSettings) -> Normalization:
    """Measure training images as denoiSplit, muSplit and careamics do.

    The input is normalized by mean and standard deviation of the pixels of all channels together;
    where channels are summed, by the sum of their means and the root of their summed variances.
    """
    masks = fields.held().masks or [np.ones(f.shape[1:], bool) for f in fields.fields]
    weights = mix.channel_weights(fields.n_channels)
    own = Normalization.of(fields.fields, masks, weights, fields.channel_names)
    means, stds = np.array(own.channel_means), np.array(own.channel_stds)
    if mix.mode == "sum":
        mean, std = means.sum(), sqrt((stds**2).sum())
    else:
        mean, std = means.mean(), sqrt((stds**2).mean() + means.var())
    return own.model_copy(update={"input_mean": float(mean), "input_std": float(std)})


def _read(path: Path) -> tuple[dict[str, Tensor], bytes]:
    """Read the weights of a checkpoint, and its bytes."""
    try:
        data = path.read_bytes()
        loaded: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModelFileError(f"it cannot be read ({error.strerror or error})") from error
    except pickle.UnpicklingError as error:
        if not (zipfile.is_zipfile(path) or data.startswith(pickle.PROTO)):
            raise ModelFileError(_NO_CHECKPOINT) from error
        raise ModelFileError(
            "it holds more than weights, such as a whole pickled module (as HDN and older "
            "DivNoising files are), and to read that would run code of the file. Load it where it "
            "was made, and save its state_dict() alone"
        ) from error
    except (*DAMAGE, zipfile.BadZipFile) as error:
        raise ModelFileError(_NO_CHECKPOINT) from error
    state = loaded.get("state_dict", loaded) if isinstance(loaded, dict) else None
    if not isinstance(state, dict) or not state:
        raise ModelFileError("it holds no state_dict")
    weights = {k: v for k, v in state.items() if isinstance(k, str) and torch.is_tensor(v)}
    return weights, data


def _noise_models(
    state: Mapping[str, Tensor], n: int, given: Sequence[NoiseModel] | None
) -> Sequence[NoiseModel] | None:
    """Return the noise models that were given, or those of the checkpoint; refuse what differs."""
    if given is not None and len(given) != n:
        raise ModelFileError(f"{len(given)} noise models are given for {n} structures: give {n}")
    parts = [_noise_part(state, c) for c in range(n)]
    if not all(parts):
        return given
    if given is None:
        if any(name not in part for part in parts for name in GaussianMixture.needs):
            raise ModelFileError(
                "it was trained with noise models and does not hold all of them: give the .npz "
                f"files that it was trained with, one for each of the {n} structures"
            )
        return [_noise_model(part) for part in parts]
    for c, (part, model) in enumerate(zip(parts, given, strict=True), start=1):
        if not _is_of(model, part["weight"]):
            raise ModelFileError(
                f"the noise model given for structure {c} is not the one that it was trained with: "
                "give them in the order of its structures"
            )
    return given


def _noise_part(state: Mapping[str, Tensor], c: int) -> dict[str, Tensor]:
    """Find what there is of the noise model of a structure, of denoiSplit or careamics."""
    for prefix in (f"noiseModel.n{c + 1}model.", f"noise_model.nmodel_{c}."):
        part = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        if "weight" in part:
            return part
    return {}


def _noise_model(part: Mapping[str, Tensor]) -> GaussianMixture:
    weight, *numbers = (part[name].detach() for name in GaussianMixture.needs)
    return GaussianMixture(weight, *(float(number.reshape(-1)[0]) for number in numbers))


def _is_of(model: NoiseModel, weight: Tensor) -> bool:
    own = getattr(model, "weight", None)
    return (
        own is not None
        and own.shape == weight.shape
        and bool(torch.allclose(own, weight.float(), rtol=1e-4, atol=1e-6))
    )
