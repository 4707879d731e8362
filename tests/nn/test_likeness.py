from __future__ import annotations

import torch

from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.nn.likeness import map_figures
from napari_denoisplit.settings import LadderSettings


@torch.no_grad()
def test_a_level_that_is_one_pixel_of_a_tile_has_finite_figures():
    network = VSE(LadderSettings(n_levels=6, n_filters=4, n_latents=2)).eval()
    figures = map_figures(network.encode(torch.randn(3, 1, 64, 64)))
    assert [level.shape for level in figures] == [(3, 8)] * 5 + [(3, 4)]
    assert all(level.isfinite().all() for level in figures)
