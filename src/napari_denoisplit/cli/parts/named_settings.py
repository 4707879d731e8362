"""Settings by their dotted names, as --set loss.beta=0.5 and a file of --settings give them."""

from __future__ import annotations

import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.settings import (
    KINDS,
    METHODS,
    PRESETS,
    ContextSettings,
    LadderSettings,
    LossSettings,
    MixSettings,
    NetworkSettings,
    TrainSettings,
    after_denoising,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from pydantic import BaseModel

Named = dict[str, Any]
"""Settings by name, those of a part in a dictionary of their own."""
_PARTS: dict[str, tuple[type[BaseModel], ...]] = {
    "network": tuple(KINDS.values()),
    "network.context": (ContextSettings,),
    "network.denoiser": (LadderSettings,),
    "network.splitter": tuple(KINDS.values()),
    "loss": (LossSettings,),
    "mix": (MixSettings,),
}


def read_settings(path: Path) -> Named:
    """Read a TOML file.

    Raises
    ------
    UsageError
        It cannot be opened, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"--settings {path} cannot be opened ({error.strerror}): give a TOML file of "
            "NAME = VALUE lines."
        ) from None
    except ValueError as error:  # of the decoder, too
        raise UsageError(
            f"{path} cannot be read as TOML ({error}): write NAME = VALUE lines."
        ) from None


def assigned(texts: Iterable[str]) -> Named:
    """Read NAME=VALUE, the later before the earlier.

    Raises
    ------
    UsageError
        One has another form.
    """
    found: Named = {}
    for text in texts:
        name, is_given, value = text.partition("=")
        if not (name.strip() and is_given):
            raise UsageError(f"--set {text!r}: give NAME=VALUE, as in --set loss.beta=0.5.")
        named: Any = _value(value.strip())
        for part in reversed(name.strip().split(".")):
            named = {part: named}
        found = merged(found, named)
    return found


def _value(text: str) -> Any:
    if text.lower() == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text  # a word without quotation marks


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Named:
    """Join two; what `over` names replaces what `base` has."""
    both = dict(base)
    for name, value in over.items():
        before = both.get(name)
        is_part = isinstance(value, dict) and isinstance(before, dict)
        both[name] = merged(before, value) if is_part else value  # type: ignore[arg-type]
    return both


def train_settings(given: Named) -> TrainSettings:
    """Make settings of a training; a part of which a few are named has the rest as it would be.

    Raises
    ------
    UsageError
        There is no setting of such a name.
    ValidationError
        A value is not allowed.
    """
    _check_names(given)
    whole = {name: value for name, value in given.items() if not isinstance(value, dict)}
    if "minutes" not in whole and ("steps" in whole or "epochs" in whole):
        whole["minutes"] = None
    plain = TrainSettings(**whole)
    parts: Named = {}
    for name, part in (("loss", plain.loss or METHODS[plain.method]), ("mix", plain.mix)):
        if name in given:
            parts[name] = merged(part.model_dump(), given[name])
    if "network" in given:
        parts["network"] = _network(plain, given["network"])
    return TrainSettings(**whole | parts)


def _network(plain: TrainSettings, given: Named) -> NetworkSettings:
    """Make a network of another shape; where the kind is another, of that kind's defaults."""
    network = plain.network or PRESETS[plain.preset].network
    kind = given.get("kind", network.kind)
    if kind not in KINDS:
        raise UsageError(f"network.kind {kind!r}: choose one of {', '.join(KINDS)}.")
    if kind == "sequence":
        network = after_denoising(network)
    before = network.model_dump() if kind == network.kind else {}
    return KINDS[kind].model_validate(merged(before, given))


def _check_names(given: Named) -> None:
    """Refuse names that no setting has, and parts that are given as a whole."""
    known = {*TrainSettings.model_fields} - {*_PARTS}
    for part, models in _PARTS.items():
        known.update(f"{part}.{name}" for model in models for name in model.model_fields)
    for name in _dotted(given):
        if name in _PARTS:
            raise UsageError(f"{name} has settings of its own: give one of them, as {_one(name)}.")
        if name not in known:
            near = get_close_matches(name, known, n=4, cutoff=0.5)
            last = name.rpartition(".")[2]
            near += sorted(k for k in known if last in k.rpartition(".")[2] and k not in near)
            names = ", ".join(near[:6]) or ", ".join(sorted(known))
            raise UsageError(f"There is no setting {name!r}. Near it: {names}.")


def _dotted(given: Named, prefix: str = "") -> Iterator[str]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name


def _one(part: str) -> str:
    return f"{part}.{next(iter(_PARTS[part][0].model_fields))}"
