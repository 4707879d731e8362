"""Two runs do not write to one place."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap

import pytest

from napari_denoisplit.errors import JobError
from napari_denoisplit.jobs import lock
from napari_denoisplit.jobs.lock import locked


def test_a_second_run_is_refused_and_told_who_is_there(tmp_path):
    place = tmp_path / "new" / "result.zarr"
    with (
        locked(place),
        pytest.raises(JobError, match=rf"written by process {os.getpid()} on .*another name"),
        locked(place),
    ):
        pass


def test_nothing_is_left_behind_and_the_place_is_free_again(tmp_path):
    for _ in range(2):
        with pytest.raises(JobError, match="it failed"), locked(tmp_path / "a"):
            raise JobError("it failed")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_keeps_nobody_away(tmp_path, monkeypatch):
    def unsupported(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock", unsupported)
    with locked(tmp_path / "a"), locked(tmp_path / "a"):
        pass


def test_a_folder_that_cannot_be_made_is_left_to_the_job_to_say(tmp_path):
    (tmp_path / "file").touch()
    with locked(tmp_path / "file" / "result.zarr"):
        pass


def test_places_beside_each_other_are_independent(tmp_path):
    with locked(tmp_path / "a"), locked(tmp_path / "b"):
        assert len(list(tmp_path.iterdir())) == 2


def test_a_process_that_was_killed_holds_nothing(tmp_path):
    code = f"""
        import os
        from pathlib import Path
        from napari_denoisplit.jobs.lock import locked
        with locked(Path({str(tmp_path / "a")!r})):
            os._exit(9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert done.returncode == 9
    assert len(list(tmp_path.iterdir())) == 1
    with locked(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_another_process_is_refused_while_one_writes(tmp_path):
    code = f"""
        from pathlib import Path
        from napari_denoisplit.jobs.lock import locked
        with locked(Path({str(tmp_path / "a")!r})):
            pass
    """
    with locked(tmp_path / "a"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            check=False,
            capture_output=True,
            text=True,
        )
    assert f"written by process {os.getpid()} on" in done.stderr
