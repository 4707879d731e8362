"""The package is made of rings: a module imports from its own ring or from one above it."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "napari_denoisplit"
SOURCE = Path(__file__).resolve().parent.parent / "src" / PACKAGE

# From the innermost ring outwards; a name is a module or a subpackage of the package.
RINGS = (
    {"calibration_record", "curves", "errors", "events", "files", "settings", "verdict", "wording"},
    {"images", "measures"},
    {"nn", "noise", "sampling", "checkpoint"},
    {"jobs"},
    {"api", "cli", "plugin", "widgets", "__main__"},
)
FACES = RINGS[-1]
# A window or a command must open before any of these is needed.
HEAVY = {"dask", "matplotlib", "scipy", "skimage", "tifffile", "torch", "zarr"}


def modules() -> dict[str, Path]:
    """Dotted name inside the package, '' for the package itself, and file of every module."""
    names = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


MODULES = modules()


def is_type_checking(node: ast.stmt) -> bool:
    """Whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imported(path: Path, *, everywhere: bool) -> set[str]:
    """Dotted names that a module imports when it runs; with `everywhere` inside functions too."""
    found: set[str] = set()
    pending: list[ast.AST] = list(ast.parse(path.read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.stmt) and is_type_checking(node):
            pending.extend(node.orelse)
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import in line {node.lineno}"
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            pending.extend(ast.iter_child_nodes(node))
    return found


def inside(names: set[str]) -> set[str]:
    """The modules of the package among imported names, without the package's prefix."""
    own = set()
    for name in names:
        head, _, rest = name.partition(".")
        if head != PACKAGE:
            continue
        # `from package.module import thing` names a thing: shorten it to the module.
        while rest not in MODULES:
            rest = rest.rpartition(".")[0]
        own.add(rest)
    return own


def ring_of(module: str) -> int:
    """Index of the ring of a module."""
    head = module.partition(".")[0]
    for index, ring in enumerate(RINGS):
        if head in ring:
            return index
    raise AssertionError(f"{module!r} belongs to no ring: add it to RINGS in {__file__}")


@pytest.mark.parametrize("module", [name for name in MODULES if name])
def test_a_module_imports_nothing_from_an_outer_ring(module):
    outer = {
        other
        for other in inside(imported(MODULES[module], everywhere=True)) - {""}
        if ring_of(other) > ring_of(module)
    }
    assert not outer, f"{module} imports {outer}, which lie further out"


@pytest.mark.parametrize("module", [name for name in MODULES if name.partition(".")[0] in FACES])
def test_a_face_imports_no_other_face(module):
    # __main__ is the door of the command.
    face = "cli" if module == "__main__" else module.partition(".")[0]
    heads = {
        other.partition(".")[0]
        for other in inside(imported(MODULES[module], everywhere=True)) - {""}
    }
    assert not heads & (FACES - {face})


@pytest.mark.parametrize("module", [name for name in MODULES if name.partition(".")[0] in FACES])
def test_a_face_loads_heavy_libraries_only_inside_functions(module):
    loaded = {name.partition(".")[0] for name in imported(MODULES[module], everywhere=False)}
    assert not loaded & HEAVY


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {name: inside(imported(path, everywhere=False)) for name, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def test_the_walk_sees_an_import_that_breaks_the_rule(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(f"def later():\n    from {PACKAGE}.widgets import worker\n")
    assert inside(imported(bad, everywhere=True)) & {"widgets", "widgets.worker"}
    assert not imported(bad, everywhere=False)
