"""The model file `.denoisplit`: weights and everything needed to use them, in one file.

A safetensors file whose metadata holds one JSON text. Nothing in it can run: weights are plain
arrays, and the header is validated field by field.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from napari_denoisplit.calibration_record import CalibrationRecord
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.files import replacing
from napari_denoisplit.images.damage import DAMAGE
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.sealed_file import NOT_SEALED, SUFFIX, check_seal, metadata_of, sealed
from napari_denoisplit.settings import AnyNetwork, MixSettings, NetworkSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike
    from typing import Self

    from torch import Tensor

    from napari_denoisplit.nn.sampler import SplittingNetwork

FORMAT = 1
WEIGHTS = "network."
TRAINING = "training."


class ModelHeader(BaseModel):
    """All of a model but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    network: AnyNetwork
    mix: MixSettings
    normalization: Normalization
    channel_names: tuple[str, ...]
    pixel_size: dict[str, float] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    noise_models: tuple[dict[str, JsonValue], ...] | None = None
    calibration: CalibrationRecord | None = None
    """From the spread of samples to sigma; None: not calibrated."""
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    """Data names and hashes, versions, seed."""
    training: dict[str, JsonValue] = Field(default_factory=dict)
    """Settings and outcome of the training run."""

    @model_validator(mode="after")
    def _one_entry_per_channel(self) -> Self:
        n = self.network.n_channels
        for what, entries in {
            "channel_names": self.channel_names,
            "noise_models": self.noise_models,
            "calibrations": None if self.calibration is None else self.calibration.channels,
            "channel_means": self.normalization.channel_means,
            "channel_stds": self.normalization.channel_stds,
        }.items():
            if entries is not None and len(entries) != n:
                raise ValueError(f"{len(entries)} {what} for {n} channels")
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A network with its header."""

    network: SplittingNetwork
    header: ModelHeader
    training_state: dict[str, Tensor] | None = None
    """Optimizer, averages and random state, only in a file to resume from."""
    path: Path | None = None
    sha256: str | None = None
    """Of the file that it was loaded from, as it was then; None: it is of no file."""

    def calibrated(self, calibration: CalibrationRecord | None) -> Model:
        """Return the same model with a calibration, or without one.

        Raises
        ------
        ValueError
            The calibration is not of as many channels as the model has.
        """
        changed = {**self.header.model_dump(), "calibration": calibration}
        return replace(self, header=ModelHeader.model_validate(changed))


def last_path(path: Path) -> Path:
    """Where training keeps the state to resume from, beside the best model at `path`."""
    return path.with_name(path.name.removesuffix(SUFFIX) + ".last" + SUFFIX)


def best_path(last: Path) -> Path:
    """Where the best model lies, given where the state to resume from does."""
    return last.with_name(last.name.removesuffix(".last" + SUFFIX) + SUFFIX)


def save_model(path: str | PathLike[str], model: Model, *, half: bool = False) -> Model:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path
        File to make or replace, ending in `.denoisplit`.
    model
        Its tensors are written as float32 (weights) or as they are (training state).
    half
        Write the weights as float16: a file of half the size. They are read back as float32.

    Returns
    -------
    The same model, as that of the file.

    Raises
    ------
    ModelFileError
        The name does not end in `.denoisplit`.
    OSError
        The folder cannot be written.
    """
    from safetensors.torch import save  # brings torch: only when a model is at hand

    path = Path(path)
    if path.suffix != SUFFIX:
        name = path.with_suffix(SUFFIX).name
        raise ModelFileError(f"Model files end in {SUFFIX}: rename {path.name} to {name}.")
    tensors = {WEIGHTS + k: v.detach().cpu().contiguous() for k, v in _state(model.network)}
    if half:
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    for key, value in (model.training_state or {}).items():
        tensors[TRAINING + key] = value.detach().cpu().contiguous()
    header = model.header.model_dump_json()
    data = sealed(save(tensors, metadata={"denoisplit": header, **NOT_SEALED}))
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return replace(model, path=path, sha256=hashlib.sha256(data).hexdigest())


