from __future__ import annotations

import inspect
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from napari_denoisplit.cli import app
from napari_denoisplit.cli.parts.options import register, with_settings
from napari_denoisplit.docstrings import parameters, sections
from napari_denoisplit.settings import SplitSettings


def application(fields: str, **defaults: Any) -> typer.Typer:
    """Return an application whose only command prints what was chosen."""
    app = typer.Typer()

    @with_settings(SplitSettings, fields, **defaults)
    def show(word: str = "none", *, loud: bool = False, **chosen: Any) -> None:
        """Print it; see list[Path].

        Parameters
        ----------
        word, loud
            Any, as package[extra].
        n_samples
            Few are enough.
        """
        typer.echo(f"{word} {loud} {chosen}")

    register(app, show)
    return app


def output(app: typer.Typer, *words: str) -> str:
    """Return what a command prints on a wide terminal."""
    done = CliRunner().invoke(app, words, env={"COLUMNS": "300"})
    return " ".join(done.output.split())


def test_an_option_has_the_default_of_its_field():
    assert str({"seed": SplitSettings().seed}) in output(application("seed"))


def test_an_option_may_bear_another_name_and_another_default():
    app = application("n_samples", n_samples=3)
    assert "{'n_samples': 3}" in output(app)
    assert "{'n_samples': 7}" in output(app, "--samples", "7")


def test_the_help_keeps_brackets():
    told = output(application("seed"), "--help")
    assert "Print it; see list[Path]." in told
    assert "Any, as package[extra]." in told


def test_a_default_that_the_command_finds_out_is_that_of_the_field_in_the_help():
    told = output(application("n_samples", n_samples=None), "--help")
    assert f"Few are enough. Left out: {SplitSettings().n_samples}." in told
    assert "default: (" not in told


def test_what_is_done_without_an_option_is_said_once():
    told = {name: output(app, name, "--help") for name in ("train", "noise")}
    assert "Left out: 5, or no limit where --steps or --epochs is given." in told["train"]
    assert "Left out: what --output is for. " in told["noise"]
    assert not any("default: (" in text for text in told.values())


def test_an_option_has_the_limits_of_its_field():
    app = application("n_samples")
    assert CliRunner().invoke(app, ["--samples", "0"]).exit_code == 2
    assert CliRunner().invoke(app, ["--samples", "1"]).exit_code == 0


def test_an_option_with_named_choices_refuses_others():
    app = application("device")
    assert CliRunner().invoke(app, ["--device", "abacus"]).exit_code == 2
    assert "{'device': 'cpu'}" in output(app, "--device", "cpu")


def test_what_may_be_given_by_its_place_is_an_argument_and_a_flag_has_no_opposite():
    assert output(application("seed"), "hello", "--loud").startswith("hello True")
    assert CliRunner().invoke(application("seed"), ["--no-loud"]).exit_code == 2


def test_the_help_describes_an_option_in_the_words_of_its_field_and_of_the_docstring():
    said = output(application("n_samples"), "--help")
    assert f"{SplitSettings.model_fields['n_samples'].description} Few are enough." in said


def test_a_parameter_that_nothing_is_said_of_is_an_error():
    def show(*, colour: str = "") -> None:
        """Print it."""

    with pytest.raises(KeyError, match="colour"):
        register(typer.Typer(), show)


def test_every_command_says_only_what_its_parameters_are_for():
    for command in app.registered_commands:
        said = parameters(sections(command.callback.__doc__)["Parameters"])
        assert set(said) <= set(inspect.signature(command.callback).parameters), command.help
