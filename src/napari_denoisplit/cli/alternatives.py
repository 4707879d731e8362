"""The command that sorts the samples of a region into alternatives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import Field

from napari_denoisplit import __version__
from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.cli.parts.files import (
    check_image_name,
    check_targets,
    parse_region,
    plane_of,
)
from napari_denoisplit.cli.parts.terminal import Terminal

if TYPE_CHECKING:
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.measures.samples.interpretations import Interpretations

FromOne = Annotated[int | None, Field(ge=1)]


def alternatives(
    samples: Path,
    output: Path,
    *,
    region: str,
    n_alternatives: Annotated[int | None, Field(ge=2)] = None,
    bandwidth: Annotated[float | None, Field(ge=0)] = None,
    time: FromOne = None,
    depth: FromOne = None,
    overwrite: bool = False,
) -> None:
    """Sort the posterior samples of a small region into the few alternatives they fall into.

    Each is the mean of its samples; the share of samples behind it is said, and how much of their
    variance lies between the alternatives, beside what mere spread would show.

    denoisplit alternatives results/cells_samples answers.ome.tif --region 100:140,50:90

    Parameters
    ----------
    samples
        Result of a split with samples, as 'denoisplit split --keep-samples' writes it:
        NAME_samples, NAME_mmse.ome.tif, or an OME-Zarr folder.
    output
        OME-TIFF to write: one alternative after the other along T, the best supported first, a
        channel for each structure.
    region
        Y0:Y1,X0:X1 in pixels, 2 to 256 along each edge, as in 100:140,50:90.
    n_alternatives
        How many; left out, 3.
    bandwidth
        As many as lie farther apart than this, in grey levels, by mean shift as DivNoising
        published it: 800, of 10,000 samples.
    time
        Which time point, from 1.
    depth
        Which plane along z, from 1.
    """
    if n_alternatives is not None and bandwidth is not None:
        raise UsageError("--bandwidth finds how many alternatives there are: leave --number out.")
    check_image_name(output)
    check_targets(output, overwrite=overwrite)
    from napari_denoisplit.images.files.writing import write_image
    from napari_denoisplit.images.results.files import open_split
    from napari_denoisplit.jobs.trust.alternatives import ALTERNATIVES, alternatives_job

    terminal, part = Terminal(), parse_region(region)
    split = open_split(samples)
    job = alternatives_job(
        split,
        part,
        plane_of(split, time, depth),
        n_alternatives=n_alternatives or ALTERNATIVES,
        bandwidth=bandwidth,
        stop=terminal.stop,
    )
    found = terminal.run(job, output.name)
    record = {
        "made_with": f"napari-denoisplit {__version__}",
        "samples": str(samples),
        "region": str(part),
        "bandwidth": bandwidth,
        "supports": [answer.support for answer in found.answers],
        "nearest_samples": [answer.sample + 1 for answer in found.answers],
        "separation": found.separation,
        "separation_by_chance": found.by_chance,
    }
    write_image(output, _image(split, part, found), description=json.dumps(record))
    terminal.say(found.summary)
    typer.echo(str(output))
    terminal.end()


def _image(split: Split, region: PlaneRegion, found: Interpretations) -> Image:
    """Alternatives along T, where the region lies."""
    import numpy as np

    from napari_denoisplit.images.image import Image

    plane = np.broadcast_to(np.float32(0), split.plane_shape)
    place = (split.pixel_size, split.units)
    there = region.cut(Image(plane, "YX", *place, split.structures[:1], origin=split.origin))
    pixels = np.stack([answer.mean for answer in found.answers])
    return replace(there, data=pixels, axes="TCYX", channel_names=split.structures)
