from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from napari_denoisplit.errors import message_of
from napari_denoisplit.files import (
    free_name,
    remove_abandoned,
    replacing,
    short_stem,
    temporary_folder,
)


def test_a_file_appears_whole_under_its_name(tmp_path):
    with replacing(tmp_path / "sub" / "a.txt") as temporary:
        temporary.write_text("whole")
        assert not (tmp_path / "sub" / "a.txt").exists()
    assert (tmp_path / "sub" / "a.txt").read_text() == "whole"


def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyError("disk full")

    with pytest.raises(KeyError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_the_longest_name_can_be_written(tmp_path):
    path = tmp_path / ("x" * 243 + ".denoisplit")
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_behind_a_link_the_file_is_replaced(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "whole"


def test_a_new_file_may_be_read_by_others_as_the_umask_allows(tmp_path):
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "new"):
        pass
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize("letter", ["a", "ü", "細"])
def test_a_long_name_leaves_room_for_an_ending_and_stays_its_own(tmp_path, letter):
    one, other = (letter * (245 // len(letter.encode()) - 1) + end for end in "xy")
    assert short_stem(one) != short_stem(other)
    assert short_stem(short_stem(one)) == short_stem(one)
    (tmp_path / f"{short_stem(one)}_sigma-uncalibrated.ome.tif").touch()


def test_a_name_that_fits_stays():
    assert short_stem("cell 7") == "cell 7"


def test_a_name_is_numbered_from_the_first_that_is_free():
    assert free_name("cell", {"cat"}.__contains__) == "cell"
    assert free_name("cell", {"cell", "cell-2"}.__contains__) == "cell-3"
    assert free_name("a b", {"a b"}.__contains__, " ") == "a b 2"


@pytest.mark.parametrize("name", [None, "temporary"])
def test_a_full_disk_names_the_file_that_was_meant(tmp_path, name):
    path = tmp_path / "result.npz"
    with pytest.raises(OSError, match="No space") as caught, replacing(path) as temporary:
        raise OSError(errno.ENOSPC, "No space left", *([str(temporary)] if name else []))
    assert message_of(caught.value) == (
        f"{path} could not be written: the disk is full. Make room, or choose another place."
    )
    assert list(tmp_path.iterdir()) == []


def test_an_error_without_a_file_is_words_alone():
    assert message_of(OSError(errno.EIO, "Input/output error")) == "Input/output error"
    assert "[Errno" not in message_of(OSError(errno.ENOSPC, "No space left on device"))


def test_temporary_folders_of_processes_that_are_no_more_are_removed(tmp_path):
    code = """
import os, sys
from pathlib import Path
from napari_denoisplit.files import temporary_folder
(temporary_folder(Path(sys.argv[1])) / "large").write_text("left")
os._exit(9)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (left,) = tmp_path.iterdir()
    mine, of_others = temporary_folder(tmp_path), tmp_path / f"{left.name}-4194305-x"
    of_others.mkdir()  # as of a machine that is called as this one and a number
    remove_abandoned(tmp_path)
    assert not left.exists()
    assert mine.exists()
    assert of_others.exists()
