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
    import numpy as np

    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.results.files import open_split

    folder = output or samples.parent
    check_folder(folder)
    terminal = Terminal()
    split = open_split(samples)
    if split.sample_arrays is None or split.n_kept < 2:
        raise UsageError(
            f"{samples} holds {split.n_kept} samples; two are needed. Split the image again with "
            "--keep-samples 10."
        )
    chosen = [structure_index(split.structures, one) for one in structure or split.structures]
    like, record = split.mmse, json.dumps({"samples": str(samples), "n_samples": split.n_kept})
    read = [np.asarray(array) for array in split.sample_arrays]
    stack = np.stack(read, axis=1)  # (K, C, ..., Y, X)
    if most_probable and split.n_kept >= 5:
        from napari_denoisplit.jobs.trust.consensus import map_job

        mode = terminal.run(map_job(stack, stop=terminal.stop), "MAP")
        path = folder / f"{split.name}_map.ome.tif"
        image = replace(like, data=mode, axes="C" + split.axes).transposed(like.axes)
        write_image(path, image, description=record)
        typer.echo(str(path))
    for c in chosen:
        if terminal.interrupted:
            break
        _segment(
            terminal,
            stack[:, c],
            replace(like, data=stack[0, c], axes=split.axes, channel_names=()),
            folder / f"{split.name}_{split.structures[c]}",
            least_pixels,
            record,
            mirrored=split.mirrored,
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
