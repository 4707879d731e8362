"""A training whose images memory does not hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from tests.quick_training import quick_training

from napari_denoisplit.checkpoint import last_path, load_model
from napari_denoisplit.errors import ImageError, TrainingError
from napari_denoisplit.events import EpochDone, Stage, run
from napari_denoisplit.images.files.image_file import read_images
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.training import patch_corners
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.images.training.separate import fields_of
from napari_denoisplit.images.training.shelves import Shelves
from napari_denoisplit.jobs.learning.batches import Batches
from napari_denoisplit.jobs.learning.shelved import ShelvedBatches
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.settings import MixSettings

__all__ = ["quick_training"]

pytestmark = pytest.mark.usefixtures("quick_training")

EVENLY = {
    "patch_size": 16,
    "batch_size": 16,
    "structure_bias": 0.0,
    "augment": False,
    "independent_share": 0.0,
    "seed": 0,
    "device": torch.device("cpu"),
}
N_FILES = 24
EDGE = 64
ONE_FILE = 8 * 2 * EDGE**2


@pytest.fixture(scope="module")
def clean():
    large = phantom((4 * EDGE, 6 * EDGE), seed=0)
    return [part for rows in np.split(large, 4, 1) for part in np.split(rows, 6, 2)]


@pytest.fixture
def files(clean, tmp_path, rng):
    paths = [tmp_path / f"field{i}.tif" for i in range(N_FILES)]
    for path, signal in zip(paths, clean, strict=True):
        pixels = 300 + 20 * signal + rng.normal(0, 20, signal.shape)
        tifffile.imwrite(path, pixels.astype(np.uint16), imagej=True, metadata={"axes": "CYX"})
    return paths


@pytest.fixture
def unread(files, tight):
    """Fields of which memory holds four at a time."""
    tight(16 * ONE_FILE)
    return TrainingFields.from_images(read_images(files))


@pytest.fixture
def quick(settings):
    return settings.model_copy(update={"method": "musplit", "steps": 40, "steps_per_epoch": 10})


def numbers(history: tuple[EpochDone, ...]) -> list[tuple[float, float]]:
    return [(done.train.loss, done.validation.loss) for done in history]


def test_patches_come_from_each_field_in_proportion_to_its_places(monkeypatch):
    monkeypatch.setattr(patch_corners, "MAX_CORNERS", 1000)  # of 2,000 on a shelf
    edges = [16, 16, *np.random.default_rng(0).permutation([24, 32, 40] * 8)]
    fields = TrainingFields(
        tuple(np.full((1, edge, edge), i, np.float32) for i, edge in enumerate(edges)), ("a",)
    )
    how = {"patch_size": 16, "validation_fraction": 0.04, "test_fraction": 0.04}
    shelves = Shelves(fields, **how, seed=0, n_bytes=6 * 8 * 40**2)
    none = Normalization(input_mean=0, input_std=1, channel_means=(0.0,), channel_stds=(1.0,))

    def make(held):
        masks = [np.ones(f.shape[1:], bool) for f in held.fields]
        return Batches(held.fields, masks, none, MixSettings(), **EVENLY, alike=True)

    batches = ShelvedBatches(make(shelves.read(0, lambda: None)), shelves, make)
    drawn = Counter(int(p[0, 0, 0]) for _ in range(1500) for p in batches.draw().channels)
    batches.close()
    places = {i: (edges[i] - 15) ** 2 for i in range(2, len(edges))}
    assert not drawn.keys() - places.keys()
    for edge in (24, 32, 40):
        same = [i for i in places if edges[i] == edge]
        expected = sum(places[i] for i in same) / sum(places.values())
        assert sum(drawn[i] for i in same) / drawn.total() == pytest.approx(expected, rel=0.1)


def test_a_training_tells_that_its_images_are_read_as_they_are_needed(unread, quick):
    told: list[str] = []
    job = train_job(unread, quick)
    run(job, lambda event: told.append(event.text) if isinstance(event, Stage) else None)
    assert told[0].startswith("The images take up to 2 MiB of memory, and 1 MiB are free")
    assert "The first, 4 of 20 regions" in told[0]


def test_a_stopped_training_goes_on_to_the_same_numbers(unread, quick, tmp_path, tight):
    whole = run(train_job(unread, quick, path=tmp_path / "whole.denoisplit"))
    path = tmp_path / "part.denoisplit"
    half = train_job(unread, quick, path=path)
    for event in half:
        if isinstance(event, EpochDone) and event.epoch == 2:
            half.close()
    tight(10**10)  # shelves stay as large as they were
    rest = run(train_job(unread, quick, path=path, resume=last_path(path)))
    assert numbers(rest.history) == numbers(whole.history[2:])
    state = load_model(last_path(path)).training_state
    assert state["shelf"][0] > 0


def test_a_training_with_all_images_in_memory_does_not_go_on_without(files, quick, tmp_path, tight):
    path = tmp_path / "m.denoisplit"
    run(train_job(TrainingFields.from_images(read_images(files)), quick, path=path))
    tight(16 * ONE_FILE)
    unread = TrainingFields.from_images(read_images(files))
    with pytest.raises(TrainingError, match="with all images in memory, which holds them no more"):
        run(train_job(unread, quick, path=path, resume=last_path(path)))


def test_a_file_that_vanishes_ends_a_training_whose_model_is_kept(unread, quick, files, tmp_path):
    path = tmp_path / "m.denoisplit"

    def lose(event) -> None:
        if isinstance(event, EpochDone):
            for file in files:
                file.unlink(missing_ok=True)

    lost = quick.model_copy(update={"steps": 400})
    with pytest.raises(ImageError, match=r"field\d+\.tif does not exist.*go on with .*last"):
        run(train_job(unread, lost, path=path), lose)
    assert load_model(path).header.training["steps"] > 0
    assert last_path(path).exists()


@pytest.mark.parametrize("kind", ["separate", "recorded", "repeats"])
def test_every_kind_of_fields_trains_unread(kind, quick, tight, rng):
    nuclei, actin = (
        Image(300 + rng.normal(0, 20, (24, EDGE, EDGE)).astype(np.float32), "TYX", name=name)
        for name in ("nuclei", "actin")
    )
    both = Image((nuclei.data + actin.data) / 2, "TYX")
    tight(16 * ONE_FILE)
    if kind == "separate":
        fields = fields_of([nuclei, replace(actin, data=actin.data[1:])])
    elif kind == "recorded":
        fields = fields_of([nuclei, actin], superpositions=[both])
    else:
        places = [
            replace(i, data=i.data[k : k + 2]) for k in range(0, 24, 2) for i in (nuclei, actin)
        ]
        fields = fields_of([places[::2], places[1::2]], t_is_repeats=True)
    assert fields.is_unread
    assert len(run(train_job(fields, quick)).history) == 4
