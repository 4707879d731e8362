"""Files of a result: their names, made and read back, and what they say of themselves."""

from __future__ import annotations

import json
import re
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import tifffile

from napari_denoisplit.errors import ImageError
from napari_denoisplit.files import short_stem
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.results.record import PROGRAM
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.images.zarr.nodes import is_zarr, read_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

_LAZY_ABOVE = 2**22  # bytes; of many samples only the one in sight is read
_NAMED = re.compile(r"(.+)_(mmse|sigma)\.ome\.tiff?", re.IGNORECASE)
_SAMPLES = "_samples"
_UNREADABLE = (OSError, ValueError, LookupError, struct.error, ElementTree.ParseError)


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """Where the results of one image lie, as OME-TIFF.

    Parameters
    ----------
    target
        Folder and name of the image, without ending. Of a name that would be too long for a
        file system with the endings of results, the beginning and a hash are used.
    """

    target: Path

    @classmethod
    def of(cls, path: Path) -> ResultFiles:
        """Find the result that a file or a folder of samples belongs to.

        Raises
        ------
        ImageError
            It belongs to none.
        """
        if path.is_dir() and not path.name.endswith(_SAMPLES):
            found = sorted(path.glob(f"*{_SAMPLES}"))
            if len(found) != 1:
                raise ImageError(
                    f"{path} is not a folder of samples: choose a folder NAME_samples, a file "
                    "NAME_mmse.ome.tif or an OME-Zarr folder that a split has written."
                )
            path = found[0]
        elif path.is_file() and path.parent.name.endswith(_SAMPLES):
            path = path.parent
        if path.is_dir():
            return cls(path.with_name(path.name.removesuffix(_SAMPLES)))
        match = _NAMED.fullmatch(path.name)
        if match is None or not path.exists():
            raise ImageError(
                f"{path} is not a result of a split: choose NAME_mmse.ome.tif, a folder "
                "NAME_samples or an OME-Zarr folder."
            )
        return cls(path.with_name(match[1]))

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

    def kept_samples(self) -> dict[int, Path]:
        """Return the files of samples by their numbers, in order; OME-TIFF has no axis for them."""
        stems = {
            path: path.name.removesuffix(".ome.tif") for path in self.samples.glob("*.ome.tif")
        }
        return dict(sorted((int(stem), path) for path, stem in stems.items() if stem.isdecimal()))

    def existing(self) -> tuple[Path, ...]:
        """Return what there is, the MMSE first."""
        return tuple(p for p in (self.mmse, self.sigma, self.samples) if p.exists())

    def complete(self, *, n_samples: int, n_kept: int) -> bool:
        """Whether everything is there that a split with so many samples writes."""
        kept = range(1, min(n_samples, n_kept) + 1)
        needed = [self.mmse, *([self.sigma] if n_samples > 1 else []), *map(self.sample, kept)]
        return all(path.exists() for path in needed)

    def _named(self, ending: str) -> Path:
        return self.target.with_name(short_stem(self.target.name) + ending)


def open_split(path: str | PathLike[str]) -> Split:
    """Open the result of a split lazily: MMSE, sigma and samples, as far as they are kept.

    Parameters
    ----------
    path
        Result of a split: an OME-Zarr folder, a folder ``NAME_samples``, or one of the files
        ``NAME_mmse.ome.tif``, ``NAME_sigma.ome.tif``, ``NAME_samples/001.ome.tif``.

    Raises
    ------
    ImageError
        It is no result of a split, or its samples differ in shape.
    """
    path = Path(path)
    if not is_zarr(path):
        return _open_files(path)
    from napari_denoisplit.images.results.zarr_folder import open_zarr_folder  # loads zarr

    return open_zarr_folder(path)


