"""Adapting a model to recordings, as a plain function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_denoisplit.api.arguments import checked_image, model_or_path, path_or_none
from napari_denoisplit.api.docstrings import documented_by
from napari_denoisplit.events import ignore, run
from napari_denoisplit.settings import AdaptSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from os import PathLike

    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.events import StatusEvent
    from napari_denoisplit.images.image import Image
    from napari_denoisplit.jobs.adapt.job import Adapted


@documented_by("jobs.adapt.job", "adapt_job")
def adapt(
    model: Model | str | PathLike[str],
    recordings: Sequence[Image],
    settings: AdaptSettings | None = None,
    *,
    path: str | PathLike[str] | None = None,
    on_event: Callable[[StatusEvent], None] = ignore,
) -> Adapted:
    """Adapt a model to recordings without truth, and keep it if it splits them better.

    Returns
    -------
    The adapted model, None where it does not help; and the verdict with its reasons.
    """
    from napari_denoisplit.jobs.adapt.job import adapt_job  # imports torch

    given = model_or_path(model), [checked_image(image) for image in recordings]
    return run(adapt_job(*given, settings or AdaptSettings(), path=path_or_none(path)), on_event)
