"""Files and folders named on the command line."""

from __future__ import annotations

from dataclasses import replace
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, overload

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.errors import ImageError, message_of
from napari_denoisplit.files import short_stem
from napari_denoisplit.images.channels import choose_channels

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.cli.parts.terminal import Terminal
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.noise.models.noise_model import NoiseModel


def read(
    terminal: Terminal,
    path: Path,
    axes: str | None = None,
    series: int | None = None,
    channels: Sequence[str] | None = None,
) -> Image:
    """Read an image, or some of its channels, and say what had to be guessed about it."""
    from napari_denoisplit.images.files.reading import read_image

    return _taken(terminal, read_image(path, axes=axes, series=series), channels)


def _taken(terminal: Terminal, image: Image, channels: Sequence[str] | None) -> Image:
    for note in image.notes:
        terminal.say(note)
    return choose_channels(image, channels) if channels else image


def read_labels(terminal: Terminal, path: Path, axes: str) -> NDArray[np.integer]:
    """Read labels of objects with the axes of a split.

    Raises
    ------
    UsageError
        The pixels are no whole numbers.
    """
    import numpy as np

    found = np.asarray(read(terminal, path).transposed(axes).data)
    if not np.issubdtype(found.dtype, np.integer):
        raise UsageError(f"{path} holds {found.dtype} pixels: labels are whole numbers.")
    return found


def listed(terminal: Terminal, paths: Sequence[Path]) -> list[Path]:
    """Take the images of folders in their place, and each image once.

    Files of an OME set are one image, and so is a file named twice.

    Raises
    ------
    UsageError
        There is no image in a folder.
    """
    from napari_denoisplit.images.files.file_sets import once_each
    from napari_denoisplit.images.files.folders import images_of, is_folder, no_image_in

    files = {path: images_of(path) if is_folder(path) else [path] for path in paths}
    if empty := [path for path in paths if not files[path]]:
        raise UsageError(no_image_in(empty))
    chosen, told = once_each(file for path in paths for file in files[path])
    for note in told.values():
        terminal.say(note)
    return chosen


def read_each(
    terminal: Terminal,
    paths: Sequence[Path],
    axes: str | None = None,
    series: int | None = None,
    channels: Sequence[str] | None = None,
) -> list[Image]:
    """Read images and those of folders, each once, or open them; see `listed`, `read_together`."""
    from napari_denoisplit.images.files.image_file import ImageFile, read_together

    files = [ImageFile(path, axes, series) for path in listed(terminal, paths)]
    return [_taken(terminal, image, channels) for image in read_together(files)]


def read_structures(
    terminal: Terminal, paths: Sequence[Path], *how: Any
) -> list[Image | list[Image]]:
    """Read images to train on: of several folders with single channels each is one structure.

    Its images are put together along T, or stay a list where they differ in size or memory does
    not hold them.

    Raises
    ------
    UsageError
        One file is given for two structures.
    """
    from napari_denoisplit.images.files.folders import is_folder
    from napari_denoisplit.images.training.gathering import fit_in_memory
    from napari_denoisplit.images.training.noise_data import stack_over_time

    if len(paths) < 2 or not any(map(is_folder, paths)):
        images = read_each(terminal, paths, *how)
        if all(image.n_channels == 1 for image in images):
            _check_one_structure_each(paths)
        return list(images)
    groups = [read_each(terminal, [path], *how) for path in paths]
    if any(image.n_channels > 1 for images in groups for image in images):
        return [image for images in groups for image in images]
    found: list[Image | list[Image]] = []
    fit = fit_in_memory(image for images in groups for image in images)
    for path, images in zip(paths, groups, strict=True):
        alike = fit and len({image.transposed("TZYX").shape[1:] for image in images}) == 1
        together = [stack_over_time(images)] if alike else images
        named = [replace(image, name=stem(path), source=path) for image in together]
        found.append(named[0] if alike else named)
    return found


def _check_one_structure_each(paths: Sequence[Path]) -> None:
    for i, path in enumerate(paths):
        if any(path.samefile(other) for other in paths[:i]):
            raise UsageError(
                f"{path} is given twice, and each file of a single channel is a structure: give "
                "the images of the other structure in its place."
            )


