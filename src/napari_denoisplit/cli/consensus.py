"""The command that segments what posterior samples agree on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import check_folder, check_writable, read_labels
from napari_denoisplit.cli.parts.terminal import Terminal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.results.split import Split


def consensus(
    samples: Path,
    *,
    output: Path | None = None,
    structure: list[str] | None = None,
    least_pixels: Annotated[int, Field(ge=1)] = 20,
    most_probable: bool = True,
    published: bool = False,
    truth: Path | None = None,
) -> None:
    """Segment what posterior samples agree on, and find the most probable image.

    Of each structure this writes NAME_STRUCTURE_consensus.ome.tif, objects that more than half of
    the samples see (0 is background), NAME_STRUCTURE_confidence.ome.tif, the share of samples that
    see a pixel as foreground, and NAME_STRUCTURE_objects.csv, the mean of each object with its
    interval over the samples; and NAME_map.ome.tif.

    denoisplit consensus results/cells_samples

    Parameters
    ----------
    samples
        Result of a split with samples, as 'denoisplit split --keep-samples' writes it:
        NAME_samples, NAME_mmse.ome.tif, or an OME-Zarr folder.
    output
        Folder for the results; left out, beside the samples.
    structure
        Structure to segment: its name, or its number from 1; give the option once for each. Left
        out, all.
    least_pixels
        Smaller objects are left out, pixels.
    most_probable
        Also write the approximate MAP, which takes sides where the MMSE compromises; needs 5
        samples.
    published
        Consensus as DivNoising published it: each sample is thresholded, the space between its
        masks thinned to lines, and the average of all segmented once more so.
    truth
        True objects of the structure, an image of labels (0 is background), to score the consensus
        by: F1, Jaccard index and average precision.
    """
    from napari_denoisplit.images.results.files import open_split

    folder = output or samples.parent
    check_folder(folder)
    check_writable(folder / samples.name)
    terminal = Terminal()
    split = open_split(samples)
    split.need_samples(2)
    chosen = [split.index_of(one) for one in structure or split.structures]
    if truth is not None and len(chosen) > 1:
        raise UsageError(
            f"--truth holds the objects of one structure: name it with --structure, one of "
            f"{', '.join(split.structures)}."
        )
    true = None if truth is None else read_labels(terminal, truth, split.axes)
    record = json.dumps({"samples": str(samples), "n_samples": split.n_kept})
    if most_probable and split.n_kept >= 5:
        from napari_denoisplit.jobs.trust.consensus import map_job

        mode = terminal.run(map_job(split, stop=terminal.stop), "MAP")
        _write(folder / f"{split.name}_map.ome.tif", replace(split, mmse_arrays=mode).mmse, record)
    for c in chosen:
        if terminal.interrupted:
            break
        target = folder / f"{split.name}_{split.structures[c]}"
        labels = _segment(terminal, split, c, target, least_pixels, published, record)
        if true is not None and not terminal.interrupted:
            _score(true, labels)
    terminal.end()


def _segment(
    terminal: Terminal,
    split: Split,
    c: int,
    target: Path,
    least_pixels: int,
    published: bool,
    record: str,
) -> NDArray[np.int32]:
    """Segment one structure, write what was found, and return its labels."""
    import numpy as np

    from napari_denoisplit.jobs.trust.consensus import consensus_job
    from napari_denoisplit.measures.samples.objects import summarize_objects, write_objects

    job = consensus_job(
        split, c, least_pixels=least_pixels, published=published, stop=terminal.stop
    )
    found = terminal.run(job, target.name)
    terminal.say(f"{target.name}: {found.summary}")
    like = split.mmse.channel(c)
    for ending, data in (("consensus", found.labels), ("confidence", found.confidence)):
        path = target.with_name(f"{target.name}_{ending}.ome.tif")
        _write(path, replace(like, data=data, channel_names=()), record)
    sure = np.nan_to_num(found.confidence) >= 0.95
    table = target.with_name(f"{target.name}_objects.csv")
    sigma = None if split.sigma_arrays is None else np.asarray(split.sigma_arrays[c])
    samples, mean = split.need_samples()[c], np.asarray(like.data)
    objects = summarize_objects(found.labels, mean, sigma, sure, samples, mirrored=split.mirrored)
    write_objects(table, objects)
    typer.echo(str(table))
    return found.labels


def _score(truth: NDArray[np.integer], labels: NDArray[np.int32]) -> None:
    from napari_denoisplit.measures.samples.matching import score_objects

    try:
        score = score_objects(truth, labels)
    except ValueError as error:
        raise UsageError(f"The consensus cannot be scored: {error}.") from error
    typer.echo(
        f"{score.n_found} objects, {score.n_true} true ones: F1 {score.f1:.3f}, Jaccard "
        f"{score.jaccard:.3f}, average precision {score.average_precision:.3f} (mean over IoU of "
        f"0.5 to 0.95: {score.mean_average_precision:.3f})"
    )


def _write(path: Path, image: Image, record: str) -> None:
    from napari_denoisplit.images.files.writing import write_image

    write_image(path, image, description=record)
    typer.echo(str(path))
