"""HDN and muSplit in sequence by the command: one training, one file, one split."""

from __future__ import annotations

import numpy as np
import pytest
from tests.quick_training import quick_training

from napari_denoisplit.checkpoint import read_header
from napari_denoisplit.cli import main
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")


def called(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([*map(str, words)])
    return int(end.value.code or 0)


def test_it_is_trained_and_splits_noisy_superpositions_by_one_command_each(tmp_path, capsys):
    clean = phantom((96, 96), seed=1)
    images = np.stack([*clean, 0.5 * clean[0] + clean[1] - 40])
    paths = [tmp_path / f"{name}.ome.tif" for name in ("nuclei", "actin", "both")]
    for path, noisy in zip(paths, add_noise(images, seed=1), strict=True):
        write_image(path, Image(noisy, "YX"))
    nuclei, actin, both = paths
    model = tmp_path / "sequential.denoisplit"
    how = ("--method", "hdn_musplit", "--preset", "tiny", "--steps", 8, "--batch-size", 2)
    small = {"kind": "sequence", "denoiser.n_levels": 2, "denoiser.n_filters": 4}
    sets = [word for name, value in small.items() for word in ("--set", f"network.{name}={value}")]
    assert called("train", nuclei, actin, "--superposition", both, *how, *sets, "-o", model) == 0
    network = read_header(model).network
    assert (network.denoiser.n_levels, network.denoiser.blocks_per_level) == (2, 5)
    assert network.splitter.n_filters == 16
    assert called("info", model) == 0
    told = capsys.readouterr()
    assert "4 trainings, each of 2 steps" in told.err
    assert "denoiser (2 levels, 4 filters" in told.out
    assert called("split", model, both, "-o", tmp_path / "split", "-n", 2) == 0
    assert read_image(tmp_path / "split" / "both_mmse.ome.tif").shape == (2, 96, 96)
