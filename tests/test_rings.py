"""The plan of the house: rings and faces, the wings of the widgets, folders, tests beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

PACKAGE = "napari_denoisplit"
TESTS = Path(__file__).resolve().parent
SOURCE = TESTS.parent / "src" / PACKAGE

# From the innermost ring outwards; a name is a module or a subpackage of the package.
RINGS = (
    {
        "calibration_record",
        "curves",
        "docstrings",
        "errors",
        "events",
        "giving_up",
        "sealed_file",
        "fault_report",
        "files",
        "memory",
        "settings",
        "verdict",
        "wording",
    },
    {"images", "measures"},
    {"nn", "noise", "sampling", "checkpoint"},
    {"jobs"},
    {"api", "cli", "plugin", "widgets", "__main__"},
)
FACES = RINGS[-1]
# A window or a command must open before any of these is needed.
HEAVY = {"dask", "matplotlib", "scipy", "skimage", "tifffile", "torch", "zarr"}
# What the pages of the window share; everything else in `widgets` is the wing of one page.
# Each may import those before it.
SHARED_BY_WINGS = ("layers", "parts", "choosers")
MOST_MODULES_OF_A_FOLDER = 15
# Tests of the whole, which no module bears the name of.
OF_THE_WHOLE = {
    "test_dependencies.py",
    "test_docs.py",
    "test_import.py",
    "test_manifest.py",
    "test_rings.py",
    "test_stand_in.py",
    "test_mutations.py",
    "test_notebooks.py",
    "widgets/test_memory.py",
    "widgets/test_pictures.py",
    "widgets/test_smoke.py",
    "widgets/test_usability.py",
    "widgets/test_whole_way.py",
}


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


def inside(names: Collection[str]) -> set[str]:
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


@cache
def imports() -> dict[str, set[str]]:
    """The modules of the package that each of them imports."""
    return {n: inside(imported(path, everywhere=True)) - {""} for n, path in MODULES.items()}


def ring_of(module: str) -> int:
    """Index of the ring of a module."""
    head = module.partition(".")[0]
    for index, ring in enumerate(RINGS):
        if head in ring:
            return index
    raise AssertionError(f"{module!r} belongs to no ring: add it to RINGS in {__file__}")


def test_the_page_on_the_architecture_lists_the_rings():
    page = (SOURCE.parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.partition("| Ring |")[2].partition("\n\n")[0].splitlines()[2:]
    listed = [re.findall(r"`([\w/]+?)(?:/|\.py)`", row.split("|")[3]) for row in table]
    assert tuple(map(set, listed)) == RINGS


def face_of(module: str) -> str | None:
    """The face that a module is a part of."""
    head = module.partition(".")[0]
    # __main__ is the door of the command.
    return "cli" if head == "__main__" else head if head in FACES else None


def wing_of(module: str) -> str | None:
    """The folder of `widgets` that a module lies in."""
    parts = module.split(".")
    return parts[1] if parts[0] == "widgets" and len(parts) > 1 else None


def test_no_module_imports_from_an_outer_ring():
    offenders = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if module and ring_of(other) > ring_of(module)
    ]
    assert not offenders


def test_no_face_imports_another_face():
    offenders = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if face_of(module) and face_of(other) not in {None, face_of(module)}
    ]
    assert not offenders


def test_faces_load_heavy_libraries_only_inside_functions():
    offenders = [
        f"{module} imports {name}"
        for module in MODULES
        if face_of(module)
        for name in imported(MODULES[module], everywhere=False)
        if name.partition(".")[0] in HEAVY
    ]
    assert not offenders


def test_no_wing_of_the_widgets_imports_another_wing():
    offenders = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if wing_of(module) and wing_of(other) not in {None, wing_of(module), *SHARED_BY_WINGS}
    ]
    assert not offenders


def test_shared_folders_of_the_widgets_import_in_one_direction():
    offenders = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if {wing_of(module), wing_of(other)} <= set(SHARED_BY_WINGS)
        and SHARED_BY_WINGS.index(wing_of(module)) < SHARED_BY_WINGS.index(wing_of(other))
    ]
    assert not offenders


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {name: inside(imported(path, everywhere=False)) for name, path in MODULES.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(MODULES)


def test_the_walk_sees_an_import_that_breaks_the_rule(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text(f"def later():\n    from {PACKAGE}.widgets import split\n")
    assert inside(imported(bad, everywhere=True)) & {"widgets", "widgets.split"}
    assert not imported(bad, everywhere=False)


def test_no_folder_holds_more_modules_than_a_reader_can_take_in():
    sizes = {
        folder: len([path for path in folder.glob("*.py") if path.name != "__init__.py"])
        for folder in {path.parent for path in MODULES.values()}
    }
    crowded = {str(f.relative_to(SOURCE)): n for f, n in sizes.items()}
    assert not {f: n for f, n in crowded.items() if n > MOST_MODULES_OF_A_FOLDER}


def test_every_module_says_what_it_holds_and_every_folder_is_a_package():
    silent = [
        name
        for name, path in MODULES.items()
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not silent
    folders = {path.parent for path in MODULES.values()}
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_tests_lie_where_the_module_lies_that_they_test():
    """`tests/a/test_b.py` and `tests/a/test_b_in_some_respect.py` test `a/b.py`."""
    stray = []
    for path in sorted(TESTS.rglob("test_*.py")):
        place = path.relative_to(TESTS)
        if place.as_posix() in OF_THE_WHOLE:
            continue
        words = path.stem.split("_")[1:]
        names = {"_".join(words[:n]) for n in range(1, len(words) + 1)}
        if not any(".".join((*place.parent.parts, name)) in MODULES for name in names):
            stray.append(place.as_posix())
    assert not stray


@cache
def names_of(module: str) -> set[str]:
    """Names that the statements of a module give it, and its submodules."""
    found = {name.rpartition(".")[2] for name in MODULES if name.rpartition(".")[0] == module}
    pending: list[ast.AST] = list(ast.parse(MODULES[module].read_text(encoding="utf-8")).body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (name for target in targets for name in ast.walk(target))
            found.update(name.id for name in names if isinstance(name, ast.Name))
        else:
            pending.extend(ast.iter_child_nodes(node))
    return found


def test_tests_benchmarks_and_docs_import_what_exists():
    """A name that has moved is missed at once, not when the slow tests or the benchmarks run."""
    missing = []
    for folder in ("tests", "benchmarks", "docs"):
        for path in sorted((TESTS.parent / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.ImportFrom) or not node.module:
                    continue
                head, _, module = node.module.partition(".")
                # Names of the package and of the widgets are loaded when they are asked for.
                if head != PACKAGE or module in {"", "widgets"}:
                    continue
                known = names_of(module) if module in MODULES else set()
                missing += [
                    f"{path.relative_to(TESTS.parent)}: {node.module}.{alias.name}"
                    for alias in node.names
                    if alias.name not in known
                ]
    assert not missing
