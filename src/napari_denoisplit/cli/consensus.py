"""The commands that ask what posterior samples agree on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import check_folder, structure_index
from napari_denoisplit.cli.parts.terminal import Terminal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image

SamplesArgument = Annotated[
    Path,
    typer.Argument(
        help="Folder NAME_samples with the samples of one image, as 'denoisplit split "
        "--keep-samples' writes it.",
    ),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="Folder for the results; left out, beside the samples."),
]
StructureOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Structure to segment: its name, or its number from 1; give the option once for each. "
        "Left out, all.",
    ),
]
LeastOption = Annotated[int, typer.Option(min=1, help="Smaller objects are left out, pixels.")]
MapOption = Annotated[
    bool,
    typer.Option(
        "--map/--no-map",
        help="Also write the approximate MAP, which takes sides where the MMSE compromises; needs "
        "5 samples.",
    ),
]


def consensus(
    samples: SamplesArgument,
    output: OutputOption = None,
    structure: StructureOption = None,
    least_pixels: LeastOption = 20,
    most_probable: MapOption = True,
) -> None:
    """Segment what posterior samples agree on, and find the most probable image.

    Of each structure this writes NAME_STRUCTURE_consensus.ome.tif, objects that more than half of
    the samples see (0 is background), NAME_STRUCTURE_confidence.ome.tif, the share of samples that
    see a pixel as foreground, and NAME_STRUCTURE_objects.csv, the mean of each object with its
    interval over the samples; and NAME_map.ome.tif.

    denoisplit consensus results/cells_samples
    """
    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.results.files import open_split

    terminal = Terminal()
    first, stack, axes = _read(samples)
    mirrored = open_split(samples).mirrored
    folder = output or samples.parent
    check_folder(folder)
    name = samples.name.removesuffix("_samples")
    names = first.channel_names or tuple(str(c + 1) for c in range(first.n_channels))
    chosen = [structure_index(names, one) for one in structure or names]

    record = json.dumps({"samples": str(samples), "n_samples": len(stack)})
    if most_probable and len(stack) >= 5:
        from napari_denoisplit.jobs.trust.consensus import map_job

        mode = terminal.run(map_job(stack, stop=terminal.stop), "MAP")
        path = folder / f"{name}_map.ome.tif"
        write_image(
            path, replace(first, data=mode, axes=axes).transposed(first.axes), description=record
        )
        typer.echo(str(path))
    for c in chosen:
        if terminal.interrupted:
            break
        target = folder / f"{name}_{names[c]}"
        _segment(
            terminal,
            stack[:, c],
            replace(first, data=stack[0, c], axes=axes[1:], channel_names=()),
            target,
            least_pixels,
            record,
            mirrored=mirrored,
        )
    terminal.end()


def _segment(
    terminal: Terminal,
    samples: NDArray[np.float32],
    like: Image,
    target: Path,
    least_pixels: int,
    record: str,
    *,
    mirrored: bool,
) -> None:
    import numpy as np

    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.jobs.trust.consensus import consensus_job
    from napari_denoisplit.measures.samples.objects import summarize_objects, write_objects

    found = terminal.run(
        consensus_job(samples, least_pixels=least_pixels, stop=terminal.stop), target.name
    )
    terminal.say(f"{target.name}: {found.summary}")
    for ending, data in (("consensus", found.labels), ("confidence", found.confidence)):
        path = target.with_name(f"{target.name}_{ending}.ome.tif")
        write_image(path, replace(like, data=data), description=record)
        typer.echo(str(path))
    mean = samples.mean(axis=0)
    sure = np.nan_to_num(found.confidence) >= 0.95
    table = target.with_name(f"{target.name}_objects.csv")
    objects = summarize_objects(found.labels, mean, None, sure, samples, mirrored=mirrored)
    write_objects(table, objects)
    typer.echo(str(table))


def _read(folder: Path) -> tuple[Image, NDArray[np.float32], str]:
    """Read all samples (K, C, ..., Y, X), and the axes behind K."""
    import numpy as np

    from napari_denoisplit.images.files.reading import read_image

    paths = sorted(folder.glob("*.ome.tif")) if folder.is_dir() else []
    paths.sort(key=lambda path: (len(path.name), path.name))  # 1000 after 999
    if len(paths) < 2:
        raise UsageError(
            f"{folder} holds {len(paths)} samples. Name a folder NAME_samples with two or more, as "
            "'denoisplit split --keep-samples 10' writes it."
        )
    first = read_image(paths[0])
    axes = "C" + "".join(a for a in first.axes if a != "C")
    images = (read_image(path).transposed(axes) for path in paths)
    stack = np.empty((len(paths), *first.transposed(axes).shape), np.float32)
    for path, image, place in zip(paths, images, stack, strict=True):
        if image.shape != place.shape:
            raise UsageError(
                f"{path} has shape {image.shape}, {paths[0].name} {place.shape}: the samples of a "
                "result have one shape. Split the image again."
            )
        place[:] = image.data
    return first, stack, axes
