"""The record of how a split was made, which its files and layers keep as JSON."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_denoisplit.calibration_record import CalibrationRecord
from napari_denoisplit.errors import ImageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import SplitSettings

PROGRAM = "napari-denoisplit"
"""Key under which a record has the version that made it: by this, a result is known as one."""


def make_record(
    image: Image,
    settings: SplitSettings,
    calibration: CalibrationRecord | None,
    model: str | None,
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
        Name of the model's file; None for a model that is in no file.
    more
        What else is known, with values for JSON: of a split that has ended, `samples` behind a
        plane, and whether it was `stopped_early`.
    """
    return {
        "model": model,
        "input": image.name,
        "source": str(image.source) if image.source else None,
        "settings": settings.model_dump(mode="json"),
        "sigma": "uncalibrated" if calibration is None else "calibrated",
        "calibration": None if calibration is None else calibration.model_dump(mode="json"),
        PROGRAM: version(PROGRAM),
        "torch": version("torch"),
        **more,
    }


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
        It cannot be read.
    """
    kept = record.get("calibration")
    if kept is None:
        return None
    try:
        return CalibrationRecord.model_validate(kept)
    except ValidationError as error:
        raise ImageError(
            f"The result of {record.get('input')!r} does not say by what its sigma was calibrated: "
            "it is of another version of this program. Split the image again."
        ) from error
