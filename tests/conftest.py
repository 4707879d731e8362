"""Fixtures that every test may use."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import settings

# Set before torch is imported anywhere: the suite is small tensors on few cores, where many
# threads cost more than they give, and sums must not depend on how many there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Plots are drawn into memory; a test that needs a window makes its own.
os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples in every run and on every machine, however slow it is.
settings.register_profile("house", derandomize=True, deadline=None, max_examples=60, database=None)
settings.load_profile("house")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_collection_finish() -> None:
    """Let no search for garbage look through the libraries again: each would take a second.

    What is loaded later is looked through seldom; a test that counts what is left asks for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the working tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real test data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("DENOISPLIT_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set DENOISPLIT_DATA to its folder")
    return folder


@pytest.fixture
def tight(monkeypatch):
    """Let a test say how many bytes of memory are free."""

    memory = psutil.virtual_memory()

    def free(n_bytes: int) -> None:
        found = memory._replace(available=int(n_bytes))
        monkeypatch.setattr(psutil, "virtual_memory", lambda: found)

    return free


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20240311)
