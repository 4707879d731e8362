"""The record of how a split was made, which its files and layers keep as JSON."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ValidationError

from napari_denoisplit.calibration_record import CalibrationRecord
from napari_denoisplit.errors import ImageError
from napari_denoisplit.settings import Acquisition
from napari_denoisplit.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import SplitSettings

RECORDING = "recording"
"""Key under which a record has the verdict on the recording."""
PROGRAM = "napari-denoisplit"
"""Key under which a record has the version that made it: by this, a result is known as one."""

MODEL_FILE, INPUT_PIXELS = "model_file", "input_pixels"
"""Keys under which a record has where the model was, and `name_of_pixels` of the input."""
M = TypeVar("M", bound=BaseModel)
_SEEN = 64  # pixels along an edge tell one noisy image from another


def make_record(
    image: Image,
    settings: SplitSettings,
    calibration: CalibrationRecord | None,
    model: Path | None,
    **more: Any,
) -> dict[str, Any]:
    """Write down how a split is made.

    Parameters
    ----------
    image
        What is split.
    settings
        How.
    calibration
        Of the model; the record keeps all of it.
    model
        The model's file; None for a model that is in no file.
    more
        What else is known, with values for JSON: of a split that has ended, `samples` behind a
        plane, and whether it was `stopped_early`; of every one, `input_pixels`.
    """
    return {
        "model": None if model is None else model.name,
        MODEL_FILE: None if model is None else str(model.absolute()),
        "input": image.name,
        "source": str(image.source.absolute()) if image.source else None,
        "settings": settings.model_dump(mode="json"),
        "sigma": "uncalibrated" if calibration is None else "calibrated",
        "calibration": None if calibration is None else calibration.model_dump(mode="json"),
        PROGRAM: version(PROGRAM),
        "torch": version("torch"),
        **more,
    }


def name_of_pixels(data: Any) -> str:
    """Name of an image, by which it is known again in a layer or a file of any other name.

    Parameters
    ----------
    data
        (..., Y, X), axes in the order of T, Z, Y, X; those of size 1 do not matter. The middle of
        the middle plane is read.
    """
    plane = tuple(n // 2 for n in data.shape[:-2])
    middle = (slice(max(0, n - _SEEN) // 2, (n + _SEEN) // 2) for n in data.shape[-2:])
    seen = np.ascontiguousarray(data[(*plane, *middle)], np.float32)
    shape = repr([int(n) for n in data.shape if n > 1]).encode()
    return hashlib.sha256(shape + seen.tobytes()).hexdigest()[:16]


def fields_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Read a record back, as fields of `Split`; what it does not say is left out.

    Raises
    ------
    ImageError
        It has a calibration that cannot be read.
    """
    settings = record.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    n_samples = record.get("samples", settings.get("n_samples"))
    facts: dict[str, Any] = {
        "n_samples": n_samples if isinstance(n_samples, int) else 0,
        "calibration": calibration_of(record),
        "mirrored": settings.get("antithetic") is True,
        "stopped_early": record.get("stopped_early") is True,
        "provenance": record,
    }
    return facts


def calibration_of(record: Mapping[str, Any]) -> CalibrationRecord | None:
    """Calibration behind the sigma of a result; None where sigma is the spread.

    Raises
    ------
    ImageError
        It cannot be read, as of the two below.
    """
    return _kept(record, "calibration", CalibrationRecord)


def acquisition_of(record: Mapping[str, Any]) -> Acquisition:
    """How the recording was taken, as the split had it."""
    return _kept(record, "acquisition", Acquisition) or Acquisition()


def verdict_of(record: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict on the recording, as the split had it; None where there is none."""
    return _kept(record, RECORDING, Verdict)


def _kept(record: Mapping[str, Any], key: str, kind: type[M]) -> M | None:
    if (kept := record.get(key)) is None:
        return None
    try:
        return kind.model_validate(kept)
    except ValidationError as error:
        raise ImageError(
            f"The {key} in the record of the result of {record.get('input')!r} cannot be read: it "
            "is of another version of this program. Split the image again."
        ) from error
