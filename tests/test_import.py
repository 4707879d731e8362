"""Torch takes seconds to load: nothing but a computation may load it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import napari_denoisplit

HEAVY = {"dask", "matplotlib", "scipy", "tifffile", "torch", "zarr"}


def loaded_by(statement: str) -> set[str]:
    """Top-level packages that a fresh interpreter holds after a statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_no_library_at_all():
    assert not loaded_by("import napari_denoisplit") & {"numpy", "pydantic", "qtpy", "torch"}


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_denoisplit.cli",
        "import napari_denoisplit.api",
        "import napari_denoisplit.plugin.sample_data, napari_denoisplit.plugin.writer",
    ],
)
def test_a_face_opens_without_heavy_libraries(statement):
    assert not loaded_by(statement) & HEAVY


def test_every_public_name_loads():
    for name in napari_denoisplit.__all__:
        assert getattr(napari_denoisplit, name) is not None


def test_no_lazy_name_is_hidden_by_a_submodule_of_the_same_name():
    for name in napari_denoisplit.__all__:
        value = getattr(napari_denoisplit, name)
        assert type(value).__name__ != "module", name


def test_an_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = napari_denoisplit.no_such_name
