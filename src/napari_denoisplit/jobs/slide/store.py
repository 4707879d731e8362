"""The OME-Zarr folder that a slide is split into: MMSE, sigma and samples side by side.

    out.zarr/            a collection (bioformats2raw layout): napari and Fiji list its images
        mmse/            one image each, with pyramid, one channel per structure
        sigma/
        samples/000/ ...
        block-0.safetensors  samples so far of a block that was stopped, until it goes on

Blocks are the files (shards) of these images, so that no two processes ever write one file. Which
blocks are done is read from the files themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import zarr
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.files import replacing
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.images.zarr.layout import KEY, OmeZarrLayout, new_group
from napari_denoisplit.images.zarr.ngff import VERSION
from napari_denoisplit.images.zarr.nodes import image_name
from napari_denoisplit.images.zarr.writer import OmeZarrWriter
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.sampling.blocks import Block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import JsonValue

    from napari_denoisplit.calibration_record import CalibrationRecord
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.zarr.regions import Region, RegionGrid
    from napari_denoisplit.sampling.blocks import BlockSplit, State
    from napari_denoisplit.sampling.focus import Focus

CHUNK = 256
"""Edge of what is compressed together within a block: what a viewer reads at least."""


class SlideStore:
    """Result of a split on disk, made block by block.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    ImageError
        There is no such result.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            about: Any = zarr.open_group(path, mode="r").attrs[KEY]
            self.plan: dict[str, JsonValue] = about["plan"]
            self.provenance: dict[str, JsonValue] = about["provenance"]
            self.names: list[str] = about["images"]
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise ImageError(
                f"{path} exists and is not the result of a split: choose another name."
            ) from error
        self._writers = {name: OmeZarrWriter.resume(path / name) for name in self.names}
        region = self.plan.get("region")  # results of earlier versions are of whole images
        part = PlaneRegion.parse(region) if isinstance(region, str) else None
        self._corner = (0, 0) if part is None else (part.y[0], part.x[0])

    @classmethod
    def create(
        cls,
        path: Path,
        view: Image,
        channel_names: tuple[str, ...],
        *,
        block_size: int,
        n_kept: int,
        with_sigma: bool,
        plan: Mapping[str, JsonValue],
        provenance: Mapping[str, JsonValue],
    ) -> Self:
        """Make an empty result; one that was there is replaced.

        Parameters
        ----------
        path
            Folder to make.
        view
            The superposition without a channel axis, or the part of it that the plan names.
        channel_names
            The structures.
        block_size
            Edge of a block, a multiple of 64.
        n_kept
            Samples to keep.
        with_sigma
            Whether there is a sigma; a single sample has none.
        plan
            What decides the pixels; a run that goes on must have the same.
        provenance
            What else a reader may want to know.

        Raises
        ------
        ImageError
            The folder cannot be made, or is something else than a Zarr folder.
        """
        names = ["mmse", *(["sigma"] if with_sigma else [])]
        names += [f"samples/{k:03d}" for k in range(n_kept)]
        axes = "".join(a for a in AXES if a in view.axes or a == "C")
        shape = tuple(len(channel_names) if a == "C" else view.size(a) for a in axes)
        about = {"images": names, "plan": dict(plan), "provenance": dict(provenance)}
        with new_group(path, overwrite=True) as (temporary, root):
            _describe_collection(root, names, about)
            for name in names:
                layout = OmeZarrLayout(
                    shape=shape,
                    axes=axes,
                    pixel_size=view.pixel_size,
                    units=view.units,
                    origin=view.origin,
                    channel_names=channel_names,
                    chunk=_chunk(block_size),
                    shard=block_size,
                    provenance={"kind": name, **plan, **provenance},
                )
                title = f"{image_name(path)} {name}"
                OmeZarrWriter.create(temporary / name, layout, name=title)
        return cls(path)

    def check(self, plan: Mapping[str, JsonValue]) -> None:
        """Refuse to go on with another plan.

        Raises
        ------
        JobError
            Names what differs.
        """
        differing = [
            f"{name.replace('_', ' ')} {_shown(self.plan.get(name))} there, {_shown(value)} here"
            for name, value in plan.items()
            if self.plan.get(name) != value
        ]
        if differing:
            raise JobError(
                f"{self.path} was begun with something else ({'; '.join(differing)}): use the same "
                "to go on, choose another name, or replace it by a new run."
            )

    @property
    def sizes(self) -> tuple[int, int | None]:
        """Edges of a block, and of the tiles within it; None is one tile."""
        return sizes_of(self.plan)

    @property
    def complete(self) -> bool:
        """Whether all is written, pyramids included."""
        return all(writer.complete for writer in self._writers.values())

    @property
    def regions(self) -> RegionGrid:
        """Blocks as regions of each image."""
        return self._writers["mmse"].regions

    def done(self, region: Region) -> bool:
        """Whether a block is there in every image."""
        return all(writer.done(region) for writer in self._writers.values())

    @property
    def how_far(self) -> str:
        """How much of it is there, e.g. '2 of 6 blocks are there, with samples of another'."""
        n_blocks = len(self.regions)
        begun = any(self._put_down(number).exists() for number in range(n_blocks))
        done = f"{n_blocks - len(self.missing())} of {n_blocks} blocks are there"
        return f"{done}, with samples of another" if begun else done

    def missing(self) -> list[int]:
        """Numbers of the blocks that are not done."""
        return [number for number, region in enumerate(self.regions) if not self.done(region)]

    def block(self, number: int) -> Block:
        """Where a block lies in the superposition."""
        region = self.regions[number]
        axes = self._writers["mmse"].axes
        plane = tuple(n for n, a in zip(region.start, axes, strict=True) if a not in "CYX")
        y, x = (
            (first + corner, last + corner)
            for first, last, corner in zip(
                region.start[-2:], region.stop[-2:], self._corner, strict=True
            )
        )
        return Block(plane, y, x)

    def write(self, number: int, split: BlockSplit, calibration: CalibrationRecord | None) -> None:
        """Write one block.

        Parameters
        ----------
        number
            Of the block.
        split
            What was found there.
        calibration
            Of the model.

        Raises
        ------
        ImageError
            The disk is full or cannot be written.
        """
        region = self.regions[number]
        pixels = {"mmse": split.mmse, "sigma": sigma_of(split.spread, calibration)}
        pixels |= {f"samples/{k:03d}": sample for k, sample in enumerate(split.samples)}
        # The MMSE last, so that whoever looks at it finds the rest.
        for name in reversed(self.names):
            # T and Z, of length 1 in a region, lie before and between C and (Y, X).
            self._writers[name].write(region, pixels[name].reshape(region.shape))

        self._put_down(number).unlink(missing_ok=True)

    def _put_down(self, number: int) -> Path:
        return self.path / f"block-{number}.safetensors"

    def put_down(self, number: int, samples: State) -> None:
        """Keep the samples so far of a block that was stopped.

        Raises
        ------
        ImageError
            The disk is full or cannot be written.
        """
        file = self._put_down(number)
        try:
            # Whoever stops does not wait for the disk; what a power cut spoils, `begun` tells.
            with replacing(file, durable=False) as temporary:
                save_file(samples, temporary)
        except (OSError, SafetensorError) as error:
            raise ImageError(
                f"{file} could not be written ({error}): the samples of the block that was stopped "
                "are lost, complete blocks are kept. Make space, then run the same again."
            ) from error

    def begun(self, number: int) -> State | None:
        """Return the samples that an earlier run had of a block; None: it had none.

        Raises
        ------
        ImageError
            They cannot be read.
        """
        file = self._put_down(number)
        if not file.exists():
            return None
        try:
            return load_file(file)
        except (OSError, SafetensorError) as error:
            raise ImageError(
                f"{file} cannot be read ({error}): delete it, and its block is sampled anew."
            ) from error

    def finishing(self) -> Iterator[float]:
        """Make the pyramids; yield the share done, 0 to 1."""
        for i, name in enumerate(self.names):
            for number, total in self._writers[name].finishing():
                yield (i + number / total) / len(self.names)


