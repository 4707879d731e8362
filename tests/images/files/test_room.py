from __future__ import annotations

import pytest

from napari_denoisplit.images.files.room import READ_WHOLE, read_whole


@pytest.fixture
def file(tmp_path):
    """A file of as many bytes as are read whole, which takes no room on the disk."""
    path = tmp_path / "a.tif"
    with path.open("wb") as stream:
        stream.truncate(READ_WHOLE)
    return path


@pytest.mark.parametrize(("share", "is_read"), [(3.9, False), (4.0, True)])
def test_files_are_read_up_to_a_quarter_of_the_free_memory(file, tight, share, is_read):
    tight(share * 10 * READ_WHOLE)
    assert read_whole([file] * 10) == is_read


def test_what_is_opened_lazily_in_any_case_takes_no_room(file, tmp_path):
    with file.open("ab") as stream:
        stream.write(b" ")
    assert read_whole([file, tmp_path] * 4096)
