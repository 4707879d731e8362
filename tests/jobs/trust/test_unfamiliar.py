from __future__ import annotations

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.example.cells import MODEL, cells_to_split
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust import job
from napari_denoisplit.jobs.trust.job import check_job
from napari_denoisplit.jobs.trust.likeness import figures_of, likeness_of
from napari_denoisplit.jobs.trust.unfamiliar import unfamiliar_job
from napari_denoisplit.measures.trust.likeness import UNFAMILIAR, noise_of
from napari_denoisplit.settings import Acquisition, SplitSettings
from napari_denoisplit.verdict import Verdict

AS_TRAINED = Acquisition()
QUICK = SplitSettings(n_samples=2, keep_samples=2, device="cpu", grey_levels="kept")


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL)


@pytest.fixture(scope="module")
def cells():
    """170 x 200 pixels: the last row and column of blocks are not whole."""
    image = cells_to_split()[0]
    return replace(image, data=np.array(image.data[..., :170, :200], np.float32))


def unfamiliar(model, image, taken=AS_TRAINED, *, residual=None, stop=None):
    """Map of an image; what of it was split, its residual tells, which here is zero."""
    whole = replace(image, data=np.zeros(image.data.shape, np.float32))
    check = SimpleNamespace(residual=residual or whole)
    return run(unfamiliar_job(model, image, check, taken, stop=stop or threading.Event()))


def striped(image, rows, columns):
    """Paint stripes of the image's contrast into a place; no cell looks so."""
    data = image.data.copy()
    _, x = np.mgrid[rows, columns]
    data[..., rows, columns] += 2 * data.std() * np.sin(np.pi * x / 4).astype(np.float32)
    return replace(image, data=data)


def test_a_place_unlike_the_training_images_stands_out_alone(model, cells):
    own = unfamiliar(model, cells).data
    seen = unfamiliar(model, striped(cells, np.s_[64:128], np.s_[64:128])).data
    assert own.shape == seen.shape == cells.data.shape
    assert np.median(own) < UNFAMILIAR
    changed = np.zeros(seen.shape, bool)
    changed[64:128, 64:128] = True
    assert seen[changed].min() > max(UNFAMILIAR, 1.5 * own.max())
    np.testing.assert_allclose(seen[:64, :64], own[:64, :64], rtol=0.1)


def test_the_last_pixels_are_those_of_a_block_that_ends_there(model, cells):
    seen = unfamiliar(model, striped(cells, np.s_[128:170], np.s_[128:200])).data
    assert seen[169, 199] == seen[128, 192] > UNFAMILIAR
    assert seen[127, 127] < seen[169, 199]


def test_blocks_that_are_not_known_are_no_numbers(model, cells):
    holed = cells.data.copy()
    holed[10, 10], holed[:64, 100:128] = np.nan, 0.0  # a speck, and the edge of a mosaic
    seen = unfamiliar(model, replace(cells, data=holed)).data
    assert np.isnan(seen[:64, :128]).all()
    assert np.isfinite(seen[64:]).all()


def test_planes_that_were_not_split_have_no_map(model, cells):
    stack = Image(np.stack([cells.data, cells.data]), "TYX", name="stack")
    residual = np.zeros(stack.data.shape, np.float32)
    residual[1] = np.nan
    seen = unfamiliar(model, stack, residual=replace(stack, data=residual)).data
    assert np.isfinite(seen[0]).all()
    assert np.isnan(seen[1]).all()


def test_larger_pixels_are_seen_enlarged_with_the_noise_of_the_training_images(
    model, cells, monkeypatch
):
    seen = []

    def kept(model, tiles):
        seen.append(tiles[:, 0].numpy())
        return figures_of(model, tiles)

    monkeypatch.setattr("napari_denoisplit.jobs.trust.unfamiliar.figures_of", kept)
    larger = cells.data[:128, :192].reshape(64, 2, 96, 2).mean((1, 3))  # with half of the noise
    found = unfamiliar(model, replace(cells, data=larger), Acquisition(magnification=2)).data
    (tiles,) = seen
    assert tiles.shape == (2, 128, 128)
    assert noise_of(tiles) == pytest.approx(likeness_of(model.header).noise, rel=0.05)
    assert found.shape == larger.shape


def test_small_planes_and_stopped_maps_are_none(model, cells):
    stop = threading.Event()
    stop.set()
    assert unfamiliar(model, cells, stop=stop) is None
    small = replace(cells, data=cells.data[:48, :200])
    assert unfamiliar(model, small) is None


def test_grey_levels_of_the_recording_do_not_count(model, cells):
    dim = replace(cells, data=cells.data / 3 + 500)
    taken = Acquisition(gain=1 / 3, offset=500.0)
    found = unfamiliar(model, dim, taken).data
    np.testing.assert_allclose(found, unfamiliar(model, cells).data, rtol=1e-2)


@pytest.mark.parametrize("width", [0, 64])
def test_a_check_says_how_much_looks_strange(model, cells, monkeypatch, width):
    """Although what comes of the round trip is graver than all before it."""
    graver = Verdict(grade="do not use", reasons=("Nothing comes back.",))
    monkeypatch.setattr(job, "judge_round_trip", lambda *_: graver)
    strange = striped(cells, np.s_[:170], np.s_[:width])
    check = run(check_job(model, strange, run(split_job(model, strange, QUICK)), QUICK))
    assert isinstance(check.unfamiliar, Image)
    share = check.verdict.figures["unfamiliar"]
    assert share == (check.unfamiliar.data > UNFAMILIAR).mean() >= max(0.01, width / 200)
    assert any(f"{share:.0%} of the image looks unlike" in r for r in check.verdict.reasons)
    assert graver.reasons[0] in check.verdict.reasons


def test_sigma_is_wider_where_an_image_looks_strange_alone(model, cells):
    split = run(split_job(model, cells, QUICK))
    check = run(check_job(model, cells, split, QUICK))
    strangeness = np.full(cells.data.shape, 0.5, np.float32)
    strangeness[:64], strangeness[64:128] = 4.0, np.nan
    known = replace(check.unfamiliar, data=strangeness)
    wide = replace(check, unfamiliar=known).widened_sigma(split)
    assert (wide.axes, wide.channel_names) == (split.sigma.axes, split.structures)
    np.testing.assert_allclose(wide.data[:, :64], 2 * split.sigma.data[:, :64], rtol=1e-6)
    np.testing.assert_array_equal(wide.data[:, 64:], split.sigma.data[:, 64:])
    assert replace(check, unfamiliar=None).widened_sigma(split) is None
    assert check.widened_sigma(replace(split, sigma_arrays=None)) is None
