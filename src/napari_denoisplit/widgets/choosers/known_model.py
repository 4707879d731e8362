"""A noise model that a window knows of: in memory, or in a file that is read when it is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from napari_denoisplit.noise.files.description import describe, numbers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_denoisplit.noise.models.noise_model import NoiseModel
    from napari_denoisplit.verdict import NoiseRecord


@dataclass(frozen=True, slots=True, eq=False)
class KnownModel:
    """What can be said of a noise model without loading it."""

    name: str
    model: NoiseModel | Path
    """The model, or its file."""
    kind: str
    numbers: Mapping[str, float]
    """What a user can compare, by name."""
    record: NoiseRecord

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Look into a file, without torch.

        Raises
        ------
        NoiseModelError
            It holds no noise model.
        """
        # Not at the top: whoever opens the widget to look need not wait for it.
        from napari_denoisplit.noise.files.noise_file import read_noise_header

        header = read_noise_header(path)
        return cls(path.name, path, header.kind, header.numbers, header.record)

    @classmethod
    def of_model(cls, name: str, model: NoiseModel) -> Self:
        """Take a model that is not in a file."""
        return cls(name, model, model.kind, numbers(model.to_dict()), model.record)

    @property
    def about(self) -> str:
        """Kind and numbers in one line."""
        return describe(self.kind, self.numbers)
