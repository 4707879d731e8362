"""Whether an image has the results already that it would get, told by their own record."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from napari_denoisplit.images.channels import choose_channel
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.results.files import read_record
from napari_denoisplit.images.results.record import PROGRAM

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
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

    def read(self, path: Path, *, partly: bool = False) -> Image:
        """Read an image, one channel of it if one was chosen.

        Parameters
        ----------
        path
            The file.
        partly
            Whether only a part of it will be looked at: then pixels of large files are read where
            and when they are.
        """
        if partly:
            return ImageFile(path, self.axes, self.series, self.channel).open()
        image = read_image(path, axes=self.axes, series=self.series)
        return image if self.channel is None else choose_channel(image, self.channel)


@dataclass(frozen=True, slots=True)
class MadeWith:
    """All that decides what the results of an image are, but for the image."""

    model_sha256: str | None
    """None for a model that is in no file: its results cannot be recognized."""
    calibration: dict[str, JsonValue] | None
    """Of the model, as a record keeps it."""
    settings: SplitSettings
    reading: Reading
    program: str = field(default_factory=lambda: version(PROGRAM))

    @classmethod
    def of(cls, model: Model, settings: SplitSettings, reading: Reading) -> MadeWith:
        """Take down what a batch is made with."""
        calibration = model.header.calibration
        return cls(
            model.sha256,
            None if calibration is None else calibration.model_dump(mode="json"),
            settings,
            reading,
        )

    def about(self, stamp: dict[str, Any]) -> dict[str, Any]:
        """Return what a result's record says in addition to that of the split."""
        return {
            "input_file": stamp,
            "reading": asdict(self.reading),
        }

    def why_again(self, path: Path, files: ResultFiles) -> str | None:
        """Say why an image is to be split, as far as it has results; None: it is done.

        Returns
        -------
        A reason like 'the image has changed'; empty where there is no result yet.
        """
        try:
            if not files.mmse.exists():
                return ""
            stamp = input_stamp(path)
        except OSError:
            return ""  # reading or writing says what is wrong with the file
        record = read_record(files.mmse)
        if record is None or "input_file" not in record:
            return "its result does not say of which file it was made"
        chosen = self.settings
        reasons = {
            "its result was stopped early": bool(record.get("stopped_early")),
            "the image has changed": record["input_file"] != stamp,
            "the model is another": self.model_sha256 is None
            or record.get("model_sha256") != self.model_sha256
            or record.get("calibration") != self.calibration,
            "the settings are others": _settings(record.get("settings"))
            != _settings(chosen.model_dump(mode="json")),
            "another channel or other axes are chosen": record.get("reading")
            != asdict(self.reading),
            f"its result is of version {record.get(PROGRAM)}": record.get(PROGRAM) != self.program,
            "a part of its result is missing": not files.complete(
                n_samples=chosen.n_samples, n_kept=chosen.keep_samples
            ),
        }
        return next((reason for reason, holds in reasons.items() if holds), None)


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
