from __future__ import annotations

import os
import subprocess
import sys

import pytest

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.jobs.learning.trainer import Trainer

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2", "-m", "napari_denoisplit")
# No samples in the network: each process draws noise of its own for the latents.
SAME = "--preset unet --method musplit --steps 4 --set steps_per_epoch=2 --patch-size 32 --device "
SAME += "cpu --precision float32 --set network.n_filters=4 --set network.n_levels=2"


@pytest.fixture
def in_two_parts(monkeypatch):
    """One process that takes each batch as two would, with batch norm of each part."""
    begin = Trainer.__init__

    def init(self, *args):
        begin(self, *args)
        self.n_parts = 2

    monkeypatch.setattr(Trainer, "__init__", init)


def losses(model) -> list[float]:
    return [epoch["train"]["loss"] for epoch in read_header(model).training["history"]]


def test_two_processes_take_the_steps_of_one_with_twice_the_batch(tmp_path, in_two_parts):
    noisy = add_noise(phantom((128, 128), seed=1), seed=1)
    images = [str(tmp_path / f"{name}.ome.tif") for name in ("nuclei", "actin")]
    for path, data in zip(images, noisy, strict=True):
        write_image(path, Image(data, "YX"))
    one, two = (tmp_path / f"{name}.denoisplit" for name in ("one", "two"))
    train = ["train", *images, *SAME.split()]
    with pytest.raises(SystemExit, match="0"):
        main([*train, "--batch-size", "4", "-o", str(one)])
    ended = subprocess.run(
        [sys.executable, *TORCHRUN, *train, "--batch-size", "2", "-o", str(two)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=True,
    )
    assert losses(two) == pytest.approx(losses(one), rel=1e-5)
    assert ended.stderr.count("Training on") == ended.stdout.count("model:") == 1
    assert "in 2 processes" in ended.stderr
