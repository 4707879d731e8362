"""Arguments and options of a command, made from its signature, its docstring and settings.

Of a command, what may be given by its place is an argument, the rest are options. Its docstring
says in a section "Parameters" what each is for, as far as settings or `IN_EVERY_COMMAND` do not.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from rich.markup import escape

from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.docstrings import parameters, sections

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    Command = Callable[..., None]

Series = Annotated[int | None, Field(ge=0)]

IN_EVERY_COMMAND = {
    "model": "Model file (*.denoisplit).",
    "as_json": "Print the results as JSON.",
    "axes": "Meaning of the axes as they are stored, in place of what the files say: one letter of "
    "T, C, Z, Y, X for each, e.g. --axes CYX.",
    "series": "Which image of files that hold several, from 0.",
    "channel": "Channel to take of images that have several: its name, or its number from 1.",
    "region": "Part of every plane to take: Y0:Y1,X0:X1 in pixels, as in 100:300,50:250. An end "
    "that is left out reaches to the edge.",
    "overwrite": "Replace files that exist.",
}
"""What is said of parameters of which a command says nothing itself."""
FLAGS = {
    "output": ("--output", "-o"),
    "as_json": ("--json",),
    "source": ("--from",),
    "most_probable": ("--map/--no-map",),
    "time": ("--time", "-t"),
    "depth": ("--depth", "-z"),
    "recursive": ("--recursive", "-r"),
    "n_samples": ("--samples", "-n"),
    "minutes": ("--minutes", "-m"),
    "mode": ("--mix",),
    "changes": ("--set",),
    "settings_file": ("--settings",),
    "n_images": ("--images", "-n"),
    "n_alternatives": ("--number", "-n"),
    "n_gaussians": ("--gaussians",),
    "n_coefficients": ("--coefficients",),
    "n_bins": ("--bins", "--n-bins"),
}
"""Names of options that are not those of their parameters."""
PANELS = {
    "Folders": "pattern recursive again",
    "More options": "report_clean report_superposition scheduler axes series n_bins binning "
    "probe_samples max_pixels patch_size batch_size batches_per_step levels_off learning_rate "
    "method steps epochs schedule augment structure_bias validation_fraction test_fraction "
    "antithetic eightfold tile_size overlap memory_gib block_size precision changes settings_file",
}
"""Headings in the help over what few users need."""
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names.split()}


def with_settings(
    settings: type[BaseModel], fields: str, **defaults: Any
) -> Callable[[Command], Command]:
    """Add fields of settings to a command as options; it gets them as ``**chosen``, by name.

    Parameters
    ----------
    settings
        Where the fields are.
    fields
        Their names, with blanks.
    defaults
        Of some of them, in place of the settings' own; None: the command finds out.
    """

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        *written, chosen = signature.parameters.values()
        made = [
            inspect.Parameter(
                field,
                inspect.Parameter.KEYWORD_ONLY,
                default=defaults.get(field, info.default),
                annotation=Annotated[info.annotation, info],
            )
            for field in fields.split()
            for info in (settings.model_fields[field],)
        ]
        command.__signature__ = signature.replace(  # type: ignore[attr-defined]
            parameters=[*written, *made, chosen]
        )
        return command

    return decorate


def register(app: typer.Typer, command: Command) -> None:
    """Make a function a command of an application, under its own name.

    Raises
    ------
    KeyError
        Nothing is said of a parameter.
    """
    text = sections(command.__doc__)
    said = IN_EVERY_COMMAND | parameters(text.get("Parameters", ""))
    signature = inspect.signature(command, eval_str=True)
    command.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[
            parameter.replace(annotation=_annotation(parameter, said))
            for parameter in signature.parameters.values()
            if parameter.kind is not parameter.VAR_KEYWORD
        ]
    )
    # Each paragraph on one line: the terminal breaks the lines.
    help_text = "\n\n".join(" ".join(part.split()) for part in text[""].split("\n\n"))
    # A name that Python keeps for itself has an underscore behind it.
    name = command.__name__.rstrip("_").replace("_", "-")
    app.command(name, help=escape(help_text))(command)


def _annotation(parameter: inspect.Parameter, said: dict[str, str]) -> Any:
    """Type of a parameter, with what typer makes of it."""
    kind, name, field = parameter.annotation, parameter.name, FieldInfo()
    if get_origin(kind) is Annotated:
        kind, field = get_args(kind)
    if field.description is None:
        text = said[name]
    else:  # on the command line None is an option that was left out
        text = field.description.replace("; None:", "; left out:").replace("None:", "Left out:")
        text = f"{text} {said.get(name, '')}".strip()
        if parameter.default is None and field.default not in (None, PydanticUndefined):
            text = _with_default(text, str(field.default).removesuffix(".0"))
    text = escape(text)  # brackets, as in package[extra], are not the terminal's markup
    if parameter.kind is not parameter.KEYWORD_ONLY:
        return Annotated[kind, typer.Argument(help=text)]
    flags = FLAGS.get(name, (f"--{name.replace('_', '-')}",) if parameter.default is False else ())
    option = typer.Option(*flags, help=text, rich_help_panel=_PANEL_OF.get(name), **_limits(field))
    return Annotated[kind, option]


def _with_default(text: str, default: str) -> str:
    """Say the default that the command finds out, unless the text says what is done without."""
    if "left out" not in text.lower():
        text = f"{text} Left out: {{default}}."
    return text.replace("{default}", default)


def _limits(field: FieldInfo) -> dict[str, Any]:
    """Least and greatest value."""
    limits: dict[str, Any] = {}
    for constraint in field.metadata:
        for attribute, limit in (("ge", "min"), ("le", "max")):
            if (value := getattr(constraint, attribute, None)) is not None:
                limits[limit] = value
    return limits


def words(text: str) -> tuple[str, ...]:
    """Words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def numbers(text: str, option: str) -> tuple[float, ...] | None:
    """Numbers between commas; None where there are none."""
    try:
        return tuple(float(word) for word in words(text)) or None
    except ValueError:
        raise UsageError(
            f"{option} {text!r}: give numbers with commas, as in {option} 0.4,0.6."
        ) from None
