"""Tiny files in the formats of published data sets become training fields, split as published."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from tests.images.files.test_mrc import mrc

from napari_denoisplit.images.channels import choose_channels
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.training.separate import fields_of


@pytest.fixture
def stacks(rng):
    """Two structures, 20 frames each."""
    return rng.integers(1, 60_000, (2, 20, 64, 64)).astype("u2")


def parts(fields, **how):
    """Frames for test, validation, training."""
    found = fields.partition(patch_size=32, validation_fraction=0.1, test_fraction=0.1, **how)
    train = [i for i, mask in enumerate(found.train) if mask.any()]
    return [r.field for r in found.test], [r.field for r in found.validation], train


def test_biosr_pairs_the_frames_of_two_mrc_files_and_tests_on_the_first(tmp_path, stacks):
    for name, data in zip(("ER", "Microtubules"), stacks, strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "GT_all.mrc").write_bytes(mrc(data))
    images = [read_image(tmp_path / n / "GT_all.mrc") for n in ("ER", "Microtubules")]
    fields = fields_of(images)
    np.testing.assert_array_equal(fields.fields[7], stacks[:, 7])
    assert parts(fields) == ([0, 1], [2, 3], list(range(4, 20)))


def test_hagen_pairs_the_frames_of_two_tiff_stacks(tmp_path, stacks):
    paths = [tmp_path / f"{n}-60x-noise2-lowsnr.tif" for n in ("actin", "mito")]
    for path, data in zip(paths, stacks, strict=True):
        tifffile.imwrite(path, data)
    fields = fields_of([read_image(path) for path in paths])
    np.testing.assert_array_equal(fields.fields[19], stacks[:, 19])
    assert parts(fields) == ([0, 1], [2, 3], list(range(4, 20)))


@pytest.mark.parametrize("axes", ["YXC", "TYXC"])
def test_of_pavia_atn_with_channels_last_two_are_taken(tmp_path, rng, axes):
    data = rng.integers(1, 60_000, (3, 48, 40, 4)[-len(axes) :]).astype("u2")
    path = tmp_path / "atn.tif"
    tifffile.imwrite(path, data, photometric="minisblack")
    image = choose_channels(read_image(path, axes=axes), ["3", "4"])
    fields = fields_of([image]).fields
    assert len(fields) == (3 if "T" in axes else 1)
    np.testing.assert_array_equal(fields[0], np.moveaxis(data.reshape(-1, 48, 40, 4)[0], -1, 0)[2:])


def test_the_frames_of_pavia_atn_are_for_validation_and_test_in_turns(tmp_path, rng):
    path = tmp_path / "atn.tif"
    data = rng.integers(1, 60_000, (62, 32, 32, 4)).astype("u2")
    tifffile.imwrite(path, data, photometric="minisblack")
    image = choose_channels(read_image(path, axes="TYXC"), ["3", "4"])
    test, validation, train = parts(fields_of([image]), alternate=True)
    assert validation == [0, 1, 2, 6, 7, 8]
    assert test == [3, 4, 5, 9, 10, 11]
    assert train == list(range(12, 62))


def test_a_stack_of_pn2v_is_one_noisy_structure(tmp_path, stacks):
    path = tmp_path / "20190520_tl_25um_50msec_05pc_488_130EM_Conv.tif"
    tifffile.imwrite(path, stacks[0])
    fields = fields_of([read_image(path)])
    assert fields.n_channels == 1
    assert len(fields.fields) == 20
