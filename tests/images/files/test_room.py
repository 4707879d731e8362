from __future__ import annotations

import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.room import READ_WHOLE, check_room_for


def test_files_that_memory_does_not_hold_together_are_refused_unread(tmp_path):
    file = tmp_path / "a.tif"
    with file.open("wb") as stream:
        stream.truncate(READ_WHOLE)  # takes no room on the disk
    check_room_for([file])
    with pytest.raises(ImageError, match=r"4096 files hold 4.0 TiB.*take fewer"):
        check_room_for([file] * 4096)


def test_what_is_opened_lazily_may_be_larger(tmp_path):
    file = tmp_path / "a.tif"
    with file.open("wb") as stream:
        stream.truncate(READ_WHOLE + 1)
    check_room_for([file, tmp_path] * 4096)
