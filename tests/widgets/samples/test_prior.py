"""What a model has learned, drawn by a real network."""

from __future__ import annotations

from napari_denoisplit.images.layer_record import kind_of
from napari_denoisplit.widgets.samples.widget import SamplesWidget


def test_images_of_the_model_alone_are_layers_that_a_second_run_replaces(
    qtbot, viewer, dock, small_model
):
    widget = dock(viewer, SamplesWidget(viewer))
    prior = widget.prior
    assert "model" in prior.problem
    assert not prior.panel.button.isEnabled()
    widget.offer_model(small_model)
    qtbot.waitUntil(prior.panel.button.isEnabled)
    for _ in range(2):
        prior.panel.button.click()
        qtbot.waitUntil(lambda: not prior.panel.is_busy)
        assert [kind_of(layer.metadata) for layer in viewer.layers] == ["prior", "prior"]
        assert {layer.data.shape for layer in viewer.layers} == {(8, 256, 256)}
