"""Images that teach nothing right are told before a training begins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_denoisplit.errors import DenoisplitError, ImageError
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.separate import SeparateFields
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.train.suitability import doubts_about
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import TrainSettings


def fields(scale=1.0):
    rng = np.random.default_rng(0)
    planes = [scale * rng.poisson(light, (2, 64, 64)) for light in (40.0, 90.0)]
    return TrainingFields(tuple(np.stack(p).astype(np.float32) for p in planes), ("mito", "actin"))


def camera(low=10.0, high=150.0):
    return PoissonGaussian(1.0, 0.0, 1.0, low, high)


def altered(change):
    given = fields()
    changed = [f.copy() for f in given.fields]
    for field in changed:
        change(field)
    return replace(given, fields=tuple(changed))


def test_fitting_images_and_models_are_not_doubted():
    assert doubts_about(fields(), [camera(), camera()]) == ()


def same(field):
    field[1] = field[0]


def same_rescaled(field):
    field[1] = np.rint(255 * field[0] / field[0].max())


def same_inverted(field):
    field[1] = 7 - 3 * field[0]


def hot(field):
    field[1, 5, 7] = 1e8


@pytest.mark.parametrize(
    ("given", "models", "says"),
    [
        (altered(same), None, "mito and actin have the same images"),
        (altered(same_rescaled), None, "mito and actin have the same images"),
        (altered(same_inverted), None, "mito and actin have the same images"),
        (altered(hot), None, r"actin holds one pixel of 1e\+08 \(row 5, column 7\)"),
        (fields(1 / 255), [camera(), camera()], "mito knows signals from 10 to 150, its images"),
        (fields(), [camera(), camera(3e4, 6e4)], "actin knows signals from 3e"),
        (fields(1 / 255), [camera(0.0, 4000.0)] * 2, "mito knows signals from 0 to 4000, its"),
        (fields(257.0), [camera()] * 2, "not another bit depth"),
    ],
)
def test_images_that_cannot_teach_are_refused_before_the_training(given, models, says):
    settings = TrainSettings(preset="tiny", steps=1)
    with pytest.raises(DenoisplitError, match=says):
        next(train_job(given, settings, noise_models=models))


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_saturation_is_told(share):
    def cut(field):
        field[1] = np.minimum(field[1], np.quantile(field[1], 1 - share))

    (doubt,) = doubts_about(altered(cut))
    assert "of actin are saturated" in doubt


@pytest.mark.parametrize("apart", [False, True])
def test_a_field_that_is_a_copy_of_another_is_told(apart):
    mito, actin = fields().fields[0], fields().fields[1]
    given = TrainingFields((mito, actin, mito.copy()), ("mito", "actin"))
    if apart:
        images = {
            name: [Image(field[c], "YX") for field in given.fields]
            for c, name in enumerate(given.channel_names)
        }
        given = SeparateFields.from_images(images)
    (doubt,) = doubts_about(given)
    assert doubt.startswith("Field 3 of mito has the pixels of Field 1 of mito, and so have 1 more")


@pytest.mark.parametrize("apart", [False, True])
def test_what_is_wrong_with_a_field_is_told_by_its_file(apart):
    planes = fields().fields[0]
    hot = planes.copy()
    hot[1, 5, 7] = 1e6
    if apart:
        images = [
            Image(np.stack([p[c] for p in (planes, hot)]), "ZYX", name=f"{name}.tif")
            for c, name in enumerate(("mito", "actin"))
        ]
        given = SeparateFields.from_images(dict(zip(("mito", "actin"), images, strict=True)))
    else:
        images = [
            Image(data, "CYX", channel_names=("mito", "actin"), name=f"{n}.tif")
            for n, data in enumerate((planes, hot))
        ]
        given = TrainingFields.from_images(images)
    file = "actin.tif, plane 2" if apart else "1.tif"
    with pytest.raises(ImageError, match=f"^actin in {file} holds one pixel of 1e\\+06"):
        doubts_about(given)


def test_a_field_without_room_is_told_by_its_files():
    planes = [
        Image(np.random.default_rng(n).normal(9, 2, (48, 48)), "YX", name=f"{name}.tif")
        for n, name in enumerate(("mito", "actin"))
    ]
    given = TrainingFields.from_images(planes)
    with pytest.raises(ImageError, match=r"^mito\.tif and actin\.tif of 48x48 pixels has no room"):
        given.partition(patch_size=64, validation_fraction=0.1, test_fraction=0.0)


def test_a_model_of_a_part_of_the_range_is_told():
    (doubt,) = doubts_about(fields(), [camera(), camera(130.0, 150.0)])
    assert "The noise model of actin knows signals from 130" in doubt


def test_doubts_come_first_and_stay():
    def cut(field):
        field[1] = np.minimum(field[1], np.quantile(field[1], 0.9))

    settings = TrainSettings(preset="tiny", steps=1)
    assert "saturated" in next(train_job(altered(cut), settings)).text


def test_real_images_are_not_doubted(shared_data):
    read = pytest.importorskip("tifffile").imread
    for name in (
        "other_specimens/hela_puncta_mito_nuclei",
        "fmd_mito_actin_nuclei/fmd_TwoPhoton_BPAE_avg4_1",
        "other_specimens/membranes_nuclei",
    ):
        planes = read(shared_data / "train" / f"{name}.ome.tif").astype(np.float32)
        names = tuple(f"c{c}" for c in range(len(planes)))
        assert doubts_about(TrainingFields((planes,), names)) == (), name


@pytest.mark.parametrize(("nanometres", "n_doubts"), [(325, 0), (108, 1)])
def test_training_images_of_different_magnification_are_told(nanometres, n_doubts):
    def image(plane: np.ndarray, edge: float, unit: str) -> Image:
        return Image(plane, "YX", dict.fromkeys("YX", edge), dict.fromkeys("YX", unit))

    mito, actin = fields().fields[0]
    one, other = image(mito, 0.325, "µm"), image(actin, nanometres, "nm")
    for given in (
        TrainingFields.from_images([[one], [other]]),
        SeparateFields.from_images({"mito": [one], "actin": [other]}),
    ):
        assert len(doubts_about(given)) == n_doubts
