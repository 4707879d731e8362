"""The sequential baseline: each image is denoised by a network of its own, then muSplit trained."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quick_training import quick_training

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.cli import main
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import LadderSettings, TrainSettings

__all__ = ["quick_training"]

DENOISER = TrainSettings(
    network=LadderSettings(n_channels=1, n_levels=2, n_filters=8, n_latents=4, variance="exp"),
    minutes=None,
    steps=8,
    patch_size=32,
    batch_size=4,
    device="cpu",
)


def called(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([*map(str, words)])
    return int(end.value.code or 0)


@pytest.fixture
def denoisers(tmp_path, quick_training):
    """Images of two structures and of both together, and beside each a small denoiser of it."""
    clean = phantom((96, 96), seed=1)
    images = np.stack([*clean, 0.5 * clean[0] + clean[1] - 40])
    for name, noisy in zip(("nuclei", "actin", "both"), add_noise(images, seed=1), strict=True):
        image = Image(noisy, "YX")
        write_image(tmp_path / f"{name}.ome.tif", image)
        run(
            train_job(
                TrainingFields.from_images(image), DENOISER, path=tmp_path / f"{name}.denoisplit"
            )
        )
    return tmp_path


def test_musplit_is_trained_on_denoised_images_and_splits_those(denoisers):
    for name in ("nuclei", "actin", "both"):
        image, model = denoisers / f"{name}.ome.tif", denoisers / f"{name}.denoisplit"
        words = ("--method", "hdn", "--model", model, "-n", 4, "-o", denoisers / "denoised")
        assert called("denoise", image, *words) == 0
    nuclei, actin, both = (
        denoisers / "denoised" / f"{name}_mmse.ome.tif" for name in ("nuclei", "actin", "both")
    )
    model = denoisers / "sequential.denoisplit"
    how = ("--method", "musplit", "--preset", "tiny", "--steps", 2, "--batch-size", 2)
    named = ("--names", "nuclei,actin", "--superposition", both)
    assert called("train", nuclei, actin, *named, *how, "-o", model) == 0
    header = read_header(model)
    assert header.noise_models is None
    assert header.normalization.input_mean == pytest.approx(read_image(both).data.mean(), rel=0.1)
    assert called("split", model, both, "-o", denoisers / "split", "-n", 2) == 0
    assert read_image(denoisers / "split" / "both_mmse_mmse.ome.tif").shape == (2, 96, 96)