def _open_files(path: Path) -> Split:
    import dask.array  # only to stack what is not read

    files = ResultFiles.of(path)
    samples = files.kept_samples()
    named = {kind: file for kind in ("mmse", "sigma") if (file := getattr(files, kind)).exists()}
    every = [*samples.values(), *named.values()]
    if not every:
        raise ImageError(f"{path} holds no sample, and no MMSE lies beside it. Split again.")
    images = [read_image(file, lazy_above=_LAZY_ABOVE) for file in every]
    first, kept = images[0], images[: len(samples)]
    if any(image.shape != first.shape for image in kept):
        raise ImageError(f"{path}: its samples differ in shape. Split the image again.")
    arrays = {
        kind: image.data
        for kind, image in zip(named, images[len(samples) :], strict=True)
        if (image.shape, image.axes) == (first.shape, first.axes)
    }
    if kept:
        arrays["samples"] = dask.array.stack([dask.array.asarray(image.data) for image in kept])
    record = read_record(every[0]) or {}
    split = Split.of_image(first, record=record, **arrays, name=files.target.name, path=path)
    # Where somebody has taken samples away, it cannot be told which ones are pairs.
    whole = [*samples] == [*range(1, len(samples) + 1)]
    return replace(split, mirrored=split.mirrored and whole)


def write_split(
    split: Split, target: Path, about: Mapping[str, Any] | None = None
) -> tuple[Path, ...]:
    """Write what there is of a split; nothing, if it was stopped before the first sample.

    Returns
    -------
    Files and folders written, the MMSE first. Parameters and errors as of `writing`.
    """
    n_written = sum(1 for _ in writing(split, target, about))
    return ResultFiles(target).existing() if n_written else ()


def writing(split: Split, target: Path, about: Mapping[str, Any] | None = None) -> Iterator[Path]:
    """Write a split file by file; whoever asks for no more files stops it.

    Parameters
    ----------
    split
        What to write: MMSE, sigma (from 2 samples on), samples that were kept.
    target
        Folder and name of the image, without ending. Earlier results of that name are replaced.
    about
        More to keep in the record of how the files were made.

    Yields
    ------
    Each file, before it is written.

    Raises
    ------
    ImageError
        A file cannot be written; what was there before is unchanged.
    """
    if split.stopped_early and split.n_samples == 0:
        return
    files, mmse = ResultFiles(target), split.mmse
    record = json.dumps({**split.provenance, **(about or {})}, default=str)
    kept = () if split.samples is None else split.samples
    for number, sample in enumerate(kept, start=1):
        yield files.sample(number)
        write_image(files.sample(number), replace(mmse, data=sample), description=record)
    _remove_samples_after(files, len(kept))
    if split.sigma_arrays is not None:
        yield files.sigma
        write_image(files.sigma, split.sigma, description=record)
    else:  # one sample has no spread; 0 would be a lie
        files.sigma.unlink(missing_ok=True)
    yield files.mmse
    write_image(files.mmse, mmse, description=record)


def _remove_samples_after(files: ResultFiles, n_kept: int) -> None:
    """Remove samples of an earlier run with more of them: they are not of the new MMSE."""
    for number, path in files.kept_samples().items():
        if number > n_kept:
            path.unlink()
    if files.samples.is_dir() and not any(files.samples.iterdir()):
        files.samples.rmdir()


def read_record(path: Path) -> dict[str, Any] | None:
    """Read how a result or another image was made; None where file or folder does not say."""
    try:
        record = json.loads(_description(path))
    except (*_UNREADABLE, ImageError, RecursionError):  # json.JSONDecodeError is a ValueError
        return None
    return record if isinstance(record, dict) else None


def _description(path: Path) -> str:
    """Text that is kept with an image."""
    if path.is_dir():
        from napari_denoisplit.images.results.zarr_folder import record_of  # takes 0.4 s

        return str(record_of(read_node(path)).get("description", ""))
    with tifffile.TiffFile(path) as file:
        root = ElementTree.fromstring(file.pages.first.description)
    texts = [e.text for e in root.iter() if e.tag.rpartition("}")[2] == "Description"]
    return texts[0] or ""


def is_result(path: Path) -> bool:
    """Whether a file is the result of a split, told by its name and by what it says of itself.

    The name of a Zarr folder says nothing, since its owner has chosen it.
    """
    if path.is_dir() and path.name.endswith(_SAMPLES) and not is_zarr(path):
        path = next(iter(ResultFiles.of(path).kept_samples().values()), path)
    if path.is_dir():
        from napari_denoisplit.images.results.zarr_folder import record_of

        try:
            node = read_node(path)
        except ImageError:
            return False  # reading it as an image says what is wrong
        return PROGRAM in record_of(node)
    named = path.parent.name.endswith(_SAMPLES) or _NAMED.fullmatch(path.name)
    return bool(named) and PROGRAM in (read_record(path) or {})
