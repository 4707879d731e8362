"""Fields of each structure alone, of any size and number: single stains on separate slides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.training.fields import TrainingFields, check_count, names_for
from napari_denoisplit.images.training.gathering import fit_in_memory, groups_of, names_of
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.partition import Partition, Region

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_denoisplit.images.image import Image
    from napari_denoisplit.settings import MixSettings

    Masks = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True, slots=True, eq=False)
class SeparateFields:
    """Fields that show one structure each; nothing is registered, and nothing needs to be.

    It takes the place of `TrainingFields` in a training. Fields are counted through, structure by
    structure.

    Raises
    ------
    ImageError
        There are fewer than two structures or more than 16, or one has several channels.
    """

    structures: tuple[TrainingFields, ...]
    """Of one channel each, (1, Y, X)."""

    def __post_init__(self) -> None:
        check_count(len(self.structures))
        for one in self.structures:
            if one.n_channels > 1 or one.superpositions is not None or len(self.structures) < 2:
                raise ImageError(
                    f"Separate fields are of two structures or more, with one channel each; "
                    f"{', '.join(one.channel_names)} was given: take TrainingFields for images of "
                    "the same field."
                )

    @classmethod
    def from_images(
        cls,
        structures: Mapping[str, Sequence[Image] | Image],
        clean: Mapping[str, Sequence[Image] | Image] | None = None,
        *,
        t_is_repeats: bool = False,
    ) -> Self:
        """Gather the fields of each structure; T and Z planes are fields of their own.

        Parameters
        ----------
        structures
            Images of one channel by the name of the structure that they show.
        clean
            The same images without noise, by the same names.
        t_is_repeats
            Whether the T axis holds repeated exposures of one place rather than a time-lapse.

        Raises
        ------
        ImageError
            An image has several channels, or what is clean does not fit.
        """
        if clean and clean.keys() != structures.keys():
            raise ImageError(
                f"Clean images of {', '.join(clean)} for structures {', '.join(structures)}: give "
                "those of each structure, by the same names."
            )
        groups = [*structures.values(), *(clean or {}).values()]
        late = not fit_in_memory(image for group in groups_of(groups) for image in group)
        return cls(
            tuple(
                TrainingFields.of_structure(
                    name,
                    images,
                    clean[name] if clean else None,
                    t_is_repeats=t_is_repeats,
                    as_needed=late,
                )
                for name, images in structures.items()
            )
        )

    @property
    def n_channels(self) -> int:
        """Number of structures, C."""
        return len(self.structures)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Name of each structure."""
        return tuple(one.channel_names[0] for one in self.structures)

    @property
    def fields(self) -> tuple[NDArray[np.float32], ...]:
        """(1, Y, X) each, of all structures."""
        return tuple(field for one in self.structures for field in one.fields)

    @property
    def shows(self) -> tuple[int, ...]:
        """Number of the structure that each field shows."""
        return tuple(c for c, one in enumerate(self.structures) for _ in one.fields)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where the fields came from."""
        return tuple(line for one in self.structures for line in one.sources)

    @property
    def is_unread(self) -> bool:
        """Whether memory does not hold all of them: they are read as they are needed."""
        return any(one.is_unread for one in self.structures)

    @property
    def n_bytes(self) -> int:
        """Memory that a training on all of them takes, at most."""
        return sum(one.n_bytes for one in self.structures)

    @property
    def recorded_places(self) -> tuple[()]:
        """There are no superpositions."""
        return ()

    @property
    def superpositions(self) -> None:
        """None: separate fields cannot be recorded together."""
        return

    @property
    def pixel_size(self) -> Mapping[str, float]:
        """That of the first structure."""
        return self.structures[0].pixel_size

    @property
    def units(self) -> Mapping[str, str]:
        """Those of the first structure."""
        return self.structures[0].units

    @property
    def pixel_edges(self) -> tuple[float, ...]:
        """Of the images that know theirs, µm."""
        return tuple(edge for one in self.structures for edge in one.pixel_edges)

    def named(self, names: Sequence[str]) -> Self:
        """Return the same with other names of the structures, if there are any."""
        both = zip(self.structures, names_for(self.channel_names, names), strict=True)
        return type(self)(tuple(replace(one, channel_names=(name,)) for one, name in both))

    def alone(self, c: int, masks: Masks) -> tuple[TrainingFields, Masks]:
        """Fields of one structure, and the masks that are theirs."""
        start = self._starts[c]
        return self.structures[c], masks[start : start + len(self.structures[c].fields)]

    def place_of(self, i: int, c: int) -> str:
        """Say where a field of a structure comes from; empty where that is not known."""
        return self.structures[c].place_of(i)

    def partition(self, **how: Any) -> Partition:
        """Set pixels of each structure aside; `how` is as of `images.training.partition`."""
        return self.joined([one.partition(**how) for one in self.structures])

    def joined(self, parts: Sequence[Partition]) -> Partition:
        """Make one partition of those of each structure."""
        places = list(zip(parts, self._starts, strict=True))
        return Partition(
            tuple(mask for part in parts for mask in part.train),
            tuple(moved for part, start in places for moved in _moved(part.validation, start)),
            tuple(moved for part, start in places for moved in _moved(part.test, start)),
        )

    def normalization(self, masks: Masks, mix: MixSettings) -> Normalization:
        """Measure each structure; places that know nothing of one another add up independently."""
        each = [
            one.normalization(own, mix.model_copy(update={"weights": (1.0,), "offset": 0.0}))
            for one, own in (self.alone(c, masks) for c in range(self.n_channels))
        ]
        weights = np.asarray(mix.channel_weights(self.n_channels))
        means = np.array([n.channel_means[0] for n in each])
        stds = np.array([n.channel_stds[0] for n in each])
        return Normalization(
            input_mean=float(weights @ means) + mix.offset,
            input_std=float(np.sqrt(weights**2 @ stds**2)),
            channel_means=tuple(means.tolist()),
            channel_stds=tuple(stds.tolist()),
        )

    def blocks(
        self, regions: Sequence[Region], *, clean: bool = False
    ) -> list[NDArray[np.float32]] | None:
        """Put blocks (C, Y, X) together of a region of each structure, cropped to the smallest.

        Where a structure has fewer, they are taken again. None where `clean` ones are wanted and
        a structure has none.
        """
        shows = self.shows
        own = []
        for c, (one, start) in enumerate(zip(self.structures, self._starts, strict=True)):
            mine = [replace(r, field=r.field - start) for r in regions if shows[r.field] == c]
            found = one.blocks(mine, clean=clean)
            if found is None:
                return None
            own.append(found)
        joined = []
        for k in range(max(map(len, own))):
            together = [found[k % len(found)][0] for found in own]
            rows, columns = np.min([plane.shape for plane in together], axis=0)
            joined.append(np.stack([plane[:rows, :columns] for plane in together]))
        return joined

    @property
    def _starts(self) -> list[int]:
        """Number of the first field of each structure."""
        return [0, *accumulate(len(one.fields) for one in self.structures)][:-1]


def _moved(regions: Sequence[Region], start: int) -> list[Region]:
    return [replace(region, field=region.field + start) for region in regions]


def fields_of(
    images: Sequence[Image | Sequence[Image]],
    clean: Sequence[Image | Sequence[Image]] = (),
    *,
    superpositions: Sequence[Image] = (),
    t_is_repeats: bool = False,
) -> TrainingFields | SeparateFields:
    """Gather the fields of images as `TrainingFields.from_images` does, or separate ones.

    Structures whose planes differ in number or size cannot show the same fields: they are taken as
    separate ones.

    Raises
    ------
    ImageError
        The images do not belong together.
    """
    groups = groups_of(images)
    sizes = [[shape for image in group for shape in image.field_shapes] for group in groups]
    single = all(image.n_channels == 1 for group in groups for image in group)
    if not single or all(found == sizes[0] for found in sizes):
        return TrainingFields.from_images(
            images, clean, superpositions=superpositions, t_is_repeats=t_is_repeats
        )
    names = names_of(groups)
    if superpositions:
        raise ImageError(
            "Recorded superpositions go with channels of the same fields, and the planes of "
            f"{' and '.join(names)} differ in number or size: leave the superpositions out, or "
            "give every channel of every field."
        )
    structures = dict(zip(names, groups, strict=True))
    others = groups_of(clean)
    if others and len(others) != len(groups):
        raise ImageError(
            f"There are {len(others)} clean images for {len(groups)} structures "
            f"({', '.join(names)}): give one, or one folder, for each, in their order."
        )
    return SeparateFields.from_images(
        structures,
        dict(zip(names, others, strict=True)) if others else None,
        t_is_repeats=t_is_repeats,
    )
