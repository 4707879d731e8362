"""The record that a layer keeps of what it shows and how that was made, and its name.

Both are made here and read back here, so that every tool finds the layers of every other.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY = "denoisplit"
"""Of the record, in a layer's metadata."""

MMSE, SIGMA, SAMPLES = "MMSE", "sigma", "samples"
RESULT_KINDS = (MMSE, SIGMA, SAMPLES)
"""What the layers of a result show; the `kind` in their record."""
SHOWN_SAMPLE, PINNED_SAMPLE = "shown sample", "pinned sample"
PREVIEW = "preview"
"""Of a training: it makes way for what comes next."""
TRUST_MASK, RESIDUAL, UNFAMILIAR_PLACES = "trust mask", "residual", "unfamiliar"
WIDENED_SIGMA = "widened sigma"

SAMPLES_ALONG = "samples_along"
"""Key of a record in a file: letter of the axis that posterior samples lie along there."""

_OF_ONE_LAYER = ("structure", "channel", "kind")  # all else says how the split was made


def layer_name(image: str, *parts: str) -> str:
    """Name of a layer that shows something of an image, e.g. 'nuclei answers · cells'.

    What it shows comes first: a list of layers is narrow.
    """
    return " · ".join((" ".join(filter(None, parts)), image))


def kind_in_words(kind: str, *, calibrated: bool) -> str:
    """Return what a layer of a result shows, as its name says it; the MMSE is the result itself.

    Uncalibrated sigma is the spread of the samples, no more: a longer word is cut in a list.
    """
    sigma = "uncertainty" if calibrated else "spread"
    return {MMSE: "", SIGMA: sigma, SAMPLES: "answers"}[kind]


def layer_metadata(
    made: Mapping[str, Any] | None = None, *, image: str | None = None, **own: Any
) -> dict[str, Any]:
    """Metadata of a layer.

    Parameters
    ----------
    made
        How the result was made.
    image
        Name of the image that was split.
    own
        What this layer shows: `kind`, and `structure` and `channel` where it is of one.
    """
    return {KEY: {**(made or {}), **({} if image is None else {"input": image}), **own}}


def record_of(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the record in a layer's metadata; empty where this program has not made the layer."""
    record = (metadata or {}).get(KEY)
    return record if isinstance(record, dict) else {}


def kind_of(metadata: Mapping[str, Any] | None) -> str:
    """Return what a layer shows; empty where this program has not made it."""
    return str(record_of(metadata).get("kind", ""))


def making_of(record: Mapping[str, Any]) -> str:
    """How a result was made, as text that is equal for all layers of the result."""
    rest = {key: value for key, value in record.items() if key not in _OF_ONE_LAYER}
    return json.dumps(rest, sort_keys=True, default=str)
