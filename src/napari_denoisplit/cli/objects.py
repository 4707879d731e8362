"""The command that sums up objects of a result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from napari_denoisplit.cli.parts.files import check_writable, read_labels
from napari_denoisplit.cli.parts.options import with_settings
from napari_denoisplit.cli.parts.terminal import Terminal
from napari_denoisplit.settings import ObjectSettings


@with_settings(ObjectSettings, "limit background least_pixels")
def objects(
    result: Path, output: Path, *, structure: str = "1", labels: Path | None = None, **chosen: Any
) -> None:
    """Measure objects: their means with 95% intervals, and how far each can be trusted.

    The interval is that of the samples' means over an object, so that errors that neighbouring
    pixels share are in it. Split with --keep-samples 10 or more. An existing table is replaced.

    denoisplit objects results/cells_mmse.ome.tif nuclei.csv --structure nuclei --labels nuclei.tif

    Parameters
    ----------
    result
        Result of a split with samples: an OME-Zarr folder, NAME_mmse.ome.tif, or NAME_samples.
    output
        The table, .csv.
    structure
        Structure to sum up: its name, or its number from 1.
    labels
        Labels image of the same size, 0 outside of objects; left out, the connected parts of the
        trust mask are the objects.
    """
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.jobs.trust.objects import objects_job
    from napari_denoisplit.measures.samples.objects import write_objects

    check_writable(output)
    terminal = Terminal()
    split = open_split(result)
    job = objects_job(
        split,
        structure,
        ObjectSettings(**chosen),
        labels=None if labels is None else read_labels(terminal, labels, split.axes),
        stop=terminal.stop,
    )
    found = terminal.run(job, output.name)
    write_objects(output, found.objects)
    terminal.say(f"{split.structures[split.index_of(structure)]}: {found.summary}")
    typer.echo(str(output))
    terminal.end()
