from __future__ import annotations

import napari_denoisplit as nd
from napari_denoisplit.checkpoint import ModelHeader
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.ladder import VSE


def test_a_folder_is_split_and_its_results_are_known_again(tmp_path, rng):
    network = nd.LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    normalization = Normalization(
        input_mean=0.0, input_std=1.0, channel_means=(0.0, 0.0), channel_stds=(1.0, 1.0)
    )
    header = ModelHeader(
        network=network,
        mix=nd.MixSettings(),
        normalization=normalization,
        channel_names=("nuclei", "actin"),
    )
    model = tmp_path / "cells.denoisplit"
    nd.save_model(model, nd.Model(VSE(network), header))
    for name in ("a", "b"):
        nd.write_image(tmp_path / f"{name}.tif", nd.Image(rng.normal(size=(24, 24)), "YX"))
    settings = nd.SplitSettings(n_samples=2, keep_samples=0, device="cpu")
    for status in ("done", "skipped"):
        result = nd.split_folder(model, tmp_path, tmp_path / "split", settings, pattern="*.tif")
        assert [(f.path.name, f.status) for f in result.files] == [
            ("a.tif", status),
            ("b.tif", status),
        ]
    assert nd.read_image(result.files[0].outputs[0]).channel_names == ("nuclei", "actin")
