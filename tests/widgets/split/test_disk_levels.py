"""What the layers of a result on disk show."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_denoisplit.widgets.split import disk_levels


def test_samples_keep_their_order_beyond_a_thousand(monkeypatch):
    read = []

    def opened(paths, *_):
        read.extend(path.name for path in paths)
        return (np.zeros((len(paths), 4, 4), np.float32),)

    monkeypatch.setattr(disk_levels, "_opened", opened)
    names = [f"samples/{k:03d}" for k in (100, 101, 1000)]  # of mirrored pairs, two are neighbours
    disk_levels.open_levels(Path("result.zarr"), names, 1, "YX", complete=False)
    assert read == ["100", "101", "1000"]
