"""Memory and disk that a split will take, in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_denoisplit.wording import gib

if TYPE_CHECKING:
    from collections.abc import Sequence

SHARE_FOR_RESULTS = 0.8
"""Of the free memory; `split_job` refuses to fill more of it with results."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What splitting an image will take, and how it is cut."""

    n_samples: int
    kept_samples: int
    n_planes: int
    free_memory: float
    """Bytes of memory that are free now."""
    computed_on: str
    """Device and precision, e.g. 'cpu, bfloat16'."""
    memory: float = 0.0
    """Bytes that sampling takes at most, on the device."""
    memory_in_work: float = 0.0
    """Part of `memory` that whole planes take in a split in memory, tiles or not, bytes."""
    memory_for_results: float = 0.0
    """Bytes of MMSE, sigma and kept samples that stay in memory; 0 on disk."""
    bytes_on_disk: float = 0.0
    """Of the blocks that are to be done, on disk at most, coarser levels included; 0 in memory."""
    n_blocks: int = 0
    """Blocks of all planes; 0 in memory."""
    n_there: int = 0
    """Blocks that an earlier run has written; bytes on disk are of the others."""
    block_size: int | None = None
    """Edge of a block, pixels; None in memory."""
    tile_size: int | None = None
    """Edge of a tile, pixels; None where a plane or block is sampled as a whole."""
    n_tiles: int = 1
    """Tiles of a plane in memory."""
    n_images: int = 1
    up_to: bool = False
    """Whether sampling may end sooner, at a target for the error."""

    @property
    def n_results(self) -> int:
        """Images that are made: MMSE, sigma of two samples or more, kept samples."""
        return self.kept_samples + (2 if self.n_samples > 1 else 1)

    @property
    def fits(self) -> bool:
        """Whether the results fit into memory."""
        needed = self.memory_for_results + self.memory_in_work
        return needed <= SHARE_FOR_RESULTS * self.free_memory

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        many = f"{self.n_images} images: " if self.n_images > 1 else ""
        samples = f"{self.n_samples} answer{'' if self.n_samples == 1 else 's'}"
        up_to = "up to " if self.up_to else ""
        return f"{many}{up_to}{samples} on {self.computed_on}; {self.needs}"

    @property
    def brief(self) -> str:
        """The most important of it in one short line."""
        text = f"Takes {gib(self.memory + self.memory_for_results)} of memory"
        if self.bytes_on_disk:
            text += f", at most {gib(self.bytes_on_disk)} on disk"
        return text

    @property
    def needs(self) -> str:
        """Memory and disk in words, and the parts in which is sampled."""
        text = f"{gib(self.memory)} of memory to sample in {self._pieces}; "
        if self.bytes_on_disk:
            more = " more" if self.n_there else ""
            return text + f"at most {gib(self.bytes_on_disk)}{more} on disk"
        return text + f"{gib(self.memory_for_results)} for {self._results}"

    @property
    def problem(self) -> str:
        """Why the results cannot stay in memory, with the ways out; empty if they can."""
        if self.fits:
            return ""
        return (
            f"{self.shortage}: let the results go to disk (in the widget by 'Results', on the "
            "command line by -o NAME.zarr, in Python by split_to_zarr), or keep fewer answers."
        )

    @property
    def shortage(self) -> str:
        """How much memory the results take, and how much there is."""
        takes = f"{self._results} take {gib(self.memory_for_results)}"
        if self.memory_in_work:  # of a few large planes it is the greater part
            takes += f" and {gib(self.memory_in_work)} more while answers are drawn"
        return f"{takes}, and {gib(self.free_memory)} of memory are free"

    @property
    def proposal(self) -> str:
        """Why the results had better go to disk."""
        if not self.fits:
            return f"{self.shortage}, so they go to disk."
        return (
            f"{self._results} would fill {gib(self.memory_for_results)} of the "
            f"{gib(self.free_memory)} of memory that are free, so they go to disk."
        )

    @property
    def _results(self) -> str:
        kinds = ["best estimate"] + ["uncertainty"] * (self.n_samples > 1)
        if self.kept_samples:
            kinds.append("1 answer" if self.kept_samples == 1 else f"{self.kept_samples} answers")
        return " and ".join([", ".join(kinds[:-1]), kinds[-1]] if kinds[1:] else kinds)

    @property
    def _pieces(self) -> str:
        tiles = f"tiles of {self.tile_size} pixels"
        if self.block_size is not None:
            blocks = f"{self.n_blocks} blocks of {self.block_size} x {self.block_size} pixels"
            if self.n_blocks == 1:
                blocks = f"1 block of {self.block_size} x {self.block_size} pixels"
            there = f", {self.n_there} of them there already" if self.n_there else ""
            return blocks + there + (f", in {tiles}" if self.tile_size else "")
        planes = "one piece" if self.n_planes == 1 else f"{self.n_planes} planes"
        return f"{self.n_tiles} {tiles}" if self.n_tiles > 1 else planes


def together(parts: Sequence[Preflight], *, results_stay: bool) -> Preflight:
    """Add up what images take that are split one after the other.

    Parameters
    ----------
    parts
        Of each image, one at least.
    results_stay
        Whether all results stay in memory; otherwise those of one image at a time.
    """
    results = [part.memory_for_results for part in parts]
    return replace(
        parts[0],
        memory=max(part.memory for part in parts),
        memory_for_results=sum(results) if results_stay else max(results),
        memory_in_work=max(part.memory_in_work for part in parts),
        bytes_on_disk=sum(part.bytes_on_disk for part in parts),
        n_planes=max(part.n_planes for part in parts),
        n_blocks=sum(part.n_blocks for part in parts),
        n_tiles=max(part.n_tiles for part in parts),
        tile_size=next((part.tile_size for part in parts if part.tile_size), None),
        n_images=sum(part.n_images for part in parts),
    )
