from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from napari_denoisplit.errors import ImageError
from napari_denoisplit.images.files.reading import read_image


class Scenes(SimpleNamespace):
    """Answers as the reader of a file does."""

    @property
    def shape(self):
        return getattr(self, "claimed", self.data.shape)

    @property
    def dtype(self):
        return self.data.dtype

    def set_scene(self, number):
        if len(self.scenes) > 1:
            self.data = self.data + 100 * number


@pytest.fixture
def czi(tmp_path):
    path = tmp_path / "cells.czi"
    path.write_bytes(b"ZISRAWFILE" + bytes(100))
    return path


@pytest.fixture
def install(monkeypatch):
    """Put a reader in place that answers with given attributes, or raises."""

    def install(**answers):
        def open_image(path, reader):
            if "error" in answers:
                raise answers["error"]
            return Scenes(**answers)

        for name, content in {
            "bioio": {"BioImage": open_image},
            "bioio_czi": {"Reader": object()},
        }.items():
            module = ModuleType(name)
            vars(module).update(content)
            monkeypatch.setitem(sys.modules, name, module)

    return install


def scene(**changes):
    return {
        "scenes": ("one",),
        "dims": SimpleNamespace(order="TCZYX"),
        "data": np.arange(40, dtype="u2").reshape(1, 2, 1, 4, 5),
        "physical_pixel_sizes": SimpleNamespace(Z=1.0, Y=0.5, X=0.25),
        "channel_names": [np.str_("EGFP"), np.str_("DAPI")],
    } | changes


def test_without_the_reader_the_error_says_how_to_install_it(czi, monkeypatch):
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(ImageError, match=r"cells\.czi is a Zeiss CZI.*napari-denoisplit\[czi\]"):
        read_image(czi)


def test_with_the_reader_axes_pixel_size_and_names_are_known(czi, install):
    install(**scene())
    image = read_image(czi)
    assert (image.axes, image.shape) == ("CYX", (2, 4, 5))
    assert image.pixel_size == {"Y": 0.5, "X": 0.25}
    assert image.units == {"Y": "µm", "X": "µm"}
    assert image.channel_names == ("EGFP", "DAPI")
    assert image.name == "cells"


def test_a_scale_that_is_not_known_is_left_out(czi, install):
    install(**scene(physical_pixel_sizes=SimpleNamespace(Z=None, Y=None, X=float("nan"))))
    assert read_image(czi).pixel_size == {}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (scene(scenes=("one", "two")), r"2 scenes \(0: one; 1: two\): choose one with series=0"),
        (scene(dims=SimpleNamespace(order="CZYXS")), "RGB picture"),
        (scene(claimed=(9, 2**20, 2**20)), r"9 x 1048576 x 1048576 pixels, .* GiB of memory are"),
        ({"error": RuntimeError("bad block")}, r"RuntimeError: bad block\). Save it as OME-TIFF"),
    ],
)
def test_what_cannot_be_used_is_refused(czi, install, answers, found):
    install(**answers)
    with pytest.raises(ImageError, match=rf"cells\.czi .*{found}"):
        read_image(czi)


def test_a_scene_is_chosen_by_its_number(czi, install):
    install(**scene(scenes=("one", "two")))
    assert read_image(czi, series=1).data[0, 0, 0] == 100
    for number in (-1, 2):
        with pytest.raises(ImageError, match=rf"no image {number}; it holds 0: one; 1: two"):
            read_image(czi, series=number)


def test_axes_are_those_of_the_file(czi, install):
    install(**scene())
    assert read_image(czi, axes="cyx").axes == read_image(czi, axes="TCZYX").axes == "CYX"
    with pytest.raises(ImageError, match=r"axes='TYX' are not those of the file.*\(CYX\)"):
        read_image(czi, axes="TYX")
