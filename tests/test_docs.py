"""The documentation is true where a machine can tell."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from napari_denoisplit.cli.app import app
from napari_denoisplit.cli.parts.named_settings import assigned, train_settings

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "src" / "napari_denoisplit"
MANIFEST = PACKAGE / "napari.yaml"
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]


def python_blocks(page: Path) -> list[str]:
    """Blocks of Python on a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Names within a page that a link may point to."""
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    slugs = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return slugs | set(re.findall(r"^\((.+)\)=$", text, re.M))


def test_the_example_of_the_python_page_runs(tmp_path, monkeypatch, capsys):
    example = "\n".join(python_blocks(REPOSITORY / "docs" / "python.md"))
    # A budget of two steps instead of minutes: the words of the example stay as they are.
    assert "minutes=5" in example
    monkeypatch.chdir(tmp_path)
    exec(compile(example.replace("minutes=5", "minutes=None, steps=2"), "python.md", "exec"), {})
    output = capsys.readouterr().out
    assert re.search(r"filaments: -?\d+\.\d dB, MS-SSIM \d\.\d{3}", output)
    assert "5 samples; stopped early: True" in output
    assert (tmp_path / "mixture_mmse.ome.tif").exists()


def test_the_example_of_the_readme_uses_names_that_exist():
    import napari_denoisplit

    (example,) = python_blocks(REPOSITORY / "README.md")
    for name in re.findall(r"\bnd\.(\w+)", example):
        assert name in napari_denoisplit.__all__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", ["start.md", "tutorial.md"])
def test_what_a_newcomer_is_told_to_press_is_called_so_in_the_window(page):
    code = "".join(
        path.read_text(encoding="utf-8")
        for path in [*PACKAGE.glob("widgets/**/*.py"), *PACKAGE.glob("settings/*.py"), MANIFEST]
    )
    of_napari = {"Plugins", "File", "Open Sample", "Layers", "Filter"}
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    for name in re.findall(r"\*\*([^*\n:]+)\*\*", text):
        for step in set(name.split(" > ")) - of_napari:
            quoted = (f'"{step}"', f'"{step}…"', f": {step}\n", f": {step} (", f" {step.lower()}: ")
            assert any(one in code for one in quoted), f"{page}: {step}"


def test_every_page_is_in_the_table_of_contents():
    listed = set((REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8").split())
    pages = {page.stem for page in (REPOSITORY / "docs").glob("*.md")} - {"index"}
    assert pages <= listed


def test_the_costs_of_the_presets_are_those_of_the_networks():
    import torch

    from napari_denoisplit.nn.families import network_of
    from napari_denoisplit.settings import PRESETS

    page = (REPOSITORY / "docs" / "method.md").read_text(encoding="utf-8")
    for name, preset in PRESETS.items():
        with torch.device("meta"):
            n_parameters = sum(p.numel() for p in network_of(preset.network).parameters())
        (row,) = re.findall(rf"^\| `{name}` .*$", page, re.M)
        assert f"{n_parameters:,}" in row
        assert f"| {preset.patch_size}, {preset.batch_size} |" in row


def test_the_limits_of_the_verdict_on_a_noise_model_are_those_of_the_code():
    from napari_denoisplit.noise.judging import findings, misfit

    f = SimpleNamespace(**(vars(misfit) | vars(findings)))
    page = (REPOSITORY / "docs" / "noise.md").read_text(encoding="utf-8")
    rows = {
        "correlation": (f.SLIGHTLY_CORRELATED, f.CORRELATED),
        "repeats": (f.SLIGHTLY_CORRELATED, f.CORRELATED),
        "variance": (f.OFF, f"{f.SOME_PIXELS:.0%}", f.FAR_OFF, f"{f.MANY_PIXELS:.0%}"),
        "mean": (f"{f.SOME_PIXELS:.0%}", f.FAR_SHIFTED, f"{f.MANY_PIXELS:.0%}"),
        "PIT": (f.PIT_OFF, f.PIT_FAR_OFF),
        "held-out": (-10 * f.LEAST_GAIN,),
        "share": (f"{f.COVERED:.0%}", f"{f.BARELY_COVERED:.0%}"),
        "pixels": (f"{f.FEW_PIXELS:,}", f"{f.TOO_FEW_PIXELS:,}"),
    }
    for name, limits in rows.items():
        (row,) = re.findall(rf"^\| {name}.*$", page, re.M)
        for limit in limits:
            number = limit.replace("%", " %") if isinstance(limit, str) else f"{limit:g}"
            assert number in row, f"{number} is not in the row {row!r}"


SOURCE = REPOSITORY / "src" / "napari_denoisplit"
ARCHITECTURE = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")


def named_places() -> list[str]:
    """Paths on the page of the architecture, with the name in the module where there is one."""
    return re.findall(r"`([\w./]+(?:\.pyi?|\.yaml|/)(?::\w+)?)`", ARCHITECTURE)


def defined(module: Path) -> set[str]:
    """Names that the statements of a module define."""
    found: set[str] = set()
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found.update(ast.unparse(target) for target in targets)
    return found


def test_paths_and_names_of_the_architecture_exist():
    places = named_places()
    assert len(places) > 100
    wrong = []
    for place in places:
        path, _, name = place.partition(":")
        at_root = path.startswith(("tests/", "docs/", "benchmarks/", "src/"))
        file = (REPOSITORY if at_root else SOURCE) / path
        if not file.exists() or (name and name not in defined(file)):
            wrong.append(place)
    assert not wrong


def test_the_architecture_names_every_folder():
    named = {place.rstrip("/") for place in named_places()}
    folders = {file.parent.relative_to(SOURCE).as_posix() for file in SOURCE.rglob("*.py")} - {"."}
    assert folders <= named


def test_the_table_of_the_architecture_answers_with_one_or_two_paths():
    table = ARCHITECTURE.partition("## Where is what")[2]
    answers = [row.split("|")[2] for row in table.strip().splitlines()[2:]]
    assert len(answers) >= 20
    assert all(1 <= answer.count("`") / 2 <= 2 for answer in answers)


def commands(page: Path) -> list[tuple[str, list[str], bool]]:
    """Calls of the command on a page: its name, its words, and whether it is a whole line."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = r"^ *(?:srun |torchrun \S+ -m (?:napari_)?)?denoisplit ([a-z-]+) (.*)$"
    whole = re.findall(lines, text, re.M)
    parts = re.findall(r"`denoisplit ([a-z-]+) ([^`\n]+)`", text)
    calls = [(*call, True) for call in whole] + [(*call, False) for call in parts]
    return [(name, shlex.split(words, comments=True), is_whole) for name, words, is_whole in calls]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_on_a_page_have_the_options_that_the_page_says(page):
    known = typer.main.get_command(app).commands
    for name, words, is_whole in commands(page):
        try:
            context = known[name].make_context(name, list(words))
        except Exception as error:
            # In a sentence, what is meant may go without saying.
            if is_whole or type(error).__name__ != "MissingParameter":
                raise
            continue
        if name == "train":
            train_settings(assigned(context.params["changes"] or ()))


def test_commands_are_found():
    assert len(commands(REPOSITORY / "docs" / "command.md")) > 45
