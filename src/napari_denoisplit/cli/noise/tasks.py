"""Channels of images that get a noise model each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.images.channels import channel_titles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.training.noise_data import NoiseData
    from napari_denoisplit.settings import NoiseSource


@dataclass(frozen=True, slots=True, eq=False)
class NoiseTask:
    """One channel of one image."""

    data: NoiseData
    part: str
    """What sets it apart from the others of the same call, for names of files; '' if alone."""

    def path(self, path: Path) -> Path:
        """Name of the file of this channel, given the one that the user named."""
        return path.with_name(f"{path.stem}-{self.part}{path.suffix}") if self.part else path

    def of_files(self, paths: Sequence[Path]) -> NoiseTask:
        """Return the same task, its data known to come from these files."""
        return replace(self, data=replace(self.data, files=tuple(map(str, paths))))


def choose_source(
    asked: NoiseSource | None, *, has_clean: bool, repeats: bool
) -> tuple[NoiseSource, str]:
    """Return where the signal comes from, and why, in words ('' where the user said so)."""
    if repeats and asked not in (None, "repeats"):
        raise UsageError(f"--repeats and --from {asked} exclude each other. Give one of them.")
    if has_clean != (asked == "pairs") and (asked or repeats):
        raise UsageError(
            "--clean gives the signal itself. Take --from pairs, or leave --from and --repeats out."
            if has_clean
            else "--from pairs needs the clean images. Name them with --clean."
        )
    if asked or repeats:
        return asked or "repeats", ""
    if has_clean:
        return "pairs", "clean images were given"
    return "single", "neither --clean nor --repeats was given"


def noise_tasks(
    images: Sequence[Image],
    clean: Sequence[Image],
    source: NoiseSource,
) -> list[NoiseTask]:
    """Return every channel of every image.

    Parameters
    ----------
    images
        Noisy images.
    clean
        None, or one for each image.
    source
        Where the signal comes from.
    """
    if clean and len(clean) != len(images):
        raise UsageError(
            f"--clean is given {len(clean)} time(s) for {len(images)} noisy image(s). Give one "
            "for each, in their order."
        )
    tasks = []
    for number, image in enumerate(images):
        for index in range(image.n_channels):
            words = [image.name] if len(images) > 1 else []
            if image.n_channels > 1:
                words.append(channel_titles(image)[index])
            data = _noise_data(image, source, index, clean[number] if clean else None)
            tasks.append(NoiseTask(data, "-".join(map(_for_files, words))))
    _check_distinct(tasks)
    return tasks


def _noise_data(image: Image, source: NoiseSource, channel: int, clean: Image | None) -> NoiseData:
    from napari_denoisplit.images.training.noise_data import NoiseData

    data = NoiseData.from_image(image, source, channel=channel, clean=clean)
    if image.n_channels > 1 and not image.channel_names:
        return replace(data, name=f"{image.name}, {channel_titles(image)[channel]}")
    return data


def _for_files(name: str) -> str:
    """Return a name without the signs that some file system or shell does not take."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)


def _check_distinct(tasks: Sequence[NoiseTask]) -> None:
    first: dict[str, NoiseTask] = {}
    for task in tasks:
        other = first.setdefault(task.part.casefold(), task)
        if other is not task:
            raise UsageError(
                f"{other.data.name!r} of {', '.join(other.data.files)} and {task.data.name!r} of "
                f"{', '.join(task.data.files)} would have the same file. Fit them in two runs, "
                "or choose one with --channel."
            )
