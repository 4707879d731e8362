from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.testing import CliRunner

from napari_denoisplit.cli.parts.options import Choice, with_options
from napari_denoisplit.settings import SplitSettings


def application(*choices: Choice) -> typer.Typer:
    """Return an application whose only command prints what was chosen."""
    app = typer.Typer()

    @app.command()
    @with_options(*choices)
    def show(word: Annotated[str, typer.Argument()] = "none", **chosen: Any) -> None:
        typer.echo(f"{word} {chosen}")

    return app


def test_an_option_has_the_default_of_its_field():
    done = CliRunner().invoke(application(Choice(SplitSettings, "n_samples")), [])
    assert str({"n_samples": SplitSettings().n_samples}) in done.output


def test_an_option_may_bear_another_name_and_another_default():
    app = application(Choice(SplitSettings, "n_samples", ("--samples",), default=3))
    assert "{'n_samples': 3}" in CliRunner().invoke(app, []).output
    assert "{'n_samples': 7}" in CliRunner().invoke(app, ["--samples", "7"]).output


def test_an_option_has_the_limits_of_its_field():
    app = application(Choice(SplitSettings, "n_samples"))
    assert CliRunner().invoke(app, ["--n-samples", "0"]).exit_code == 2
    assert CliRunner().invoke(app, ["--n-samples", "1"]).exit_code == 0


def test_an_option_with_named_choices_refuses_others():
    app = application(Choice(SplitSettings, "device"))
    assert CliRunner().invoke(app, ["--device", "abacus"]).exit_code == 2
    assert "{'device': 'cpu'}" in CliRunner().invoke(app, ["--device", "cpu"]).output


def test_the_help_describes_an_option_in_the_words_of_its_field():
    app = application(Choice(SplitSettings, "n_samples", note="Few are enough."))
    help_text = " ".join(CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300"}).output.split())
    assert SplitSettings.model_fields["n_samples"].description in help_text
    assert "Few are enough." in help_text