def sizes_of(plan: Mapping[str, JsonValue]) -> tuple[int, int | None]:
    """Edges of a block, and of the tiles within it, as a plan says them; None is one tile."""
    return cast("int", plan["block_size"]), cast("int | None", plan["tile_size"])


def _describe_collection(root: zarr.Group, names: Sequence[str], about: dict[str, Any]) -> None:
    """Say which images are in the folder."""
    root.update_attributes({"ome": {"version": VERSION, "bioformats2raw.layout": 3}, KEY: about})
    listing = root.create_group("OME")
    listing.update_attributes({"ome": {"version": VERSION, "series": list(names)}})
    if any("/" in name for name in names):
        root.create_group("samples")


def _chunk(block_size: int) -> int:
    """Largest edge of a chunk that divides a block."""
    return int(np.gcd(block_size, CHUNK)) if block_size > CHUNK else block_size


def _shown(value: JsonValue) -> str:
    """Value in a message: hashes by their beginning."""
    return f"{value[:8]}..." if isinstance(value, str) and len(value) == 64 else repr(value)


def blocks_from(store: SlideStore, numbers: Sequence[int], view: Focus | None) -> list[int]:
    """Sort blocks by their distance from what is in view.

    Parameters
    ----------
    store
        Where the blocks go.
    numbers
        Of blocks; their order holds where nothing is in view, and between equally near ones.
    view
        What is in view; None where nothing is.

    Returns
    -------
    The same numbers: first the planes nearest to the one in view; of a plane, the blocks nearest
    to the middle of the view.
    """
    if view is None:
        return list(numbers)
    middle_y, middle_x = sum(view.y) / 2, sum(view.x) / 2

    def rank(number: int) -> tuple[int, float]:
        """Planes away, and the square of the distance within the plane."""
        block = store.block(number)
        steps = sum(abs(a - b) for a, b in zip(block.plane, view.plane, strict=False))
        dy, dx = _gap(block.y, middle_y), _gap(block.x, middle_x)
        return steps, dy * dy + dx * dx

    return sorted(numbers, key=rank)


def _gap(span: tuple[int, int], middle: float) -> float:
    """Distance from the middle of a block."""
    return sum(span) / 2 - middle
