"""The plan of a split on disk: all that decides its pixels, by which an earlier run is known."""

from __future__ import annotations

import hashlib
import json
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.jobs.slide.store import SlideStore
from napari_denoisplit.sampling.border import BORDER
from napari_denoisplit.settings import Acquisition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from pydantic import JsonValue

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.images.plane_region import PlaneRegion
    from napari_denoisplit.settings import SplitSettings

WINDOW = 128
WINDOWS = 4  # along each edge
PLANES = 8


def look_at(view: Image) -> list[NDArray[np.float32]]:
    """Read some windows of an image that may be larger than memory, always the same ones.

    Parameters
    ----------
    view
        (..., Y, X). Windows are spread over its first plane; of others the middle is read.
    """
    height, width = view.shape[-2:]
    planes = list(np.ndindex(view.shape[:-2]))
    chosen = np.unique(np.linspace(0, len(planes) - 1, PLANES).round().astype(int))
    rows, columns = (
        np.unique(np.linspace(0, max(0, n - WINDOW), WINDOWS).astype(int)).tolist()
        for n in (height, width)
    )
    places = [(planes[0], y, x) for y in rows for x in columns]
    middle = (max(0, height - WINDOW) // 2, max(0, width - WINDOW) // 2)
    places += [(planes[i], *middle) for i in chosen[1:]]
    return [
        np.asarray(view.data[(*plane, slice(y, y + WINDOW), slice(x, x + WINDOW))], np.float32)
        for plane, y, x in places
    ]


def hash_of_image(view: Image, windows: list[NDArray[np.float32]]) -> str:
    """Name of an image by its size and by what `look_at` saw, wherever its file is now."""
    digest = hashlib.sha256(repr((view.axes, view.shape)).encode())
    for window in windows:
        digest.update(np.ascontiguousarray(window).data)
    return digest.hexdigest()


def hash_of_model(model: Model) -> str:
    """Name of a model by all that decides its samples: weights, statistics, calibration."""
    header = model.header
    deciding = {"network": True, "normalization": True, "channel_names": True}
    facts = header.model_dump(mode="json", include=deciding | {"calibration": {"channels": True}})
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for name, weights in sorted(model.network.state_dict().items()):
        digest.update(name.encode())
        digest.update(weights.detach().cpu().contiguous().numpy())
    return digest.hexdigest()


def make_plan(
    model: Model,
    image_hash: str,
    settings: SplitSettings,
    computed_on: str,
    sizes: tuple[int, int | None],
    overlap: int,
    region: PlaneRegion | None = None,
) -> dict[str, JsonValue]:
    """Return what decides the pixels, by name; `region` is the part that is split, if not all.

    Raises
    ------
    JobError
        The number of samples is left to a target error.
    """
    if settings.target_error is not None:
        raise JobError(
            f"A target error ({settings.target_error:g}%) is for results in memory: blocks on disk "
            "would get different numbers of samples and differ in noise at their borders. Split a "
            "part with the target error, see how many samples it takes, and give that number here."
        )
    acquisition = settings.acquisition
    return {
        "model": hash_of_model(model),
        "image": image_hash,
        "samples": settings.n_samples,
        "kept_samples": min(settings.keep_samples, settings.n_samples),
        "seed": settings.seed,
        "antithetic": settings.antithetic,
        **({"eightfold": True} if settings.eightfold else {}),
        "overlap": overlap,
        "border": BORDER,
        "block_size": sizes[0],
        "tile_size": sizes[1],
        "computed_on": computed_on,
        "region": None if region is None else str(region),
        "acquisition": None if acquisition is None else acquisition.model_dump(mode="json"),
    }


def find_place(
    path: Path,
    plan_after: Callable[[Mapping[str, JsonValue] | None], dict[str, JsonValue]],
    *,
    resume: bool,
    numbered: bool,
) -> tuple[SlideStore | None, dict[str, JsonValue], Path]:
    """Find the result to go on with, or the folder to make.

    Parameters
    ----------
    path
        Where the result is to go.
    plan_after
        Gives the plan of this run, from that of the run that it goes on with, if any.
    resume, numbered
        As of `split_to_zarr_job`.

    Raises
    ------
    ImageError, JobError
        The folder is something else, or the result was begun with something else.
    """
    for number in count(1):
        end = f"-{number}" if number > 1 else ""
        place = path.with_name(f"{path.stem}{end}{path.suffix}")
        if not place.exists():
            break
        try:
            store = SlideStore(place)  # never replaces anything else
            if not resume:
                break
            plan = plan_after(store.plan)
            store.check(plan)
        except (ImageError, JobError):
            if not numbered:
                raise
            continue
        return store, plan, place
    return None, plan_after(None), place


def begun_with(path: Path) -> Acquisition | None:
    """Return how the recording was taken, as the result that is there has it; None: it has none."""
    try:
        kept = SlideStore(path).plan.get("acquisition") if path.exists() else None
    except (ImageError, JobError):
        return None  # whoever looks for the place says what is in the way
    return None if kept is None else Acquisition.model_validate(kept)


def refuse_own_input(image: Image, path: Path) -> None:
    """Refuse to write over the image that is split.

    Raises
    ------
    ImageError
        The result would lie in the image, or the image in the result.
    """
    if image.source is None:
        return
    source, target = image.source.resolve(), path.resolve()
    if source == target or target in source.parents or source in target.parents:
        raise ImageError(f"{path} is the image to split, or lies in it: choose another name.")