def read_noise_models(terminal: Terminal, paths: Sequence[Path]) -> list[NoiseModel]:
    """Read noise models, and warn of those that were found not to be used."""
    from napari_denoisplit.noise.files.noise_file import read_noise_model  # imports torch

    models = [read_noise_model(path) for path in paths]
    for path, model in zip(paths, models, strict=True):
        verdict = model.record.verdict
        if verdict is not None and verdict.grade == "do not use":
            terminal.say(f"warning: {path}: {verdict.headline}")
    return models


@overload
def parse_region(text: str) -> PlaneRegion: ...


@overload
def parse_region(text: str | None) -> PlaneRegion | None: ...


def parse_region(text: str | None) -> PlaneRegion | None:
    """Read 'Y0:Y1,X0:X1'; an end left out is the image's own, and None is all of it."""
    from napari_denoisplit.images.plane_region import PlaneRegion

    try:
        return None if text is None else PlaneRegion.parse(text)
    except ImageError as error:
        raise UsageError(f"--region {text!r}: {error}") from error


def plane_of(split: Split, time: int | None, depth: int | None) -> tuple[int, ...]:
    """Index of the plane along the axes that there are; the first where nothing was asked.

    Raises
    ------
    UsageError
        There is no such axis.
    """
    asked = {"T": time, "Z": depth}
    for axis, option in (("T", "--time"), ("Z", "--depth")):
        if asked[axis] is not None and axis not in split.axes:
            raise UsageError(f"{split.name!r} has no axis {axis}. Leave {option} out.")
    return tuple((asked.get(axis) or 1) - 1 for axis in split.axes[:-2])


def stem(path: Path) -> str:
    """Name of an image file without .tif or .ome.tif."""
    return path.name.removesuffix(path.suffix).removesuffix(".ome").removesuffix(".OME")


def results_of(paths: Sequence[Path], output: Path, ending: str) -> dict[Path, Path]:
    """File in the folder `output` that each image's result is written to.

    Raises
    ------
    UsageError
        The folder is a file or cannot be written, or two images would have the same result.
    """
    check_folder(output)
    check_writable(output / "result")
    targets = {path: output / f"{short_stem(stem(path))}{ending}" for path in paths}
    taken: dict[str, Path] = {}
    for path, target in targets.items():
        # What differs in case alone is one file on some systems.
        if (other := taken.setdefault(target.name.casefold(), path)) != path:
            raise UsageError(
                f"{other} and {path} would both be written to {target}. Use two runs with "
                "different --output folders."
            )
    return targets


def check_folder(output: Path) -> None:
    """Refuse a folder for results that is a file, or is named like one."""
    if not output.exists() and output.suffix.lower() in {".tif", ".tiff"}:
        raise UsageError(f"--output {output} is named like a file. Name a folder for the results.")
    if output.exists() and not output.is_dir():
        raise UsageError(f"--output {output} is a file. Name a folder for the results.")


def check_writable(file: Path) -> None:
    """Refuse a file that cannot be made, before the work; and leave nothing behind."""
    folder = file.absolute().parent
    there = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UsageError(
            f"{file} cannot be written ({message_of(error)}). Name a folder that may be written to."
        ) from error


def check_targets(*files: Path, overwrite: bool) -> None:
    """Refuse files that exist, unless they are to be replaced, and files that cannot be made."""
    if found := [str(file) for file in files if file.exists() and not overwrite]:
        raise UsageError(f"{', '.join(found)} exists. Choose another name, or add --overwrite.")
    for file in files:
        check_writable(file)


def check_image_name(output: Path) -> None:
    """Refuse a name that no image is written under."""
    if output.suffix.lower() not in {".tif", ".tiff", ".zarr"}:
        raise UsageError(f"Images end in .ome.tif or .ome.zarr. Rename --output {output}.")


def check_model_name(output: Path) -> None:
    """Refuse a name that is none of a model file."""
    from napari_denoisplit.sealed_file import SUFFIX

    if output.suffix != SUFFIX:
        raise UsageError(
            f"Model files end in {SUFFIX}. Rename --output {output} to "
            f"{output.with_suffix(SUFFIX)}."
        )
