"""Files with the results of a split: their names, and the record of how they were made."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.results.record import PROGRAM
from napari_denoisplit.images.zarr.nodes import read_node

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.images.results.split import Split

# What results are called, by the command and by the widget that saves layers.
_NAMED_AS_RESULT = re.compile(r".+_(mmse|sigma|sigma-uncalibrated|sample-\d+)\.ome\.tif")
_SAMPLES = "_samples"
_UNREADABLE = (OSError, ValueError, LookupError, struct.error, ElementTree.ParseError)


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Where the results of one image lie.

    Parameters
    ----------
    target
        Folder and name of the image, without ending.
    """

    target: Path

    @property
    def mmse(self) -> Path:
        """Best estimate of every structure; it is written last, so that the rest is there too."""
        return self._named("_mmse.ome.tif")

    @property
    def sigma(self) -> Path:
        """Uncertainty of every structure; absent after a single sample."""
        return self._named("_sigma.ome.tif")

    @property
    def samples(self) -> Path:
        """Folder of the kept samples; absent if none was kept."""
        return self._named(_SAMPLES)

    def sample(self, number: int) -> Path:
        """File of one kept sample, counted from 1."""
        return self.samples / f"{number:03d}.ome.tif"

    def existing(self) -> tuple[Path, ...]:
        """Return what there is, the MMSE first."""
        return tuple(p for p in (self.mmse, self.sigma, self.samples) if p.exists())

    def complete(self, *, n_samples: int, n_kept: int) -> bool:
        """Whether everything is there that a split with so many samples writes."""
        kept = range(1, min(n_samples, n_kept) + 1)
        needed = [self.mmse, *([self.sigma] if n_samples > 1 else []), *map(self.sample, kept)]
        return all(path.exists() for path in needed)

    def _named(self, ending: str) -> Path:
        return self.target.with_name(self.target.name + ending)


def write_split(
    split: Split, target: Path, about: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """Write what there is of a split; nothing, if it was stopped before the first sample.

    Parameters
    ----------
    split
        What to write: MMSE, sigma (from 2 samples on), samples that were kept.
    target
        Folder and name of the image, without ending. Earlier results of that name are replaced.
    about
        More to keep in the record of how the files were made.

    Returns
    -------
    Files and folders written, the MMSE first.

    Raises
    ------
    ImageError
        A file cannot be written; what was there before is unchanged.
    """
    if split.n_samples == 0:
        return ()
    files = ResultFiles(target)
    record = json.dumps({**split.provenance, **(about or {})}, default=str)
    kept = () if split.samples is None else split.samples
    for number, sample in enumerate(kept, start=1):
        # OME-TIFF has no axis for samples: one file each, with the axes of the MMSE.
        write_image(files.sample(number), replace(split.mmse, data=sample), description=record)
    _remove_samples_after(files.samples, len(kept))
    if split.sigma_arrays is not None:
        write_image(files.sigma, split.sigma, description=record)
    else:  # one sample has no spread; 0 would be a lie
        files.sigma.unlink(missing_ok=True)
    write_image(files.mmse, split.mmse, description=record)
    return files.existing()


def read_record(path: Path) -> dict[str, Any] | None:
    """Read how a result was made; None where the file does not say."""
    try:
        with tifffile.TiffFile(path) as file:
            root = ElementTree.fromstring(file.pages.first.description)
        texts = [e.text for e in root.iter() if e.tag.rpartition("}")[2] == "Description"]
        record = json.loads(texts[0] or "")
    except _UNREADABLE:  # includes tifffile.TiffFileError and json.JSONDecodeError
        return None
    return record if isinstance(record, dict) else None


def is_result(path: Path) -> bool:
    """Whether a file is the result of a split, told by its name and by what it says of itself.

    The name of a Zarr folder says nothing, since its owner has chosen it.
    """
    if path.is_dir():
        return PROGRAM in _zarr_provenance(path)
    if path.parent.name.endswith(_SAMPLES) or _NAMED_AS_RESULT.fullmatch(path.name):
        record = read_record(path)
        if record is not None:
            return PROGRAM in record
        # Results that the Split widget has saved keep their record in a file of its own.
        return path.with_name(path.name.rpartition("_")[0] + "_split.json").exists()
    return False


def _zarr_provenance(path: Path) -> Mapping[str, Any]:
    """Read how a Zarr folder was made; empty where it does not say."""
    from napari_denoisplit.images.zarr.layout import KEY  # imports zarr, which takes 0.4 s

    try:
        node = read_node(path)
    except ImageError:
        return {}  # reading it as an image says what is wrong
    own = {} if node is None else node.attributes.get(KEY)
    made = own.get("provenance") if isinstance(own, dict) else None
    return made if isinstance(made, dict) else {}


def _remove_samples_after(folder: Path, n_kept: int) -> None:
    """Remove samples of an earlier run with more of them: they are not of the new MMSE."""
    for path in folder.glob("*.ome.tif"):
        number = path.name.removesuffix(".ome.tif")
        if number.isdecimal() and int(number) > n_kept:
            path.unlink()
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
