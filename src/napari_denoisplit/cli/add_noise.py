"""The command that adds synthetic noise to clean images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from pydantic import Field

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import check_targets, listed, read, results_of
from napari_denoisplit.cli.parts.options import Series
from napari_denoisplit.cli.parts.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_denoisplit.images.image import Image

Level = Annotated[float, Field(ge=0)]


def add_noise(
    images: list[Path],
    *,
    output: Path,
    gaussian: Level = 1.0,
    sigma: Annotated[float | None, Field(ge=0)] = None,
    poisson: Level = 0.0,
    seed: Annotated[int, Field(ge=0)] = 0,
    overwrite: bool = False,
    axes: str | None = None,
    series: Series = None,
) -> None:
    """Add the noise of a camera to clean images, as the papers made their data.

    Shot noise comes first, then Gaussian noise of one sigma for all that is given: a multiple of
    the standard deviation of the clean superposition, the average of the structures.

    denoisplit add-noise er.tif microtubules.tif -o noisy --gaussian 1.5 --poisson 1000

    Parameters
    ----------
    images
        Clean images: one file per structure, of the same fields, or files that hold every
        structure as a channel.
    output
        Folder for NAME_noisy.ome.tif.
    gaussian
        Sigma of the Gaussian noise as a multiple of the standard deviation of the clean
        superposition; published are 1, 1.5, 2 and 4.
    sigma
        The same in grey levels, in place of --gaussian.
    poisson
        Grey levels of one photon; 0 adds no shot noise, published is 1000.
    seed
        Seed of the noise of the first file; each further file has the next.
    """
    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.phantom.synthetic_noise import add_noise as noisy

    terminal = Terminal()
    targets = results_of(listed(terminal, images), output, "_noisy.ome.tif")
    check_targets(*targets.values(), overwrite=overwrite)
    # Without one of its structures a superposition would have another sigma: then none is made.
    clean = {} if sigma is not None else {p: read(terminal, p, axes, series) for p in targets}
    level = gaussian * _spread(list(clean.values())) if sigma is None else sigma
    terminal.say(f"Gaussian noise of {level:.5g} grey levels")
    how = f"synthetic noise: sigma {level:.7g}, poisson {poisson:g}"
    seeds = {path: seed + i for i, path in enumerate(targets)}

    def written(path: Path) -> Path:
        image = clean[path] if path in clean else read(terminal, path, axes, series)
        stack = image.transposed("TZCYX")
        channels = np.asarray(stack.data).reshape(-1, *stack.shape[2:])
        data = noisy(channels, poisson=poisson, sigma=level, seed=seeds[path])
        result = replace(stack, data=data.reshape(stack.shape)).transposed(image.axes)
        write_image(targets[path], result, description=f"{how}, seed {seeds[path]}")
        return targets[path]

    for target in terminal.each(list(targets), written):
        typer.echo(str(target))
    terminal.end()


def _spread(images: Sequence[Image]) -> float:
    """Measure the standard deviation of the clean superpositions, grey levels."""
    stacks = [np.asarray(image.transposed("TZCYX").data) for image in images]
    if len(stacks) > 1 and all(image.n_channels == 1 for image in images):
        if len({stack.shape for stack in stacks}) > 1:
            raise UsageError(
                "The files differ in size, so that they are no structures of the same fields: "
                "give --sigma."
            )
        stacks = [np.concatenate(stacks, axis=2)]
    mixed = [np.mean(stack, axis=2, dtype=np.float64).ravel() for stack in stacks]
    return float(np.concatenate(mixed).std())
