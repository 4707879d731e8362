"""Whether a split to disk begins anew or goes on, and under which name."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.jobs.slide.store import SlideStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pydantic import JsonValue

__all__ = ["Begin"]


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a result goes, and what becomes of one that is there already."""

    path: Path
    resume: bool
    numbered: bool

    def open(
        self, plan_after: Callable[[Mapping[str, JsonValue] | None], dict[str, JsonValue]]
    ) -> tuple[SlideStore | None, dict[str, JsonValue], Path]:
        """Find the result to go on with, or the folder to make.

        Parameters
        ----------
        plan_after
            Gives the plan of this run, from that of the run that it goes on with, if any.

        Raises
        ------
        ImageError, JobError
            The folder is something else, or the result was begun with something else.
        """
        for number in count(1):
            end = f"-{number}" if number > 1 else ""
            path = self.path.with_name(f"{self.path.stem}{end}{self.path.suffix}")
            if not path.exists():
                break
            try:
                store = SlideStore(path)  # never replaces anything else
                if not self.resume:
                    break
                plan = plan_after(store.plan)
                store.check(plan)
            except (ImageError, JobError):
                if not self.numbered:
                    raise
                continue
            return store, plan, path
        return None, plan_after(None), path
