"""Command-line options made from the fields of the settings."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

MORE = "More options"
"""Heading in the help over what few users need."""

ModelArgument = Annotated[Path, typer.Argument(help="Model file (*.denoisplit).")]
AxesOption = Annotated[
    str | None,
    typer.Option(
        "--axes",
        help="Meaning of the axes as they are stored, in place of what the files say: one letter "
        "of T, C, Z, Y, X for each, e.g. --axes CYX.",
        rich_help_panel=MORE,
    ),
]
SeriesOption = Annotated[
    int | None,
    typer.Option(
        "--series",
        min=0,
        help="Which image of files that hold several, from 0.",
        rich_help_panel=MORE,
    ),
]
ChannelOption = Annotated[
    str | None,
    typer.Option(
        help="Channel to take of images that have several: its name, or its number from 1."
    ),
]
RegionOption = Annotated[
    str | None,
    typer.Option(
        help="Part of every plane to take: Y0:Y1,X0:X1 in pixels, as in 100:300,50:250. An end "
        "that is left out reaches to the edge."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the results as JSON.")]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of the settings that the user may choose on the command line."""

    settings: type[BaseModel]
    field: str
    flags: tuple[str, ...] = ()
    """Names of the option; made from the field's name where empty."""
    panel: str | None = None
    """Heading in the help under which the option stands."""
    default: Any = ...
    """Default in place of the field's."""
    note: str = ""
    """What the help says after the field's description."""

    def parameter(self) -> inspect.Parameter:
        """Return the parameter from which typer makes the option."""
        info = self.settings.model_fields[self.field]
        # On the command line None is an option that was left out.
        text = (info.description or "").replace("; None:", "; left out:")
        text = text.replace("None:", "Left out:")
        option = typer.Option(
            *self.flags,
            help=f"{text} {self.note}".strip(),
            rich_help_panel=self.panel,
            **_limits(info),
        )
        return inspect.Parameter(
            self.field,
            inspect.Parameter.KEYWORD_ONLY,
            default=info.default if self.default is ... else self.default,
            annotation=Annotated[info.annotation, option],
        )


def with_options(*choices: Choice) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add an option for each choice to a command; it gets them as ``**chosen``, by field name."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        written = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        made = [choice.parameter() for choice in choices]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*written, *made]
        )
        return command

    return decorate


def _limits(info: FieldInfo) -> dict[str, Any]:
    limits = {}
    for constraint in info.metadata:
        for attribute, limit in (("ge", "min"), ("le", "max")):
            if (value := getattr(constraint, attribute, None)) is not None:
                limits[limit] = value
    return limits
