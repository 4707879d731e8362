from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from safetensors.torch import load_file
from torch import nn

from napari_denoisplit.checkpoint import load_model, save_model
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.importing import import_model, published_normalization
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.settings import MixSettings, SplitSettings

NAMES = ("ER", "microtubules")
STATISTICS = Normalization(
    input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
)


@pytest.fixture(scope="module")
def states(request) -> dict[str, dict[str, torch.Tensor]]:
    stored = load_file(request.config.rootpath / "tests" / "nn" / "foreign_networks.safetensors")
    found: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in stored.items():
        origin, what, *rest = key.split("/")
        if what == "state":
            found.setdefault(origin, {})["/".join(rest)] = value
    return found


@pytest.fixture
def checkpoint(tmp_path):
    """Write what a trainer would write."""

    def write(state, **more):
        path = tmp_path / "best.ckpt"
        torch.save({"epoch": 3, "state_dict": state, **more}, path)
        return path

    return write


@pytest.mark.parametrize("origin", ["careamics", "denoiSplit", "muSplit"])
def test_an_imported_model_is_saved_loaded_and_splits(origin, states, checkpoint, tmp_path):
    model = import_model(checkpoint(states[origin]), NAMES, STATISTICS)
    save_model(tmp_path / "it.denoisplit", model)
    image = Image(np.random.default_rng(0).normal(100, 20, (64, 64)).astype("f4"), "YX")
    settings = SplitSettings(n_samples=2, device="cpu", precision="float32")
    split = run(split_job(load_model(tmp_path / "it.denoisplit"), image, settings))
    assert split.mmse.channel_names == NAMES
    assert np.isfinite(split.mmse.data).all()


def test_the_record_names_the_file_and_its_digest(states, checkpoint):
    model = import_model(checkpoint(states["careamics"]), NAMES, STATISTICS)
    assert str(model.header.provenance["imported from"]).startswith("best.ckpt sha256:")


def test_statistics_of_images_are_those_of_all_channels_together(rng):
    data = rng.normal(0, 1, (2, 40, 50)).astype("f4") * [[[3]], [[8]]] + [[[10]], [[50]]]
    found = published_normalization(TrainingFields((data,), NAMES), MixSettings())
    assert found.input_mean == pytest.approx(data.mean(), rel=1e-5)
    assert found.input_std == pytest.approx(data.std(), rel=1e-5)
    assert found.channel_stds == pytest.approx(data.std(axis=(1, 2)), rel=1e-5)
    found = published_normalization(TrainingFields((data,), NAMES), MixSettings(mode="sum"))
    assert found.input_mean == pytest.approx(data.mean(axis=(1, 2)).sum(), rel=1e-5)
    assert found.input_std == pytest.approx(np.hypot(*data.std(axis=(1, 2))), rel=1e-5)


def test_images_give_the_statistics_and_are_named(states, checkpoint, rng):
    fields = TrainingFields((rng.normal(9, 2, (2, 40, 50)).astype("f4"),), NAMES, sources=("a",))
    model = import_model(checkpoint(states["careamics"]), NAMES, fields)
    assert model.header.normalization == published_normalization(fields, MixSettings())
    assert model.header.provenance["sources"] == ["a"]


class Code(nn.Module):
    """Something whose pickle names a class of its own."""


def test_a_whole_pickled_module_is_refused_with_the_reason(tmp_path):
    torch.save(Code(), tmp_path / "best_vae.net")
    with pytest.raises(ModelFileError, match=r"whole pickled module.*run code.*state_dict"):
        import_model(tmp_path / "best_vae.net", NAMES, STATISTICS)


@pytest.mark.parametrize("content", [b"", b"hello" * 9, b"PK\x03\x04" + b"\0" * 90, b"\x80\x02]"])
def test_a_damaged_file_is_refused_by_its_name(content, tmp_path):
    (tmp_path / "it.ckpt").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"it\.ckpt cannot be imported"):
        import_model(tmp_path / "it.ckpt", NAMES, STATISTICS)


def test_an_image_is_said_to_be_no_checkpoint_and_not_code(tmp_path):
    tifffile.imwrite(tmp_path / "cells.tif", np.zeros((9, 9), "f4"))
    with pytest.raises(ModelFileError, match="no checkpoint of torch"):
        import_model(tmp_path / "cells.tif", NAMES, STATISTICS)


def test_a_missing_file_and_one_without_weights_are_refused(tmp_path):
    with pytest.raises(ModelFileError, match="No such file"):
        import_model(tmp_path / "none.ckpt", NAMES, STATISTICS)
    torch.save([1, 2], tmp_path / "list.ckpt")
    with pytest.raises(ModelFileError, match="no state_dict"):
        import_model(tmp_path / "list.ckpt", NAMES, STATISTICS)


def test_statistics_of_another_number_of_structures_are_refused(states, checkpoint):
    wrong = STATISTICS.model_copy(update={"channel_means": (1.0, 2.0, 3.0)})
    with pytest.raises(ModelFileError, match="3 channel_means for 2 channels"):
        import_model(checkpoint(states["careamics"]), NAMES, wrong)
    weights = MixSettings(weights=(1.0,))
    with pytest.raises(ModelFileError, match="1 mixing weights for 2 channels"):
        import_model(checkpoint(states["careamics"]), NAMES, STATISTICS, mix=weights)


@pytest.fixture
def mixtures() -> list[GaussianMixture]:
    torch.manual_seed(0)
    return [GaussianMixture(torch.randn(6, 2), 3.0, 900.0, 50.0) for _ in range(2)]


def test_noise_models_of_denoisplit_are_asked_for_and_checked(states, checkpoint, mixtures):
    weights = {f"noiseModel.n{c + 1}model.weight": m.weight for c, m in enumerate(mixtures)}
    path = checkpoint({**states["denoiSplit"], **weights})
    with pytest.raises(ModelFileError, match=r"\.npz files.* 2 structures"):
        import_model(path, NAMES, STATISTICS)
    with pytest.raises(ModelFileError, match="order of its structures"):
        import_model(path, NAMES, STATISTICS, noise_models=mixtures[::-1])
    with pytest.raises(ModelFileError, match="1 noise models are given for 2"):
        import_model(path, NAMES, STATISTICS, noise_models=mixtures[:1])
    model = import_model(path, NAMES, STATISTICS, noise_models=mixtures)
    assert len(model.header.noise_models or ()) == 2


def test_noise_models_of_careamics_are_taken_from_the_checkpoint(states, checkpoint, mixtures):
    held = {
        f"noise_model.nmodel_{c}.{name}": getattr(mixture, name).reshape(1, -1).clone()
        if name != "weight"
        else mixture.weight
        for c, mixture in enumerate(mixtures)
        for name in (*GaussianMixture.needs,)
    }
    tolerance = {"noise_model.nmodel_0.tolerance": torch.tensor([1e-10])}
    model = import_model(
        checkpoint({**states["careamics"], **held, **tolerance}), NAMES, STATISTICS
    )
    assert model.header.noise_models == tuple(mixture.to_dict() for mixture in mixtures)
