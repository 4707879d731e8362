"""What the package imports is what it asks to be installed."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml

import napari_denoisplit

REPOSITORY = Path(__file__).resolve().parent.parent

# Import name -> who brings it, where it is not a dependency of ours by its own name.
BROUGHT = {
    "PIL": "extra film, by imageio",
    "annotated_types": "pydantic",
    "bioimageio": "extra bioimageio",
    "bioio": "extra czi",
    "bioio_czi": "extra czi",
    "cloudpickle": "dask",
    "distributed": "extra cluster",
    "imageio": "extra film",
    "imageio_ffmpeg": "extra film",
    "napari": "a window cannot be without it",
    "npe2": "napari",
    "pint": "napari",
    "pydantic_core": "pydantic",
}


def test_every_library_that_is_imported_is_declared():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [re.split(r"[\[><=~! ]", line)[0].lower() for line in project["dependencies"]]
    declared = set(names)
    assert len(names) == len(declared), "declared twice"
    imported = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"napari_denoisplit"} - set(BROUGHT)
    assert foreign <= declared
    assert declared <= foreign | {"imagecodecs"}, "declared but not imported"


def test_no_dependency_has_an_upper_bound():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert not [line for line in project["dependencies"] if "<" in line or "==" in line]


def test_the_conda_recipe_asks_for_what_the_wheel_asks_for():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    recipe = yaml.safe_load((REPOSITORY / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    on_conda = {"dask[array]": "dask-core", "matplotlib": "matplotlib-base", "torch": "pytorch"}
    wanted = {"python " + project["requires-python"]}
    for line in project["dependencies"]:
        name, least = line.split(">=")
        wanted.add(f"{on_conda.get(name, name)} >={least}")
    assert set(recipe["requirements"]["run"]) == wanted
    assert recipe["context"]["version"] == project["version"]


def test_every_page_says_the_same_version():
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    version = tomllib.loads(text)["project"]["version"]
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == version == napari_denoisplit.__version__
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## [{version}] - " in changelog
