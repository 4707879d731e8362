"""Records of results, by which an image is known to be done."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.results.files import read_record
from napari_denoisplit.images.results.record import PROGRAM, acquisition_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.results.files import ResultFiles
    from napari_denoisplit.settings import SplitSettings

# These change how fast a result is there, and not what it is.
_WITHOUT_EFFECT = {"device", "memory_gib"}


@dataclass(frozen=True, slots=True)
class Reading:
    """What to take of the files of a batch."""

    channel: str | None = None
    """Channel to split of images that have several: its name, or its number from 1."""
    axes: str | None = None
    """Meaning of the axes as they are stored; None is what the files say."""
    series: int | None = None
    """Which image of files that hold several, from 0."""

    def of(self, path: Path) -> ImageFile:
        """Say this of one file."""
        return ImageFile(path, self.axes, self.series, self.channel)


def why_again(
    path: Path, files: ResultFiles, model: Model, settings: SplitSettings, reading: Reading
) -> str | None:
    """Say why an image is to be split, as far as it has results; None: it is done.

    Parameters
    ----------
    path, files
        The image, and where its results lie.
    model, settings, reading
        What it is to be split with, and what is to be taken of it.

    Returns
    -------
    A reason like 'the image has changed'; empty where there is no result yet.

    Raises
    ------
    ImageError
        What lies there was made of another image, or nobody knows of which.
    """
    try:
        if not files.mmse.exists():
            return ""
        stamp = input_stamp(path)
    except OSError:
        return ""  # reading or writing says what is wrong with the file
    record = read_record(files.mmse) or {}
    if another := _another(path, stamp, reading, record):
        raise ImageError(
            f"{files.mmse} is {another} {path}: choose another folder for the results. To replace "
            "it, do not skip what is done (again=True)."
        )
    sha256, calibration, program = model.sha256, model.header.calibration, version(PROGRAM)
    try:
        gain = acquisition_of(record).gain
    except ImageError:
        return "its result does not say how its recording was taken"
    if calibration is not None:
        calibration = calibration.scaled(gain)
    reasons = {
        "its result was stopped early": bool(record.get("stopped_early")),
        "the image has changed": record["input_file"] != stamp,
        # A model that is in no file has no hash: its results cannot be recognized.
        "the model is another": sha256 is None
        or record.get("model_sha256") != sha256
        or record.get("calibration") != (calibration and calibration.model_dump(mode="json")),
        "the settings are others": _settings(record.get("settings"))
        != _settings(settings.model_dump(mode="json")),
        f"its result is of version {record.get(PROGRAM)}": record.get(PROGRAM) != program,
        "a part of its result is missing": not files.complete(
            n_samples=settings.n_samples, n_kept=settings.keep_samples
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _another(
    path: Path, stamp: dict[str, Any], reading: Reading, record: dict[str, Any]
) -> str | None:
    """Say what a result was made of, if not of this file, in whatever state, read in this way."""
    source = record.get("source")
    if "input_file" not in record:
        return "not known to be a result of"
    same_place = isinstance(source, str) and os.path.realpath(source) == os.path.realpath(path)
    if record["input_file"] != stamp and not same_place:
        return f"the result of another image, {source}, not of"
    if record.get("reading") != asdict(reading):
        return "the result of another channel, image or order of axes of"
    return None


def input_stamp(path: Path) -> dict[str, Any]:
    """Return name, size and time of change of a file, by which it is known again.

    Raises
    ------
    OSError
        There is no such file.
    """
    stats = [path.stat()]
    if path.is_dir():  # an image of many files
        stats += [
            os.stat(os.path.join(folder, name))
            for folder, _, names in os.walk(path)
            for name in names
        ]
    return {
        "name": path.name,
        "bytes": sum(stat.st_size for stat in stats),
        "modified_ns": max(stat.st_mtime_ns for stat in stats),
    }


def _settings(values: object) -> object:
    """Leave out settings that have no effect on the result."""
    if not isinstance(values, dict):
        return values
    return {name: value for name, value in values.items() if name not in _WITHOUT_EFFECT}
