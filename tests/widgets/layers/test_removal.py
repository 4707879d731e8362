"""What a widget takes away does not get in napari's way."""

from __future__ import annotations

import numpy as np

from napari_denoisplit.images.layer_record import PREVIEW, layer_metadata
from napari_denoisplit.widgets.layers.place import viewer_reference
from napari_denoisplit.widgets.layers.removal import hide_kind, remove_kind


def test_layers_of_a_kind_are_hidden_or_removed_and_no_others(qtbot, viewer):
    viewer.add_image(np.eye(4), name="cells")
    for name in "ab":
        viewer.add_image(np.eye(4), name=name, metadata=layer_metadata(kind=PREVIEW))
    hide_kind(viewer_reference(viewer), PREVIEW)
    assert [layer.visible for layer in viewer.layers] == [True, False, False]
    remove_kind(viewer_reference(viewer), PREVIEW)
    qtbot.waitUntil(lambda: [layer.name for layer in viewer.layers] == ["cells"])
