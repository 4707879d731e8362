from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_denoisplit.cli.noise.tasks import choose_source, noise_tasks
from napari_denoisplit.cli.parts.errors import UsageError
from napari_denoisplit.images.image import Image


def channels(name: str = "cells", names: tuple[str, ...] = ("dna", "f-actin")) -> Image:
    """Image of two channels."""
    return Image(np.zeros((2, 8, 9)), "CYX", channel_names=names, name=name)


def files(images: list[Image]) -> list[str]:
    """Names of the noise models of images, where the user asked for m.npz."""
    tasks = noise_tasks(images, [], "single")
    return [task.path(Path("m.npz")).name for task in tasks]


def test_a_model_is_named_after_what_sets_it_apart():
    plain = [Image(np.zeros((8, 9)), "YX", name=name) for name in ("a", "b c/d")]
    assert files(plain[:1]) == ["m.npz"]
    assert files(plain) == ["m-a.npz", "m-b-c-d.npz"]
    assert files([channels()]) == ["m-dna.npz", "m-f-actin.npz"]
    assert files([channels(names=())]) == ["m-channel-1.npz", "m-channel-2.npz"]
    assert files([channels("x"), plain[0]]) == ["m-x-dna.npz", "m-x-f-actin.npz", "m-a.npz"]


def test_a_channel_without_a_name_is_named_by_its_image_and_number():
    tasks = noise_tasks([channels(names=())], [], "single")
    assert [task.data.name for task in tasks] == ["cells, channel 1", "cells, channel 2"]


def test_two_models_in_one_file_are_refused():
    with pytest.raises(UsageError, match=r"'DNA'.*'dna'.*same file"):
        files([channels(names=("DNA", "dna"))])


def test_clean_images_are_given_one_each():
    with pytest.raises(UsageError, match=r"1 time\(s\) for 2"):
        noise_tasks([channels("a"), channels("b")], [channels("c")], "pairs")
    tasks = noise_tasks([channels()], [channels("clean")], "pairs")
    assert [task.data.signal.shape for task in tasks] == [(8, 9), (8, 9)]


@pytest.mark.parametrize(
    ("asked", "has_clean", "repeats", "source"),
    [
        (None, False, False, "single"),
        (None, True, False, "pairs"),
        (None, False, True, "repeats"),
        ("repeats", False, True, "repeats"),
        ("bootstrap", False, False, "bootstrap"),
        ("pairs", True, False, "pairs"),
    ],
)
def test_the_source_follows_from_what_is_given(asked, has_clean, repeats, source):
    found, why = choose_source(asked, has_clean=has_clean, repeats=repeats)
    assert found == source
    assert bool(why) == (asked is None and not repeats)


@pytest.mark.parametrize(
    ("asked", "has_clean", "repeats", "named"),
    [
        ("pairs", False, False, "--clean"),
        ("single", True, False, "--clean"),
        (None, True, True, "--clean"),
        ("bootstrap", False, True, "--repeats"),
    ],
)
def test_a_source_that_contradicts_what_is_given_is_refused(asked, has_clean, repeats, named):
    with pytest.raises(UsageError, match=named):
        choose_source(asked, has_clean=has_clean, repeats=repeats)
