from __future__ import annotations

from napari_denoisplit.sampling.focus import Focus, planes_from, tiles_below, tiles_from
from napari_denoisplit.sampling.tiles import tile_grid

TILES = tile_grid(512, 512, 192, 32, 16)  # four by four


def test_planes_go_outwards_from_the_one_in_view_and_follow_it_when_it_moves():
    view = Focus((3,), (0, 9), (0, 9))
    order = planes_from([(t,) for t in range(6)], lambda: view)
    assert [next(order) for _ in range(3)] == [(3,), (2,), (4,)]
    view = Focus((0,), (0, 9), (0, 9))
    assert list(order) == [(0,), (1,), (5,)]


def test_without_a_view_the_order_stays():
    planes = [(0,), (1,), (2,)]
    assert list(planes_from(planes, None)) == list(planes_from(planes, lambda: None)) == planes
    assert tiles_from(TILES, (), None) == TILES
    assert tiles_from(TILES, (1,), lambda: Focus((0,), (400, 500), (400, 500))) == TILES


def test_every_tile_in_view_comes_before_the_others_the_middle_one_first():
    view = Focus((), (300, 500), (100, 300))
    order = tiles_from(TILES, (), lambda: view)
    assert sorted(order, key=TILES.index) == TILES
    seen = [t.inner_y[1] > 300 and t.inner_x[0] < 300 and t.inner_x[1] > 100 for t in order]
    assert seen == sorted(seen, reverse=True)
    assert (order[0].inner_y, order[0].inner_x) == ((384, 512), (128, 256))
    moved = Focus((), (236, 436), (36, 236))
    assert tiles_from(TILES, (), lambda: moved, offset=(64, 64)) == order


def test_a_tile_waits_for_the_tiles_in_its_context_alone():
    corner = tiles_below(TILES, TILES[0])
    assert [TILES.index(tile) for tile in corner] == [0, 1, 4, 5]
