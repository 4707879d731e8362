from __future__ import annotations

from napari_denoisplit.widgets import BatchWidget, SplitWidget


def test_a_folder_is_split_with_the_same_settings_as_an_image(viewer, dock):
    one, many = (dock(viewer, kind(viewer)) for kind in (SplitWidget, BatchWidget))
    for form in ("settings", "more"):
        assert set(getattr(one, form).values()) == set(getattr(many, form).values())