def read_header(path: str | PathLike[str]) -> ModelHeader:
    """Read what a model file says of itself, without its weights and without torch.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, or not a model of this program.
    """
    text = metadata_of(Path(path)).get("denoisplit")
    if not isinstance(text, str):
        raise ModelFileError(
            f"{path} holds tensors but no denoiSplit header: it was written by another program. "
            f"Choose a {SUFFIX} file that this program made."
        )
    try:
        header = json.loads(text)
        if isinstance(header, dict) and header.get("format", FORMAT) != FORMAT:
            raise ModelFileError(
                f"{path} has format {header['format']}, this version reads {FORMAT}: update "
                "napari-denoisplit."
            )
        return ModelHeader.model_validate(header)
    except ModelFileError:
        raise
    except (ValueError, RecursionError) as error:  # of bad JSON, bad values, nested brackets
        raise ModelFileError(
            f"{path} has a header that cannot be read ({_first_line(error)}): the file is damaged "
            "or was edited. Take a copy or train again."
        ) from error


def check_weights(path: str | PathLike[str]) -> None:
    """Refuse a model file that is not as it was written, or whose weights are not finite.

    It reads all of it, without torch.

    Raises
    ------
    ModelFileError
        The file has changed, cannot be read, or some weights are NaN or infinite.
    """
    from safetensors import SafetensorError, safe_open

    try:
        check_seal(Path(path), Path(path).read_bytes())
        with safe_open(path, framework="numpy") as file:
            weights = [name for name in file.keys() if name.startswith(WEIGHTS)]
            bad = [name for name in weights if not np.isfinite(file.get_tensor(name)).all()]
    except (SafetensorError, *DAMAGE) as error:
        raise _damaged(Path(path), error) from error
    _refuse([name.removeprefix(WEIGHTS) for name in bad], Path(path))


def load_model(path: str | PathLike[str], device: str = "cpu") -> Model:
    """Read a model file, ready for prediction.

    Parameters
    ----------
    path
        A `.denoisplit` file.
    device
        Torch device for the network.

    Raises
    ------
    ModelFileError
        The file is missing, damaged, foreign, its weights do not fit its header, or they are not
        finite.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    path = Path(path)
    header = read_header(path)
    try:
        data = path.read_bytes()
        check_seal(path, data)
        tensors = load(data)
    except (SafetensorError, *DAMAGE) as error:
        raise _damaged(path, error) from error
    weights = {
        k.removeprefix(WEIGHTS): _single(v) for k, v in tensors.items() if k.startswith(WEIGHTS)
    }
    state = {k.removeprefix(TRAINING): v for k, v in tensors.items() if k.startswith(TRAINING)}
    network = _filled(header.network, weights, path)
    digest = hashlib.sha256(data).hexdigest()
    return Model(network.to(device).eval(), header, state or None, path, digest)


def _filled(settings: NetworkSettings, weights: dict[str, Tensor], path: Path) -> SplittingNetwork:
    """Make a network and fill in its weights; refuse those that do not fit or are not finite."""
    import torch

    from napari_denoisplit.nn.families import network_of

    with torch.device("meta"):  # shapes alone: a header may ask for more than there is memory
        needed = {name: _kind(value) for name, value in network_of(settings).state_dict().items()}
    found = {name: _kind(value) for name, value in weights.items()}
    wrong = [
        f"{name}: {found.get(name, 'nothing')} in the file, {needed.get(name, 'nothing')} by the "
        "header"
        for name in needed.keys() | found.keys()
        if found.get(name) != needed.get(name)
    ]
    if wrong:
        raise ModelFileError(
            f"{path} holds weights that do not fit its own header ({min(wrong)}): the file was "
            "edited. Take a copy or train again."
        )
    _refuse([n for n, value in weights.items() if not bool(torch.isfinite(value).all())], path)
    network = network_of(settings)
    network.load_state_dict(weights)
    return network


def _damaged(path: Path, error: Exception) -> ModelFileError:
    return ModelFileError(
        f"{path} cannot be read ({_first_line(error)}): the file is damaged. Take a copy or train "
        "again."
    )


def _refuse(bad: Sequence[str], path: Path) -> None:
    """Say which weights are not finite, if any are."""
    if bad:
        raise ModelFileError(
            f"{path} holds weights that are NaN or infinite ({len(bad)}, among them {bad[0]}): the "
            "file is damaged, or its training failed. Take a copy or train again."
        )


def _single(value: Tensor) -> Tensor:
    """Widen what was written in half precision."""
    import torch

    return value.float() if value.dtype == torch.float16 else value


def _kind(value: Tensor) -> str:
    """Read e.g. 'float32 (64, 1, 3, 3)'."""
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def _state(network: SplittingNetwork) -> list[tuple[str, Tensor]]:
    return list(network.state_dict().items())


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
