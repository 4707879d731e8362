"""Samples whose planes are larger than a screen, in a real window."""

from __future__ import annotations

import dask.array as da
import pytest
from tests.widgets.samples_layers import NAMES

from napari_denoisplit.widgets.samples.widget import SamplesWidget

EDGE = 4096


@pytest.fixture
def large(qtbot, window, dock):
    """The samples of two structures, on show; each pixel tells its place and its sample."""
    rows = da.arange(EDGE, chunks=512, dtype="f4")
    fine = (rows[:, None] * 10_000 + rows[None])[None] + da.arange(3, chunks=1)[:, None, None]
    for number, name in enumerate(NAMES):
        levels = [(1 - 2 * number) * fine[:, ::n, ::n] for n in (1, 2, 4, 8, 16)]
        own = {"input": "s", "structure": name, "channel": number, "kind": "samples"}
        layer = window.add_image(
            levels,
            multiscale=True,
            visible=False,
            scale=(1, 2, 2),
            name=name,
            axis_labels=("sample", "y", "x"),
            metadata={"denoisplit": own},
        )
        assert layer.multiscale
    widget = dock(window, SamplesWidget(window))
    widget.show_button.click()
    settle(qtbot, widget)
    yield widget
    widget.browser.hide()


def settle(qtbot, widget):
    """Wait until the part that is on screen has been read."""
    qtbot.wait(100)
    qtbot.waitUntil(lambda: bool(widget.browser.picture.layers) and not widget.browser.is_waiting)


def look_at(qtbot, window, widget, y, x, zoom):
    camera = getattr(window, "scene", window).camera
    camera.center, camera.zoom = (0, y, x), zoom
    settle(qtbot, widget)


def value_at(layer, world):
    y, x = (round(float(at)) for at in layer.world_to_data(world))
    return layer.data[y, x]


def test_of_a_large_plane_the_part_on_screen_is_read_at_its_resolution(qtbot, window, large):
    picture = large.browser.picture
    assert max(picture.layers[0].data.shape) < EDGE / 2
    look_at(qtbot, window, large, 2000, 3000, zoom=3)
    large.player.go(2)
    settle(qtbot, large)
    shown = picture.layers[0]
    assert shown.scale[0] == 2
    assert shown.data.size < EDGE * EDGE / 4
    assert value_at(shown, (2000, 3000)) == 1000 * 10_000 + 1500 + 2
    assert picture.pixel_at((0, 2000, 3000)) == (1000, 1500)


def test_details_stand_side_by_side_without_leaving_the_screen(qtbot, window, large):
    look_at(qtbot, window, large, 2000, 3000, zoom=3)
    large.view.layout_box.setCurrentText("side by side")
    settle(qtbot, large)
    first, second = large.browser.picture.layers
    assert first.extent.world[1, 1] < second.extent.world[0, 1] < 3200
    assert first.data.shape == second.data.shape
    assert (first.data == -second.data).all()
    world = second.data_to_world((40, 20))
    y, x = large.browser.picture.pixel_at((0, *world))
    assert value_at(second, world) == -(10_000 * y + x)
    before = first.data[40, 20]
    look_at(qtbot, window, large, 2000, 3020, zoom=3)
    assert first.data[40, 20] == before + 10


def test_a_film_is_of_the_part_on_screen_and_its_numbers_are_exact(qtbot, window, large, tmp_path):
    import tifffile

    look_at(qtbot, window, large, 4000, 4000, zoom=0.2)
    shown = large.browser.picture.layers[0]
    qtbot.waitUntil(lambda: large._order().stack.plane_shape == shown.data.shape)
    part = large.browser.visible.window()
    assert part.level > 0
    large.save(tmp_path / "a.ome.tif")
    qtbot.waitUntil(lambda: "Saved" in large.panel.status.text(), timeout=20_000)
    numbers = tifffile.imread(tmp_path / "a.ome.tif")
    step = 2**part.level
    assert numbers[0, 0, 0, 0] == 10_000 * step * part.y[0] + step * part.x[0]
    assert numbers[0, 0, 1, 1] - numbers[0, 0, 0, 0] == 10_001
