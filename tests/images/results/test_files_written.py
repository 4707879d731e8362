from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.files import (
    ResultFiles,
    is_result,
    read_record,
    write_split,
)
from napari_denoisplit.images.results.record import make_record
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.settings import SplitSettings


def result(n_samples=2, n_kept=0):
    data = np.ones((2, 8, 8), "f4")
    image = Image(data, "CYX", channel_names=("nuclei", "µ-actin"), name="ça va")
    record = make_record(replace(image, name="ça va \udcff <&>"), SplitSettings(), None, None)
    return Split.of_image(
        image,
        mmse=data,
        sigma=data if n_samples > 1 else None,
        samples=np.stack([data] * n_kept) if n_kept else None,
        record=record | {"samples": n_samples, "stopped_early": n_samples == 0},
    )


def test_what_a_result_says_of_itself_is_read_back(tmp_path):
    mmse, sigma = write_split(result(), tmp_path / "cell", {"more": [1, None]})
    for path in (mmse, sigma):
        record = read_record(path)
        assert record["input"] == "ça va \udcff <&>"  # a file name may hold bytes that are no text
        assert (record["more"], record["samples"], record["sigma"]) == (
            [1, None],
            2,
            "uncalibrated",
        )
        assert is_result(path)


def test_a_file_that_does_not_say_how_it_was_made_has_no_record(tmp_path):
    (tmp_path / "empty_mmse.ome.tif").touch()
    assert read_record(tmp_path / "empty_mmse.ome.tif") is None
    assert read_record(tmp_path / "absent.tif") is None


def test_nothing_is_written_of_a_split_without_samples(tmp_path):
    assert write_split(result(n_samples=0), tmp_path / "cell") == ()
    assert not list(tmp_path.iterdir())


def test_results_are_complete_when_all_is_there_that_was_asked_for(tmp_path):
    outputs = write_split(result(n_kept=2), tmp_path / "cell")
    files = ResultFiles(tmp_path / "cell")
    assert outputs == files.existing() == (files.mmse, files.sigma, files.samples)
    assert files.complete(n_samples=2, n_kept=2)
    assert not files.complete(n_samples=3, n_kept=3)


def test_samples_of_an_earlier_result_go_with_it(tmp_path):
    write_split(result(n_kept=2), tmp_path / "cell")
    outputs = write_split(result(n_samples=1), tmp_path / "cell")
    assert outputs == (ResultFiles(tmp_path / "cell").mmse,)
    assert [path.name for path in tmp_path.iterdir()] == ["cell_mmse.ome.tif"]
