from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.cli import main
from napari_denoisplit.errors import JobError
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.prior import prior_job
from napari_denoisplit.nn.families import network_of
from napari_denoisplit.settings import (
    DivNoisingSettings,
    LadderSettings,
    MixSettings,
    PriorSettings,
    UNetSettings,
)

SMALL = PriorSettings(n_images=3, size=37, device="cpu", precision="float32")
LADDER = LadderSettings(n_levels=2, n_filters=4, n_latents=2)


def model_of(network) -> Model:
    torch.manual_seed(0)
    n = network.n_channels
    header = ModelHeader(
        network=network,
        mix=MixSettings(weights=(1.0,) * n),
        normalization=Normalization(
            input_mean=0, input_std=1, channel_means=(500.0,) * n, channel_stds=(10.0,) * n
        ),
        channel_names=tuple(f"structure {c}" for c in range(n)),
        pixel_size={"Y": 0.2, "X": 0.2},
    )
    return Model(network_of(network).eval(), header)


@pytest.mark.parametrize(
    "network",
    [
        LADDER,
        LADDER.model_copy(update={"n_channels": 1, "levels_off": (0,), "top_prior_size": 4}),
        DivNoisingSettings(n_filters=4, n_latents=4),
    ],
    ids=["ladder", "hdn", "divnoising"],
)
def test_images_differ_have_image_units_and_come_again_with_their_seed(network):
    model = model_of(network)
    image = run(prior_job(model, SMALL))
    assert image.axes == "TCYX"
    assert image.shape == (3, network.n_channels, 37, 37)
    assert abs(image.data.mean() - 500) < 100
    assert image.data.std(axis=0).mean() > 1e-3
    assert image.pixel_size == {"Y": 0.2, "X": 0.2}
    np.testing.assert_array_equal(run(prior_job(model, SMALL)).data, image.data)
    more = run(prior_job(model, SMALL.model_copy(update={"n_images": 4})))
    np.testing.assert_array_equal(more.data[:3], image.data)
    other = run(prior_job(model, SMALL.model_copy(update={"seed": 1})))
    assert not np.array_equal(other.data, image.data)


def test_latents_of_divnoising_have_a_unit_prior():
    network = network_of(DivNoisingSettings(n_filters=4, n_latents=4)).eval()
    z = torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        drawn = network.from_prior(lambda level, shape: z, 32, 32)
        # q of mean 0 and variance 1 draws the same from the same noise
        decoded = network.decode([torch.zeros(1, 8, 8, 8)], lambda level, shape: z)
    torch.testing.assert_close(drawn, decoded)


def test_a_network_without_latents_and_a_stop_are_told():
    with pytest.raises(JobError, match="no latents"):
        run(prior_job(model_of(UNetSettings(n_levels=2, n_filters=4)), SMALL))
    stop = threading.Event()
    job = prior_job(model_of(LADDER), SMALL, stop=stop)
    image = run(job, lambda event: stop.set())
    assert len(image.data) == 1
    with pytest.raises(JobError, match="before the first"):
        run(prior_job(model_of(LADDER), SMALL, stop=stop))


def test_the_command_writes_a_channel_for_each_structure(tmp_path):
    path, output = tmp_path / "m.denoisplit", tmp_path / "prior.ome.tif"
    save_model(path, model_of(LADDER))
    words = ["prior", str(path), "-o", str(output), "-n", "2", "--size", "32", "--device", "cpu"]
    with pytest.raises(SystemExit, match="0"):
        main(words)
    image = read_image(output)
    assert image.shape == (2, 2, 32, 32)
    assert image.channel_names == ("structure 0", "structure 1")
    with pytest.raises(SystemExit, match="2"):
        main(words)
