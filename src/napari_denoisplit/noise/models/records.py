"""Record of a noise model as plain JSON values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_denoisplit.errors import NoiseModelError
from napari_denoisplit.verdict import NoiseRecord

if TYPE_CHECKING:
    from collections.abc import Mapping


def record_values(record: NoiseRecord) -> dict[str, Any]:
    """Return what a record says as plain JSON values; empty if it says nothing."""
    values = record.model_dump(mode="json", exclude_defaults=True)
    if record.verdict is not None:
        # JSON knows neither NaN nor infinity.
        figures = {k: v for k, v in record.verdict.figures.items() if math.isfinite(v)}
        values["verdict"]["figures"] = figures
    return values


def record_from_values(values: Mapping[str, Any]) -> NoiseRecord:
    """Record from the dictionary of a noise model; an empty one if there is none.

    Raises
    ------
    NoiseModelError
        What stands under "record" is not one.
    """
    try:
        return NoiseRecord.model_validate(values.get("record") or {})
    except ValidationError as error:
        first = error.errors()[0]
        raise NoiseModelError(
            f"The record of this noise model cannot be read "
            f"({'.'.join(map(str, first['loc']))}: {first['msg']}): it was edited, or a newer "
            "version of this package wrote it."
        ) from error
