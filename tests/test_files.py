from __future__ import annotations

import pytest

from napari_denoisplit.files import replacing


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
