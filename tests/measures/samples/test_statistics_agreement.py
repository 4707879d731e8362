"""Intervals of a pixel, a line and an area agree with the image of sigma."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import zarr
from numpy.testing import assert_allclose

from napari_denoisplit.calibration_record import CalibrationRecord, ChannelCalibration
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.files import open_split, write_split
from napari_denoisplit.images.results.record import make_record
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.measures.calibration.sigma import sigma_of
from napari_denoisplit.measures.samples.spread import half_width
from napari_denoisplit.measures.samples.statistics import read_samples_at
from napari_denoisplit.measures.trust.footprint import area, line, pixel
from napari_denoisplit.settings import SplitSettings

N_SAMPLES = 8
FACTOR = ChannelCalibration(factor=1.7)
MAP = ChannelCalibration(factor=2.0, method="map", spread=(1.0, 9.0), sigma=(4.0, 10.0))
"""Quadruples the spread of dim pixels, and hardly changes that of bright ones."""
CALIBRATIONS = {
    "none": None,
    "factor": CalibrationRecord(channels=(FACTOR, FACTOR)),
    "map": CalibrationRecord(channels=(MAP, FACTOR)),
}


def in_memory(calibration):
    rng = np.random.default_rng(3)
    level = np.where(np.arange(20) < 10, 1.0, 8.0)  # dim pixels on the left, bright ones beside
    samples = (50 + level * rng.normal(size=(N_SAMPLES, 2, 12, 20))).astype("f4")
    image = Image(samples[0], "CYX", channel_names=("a", "b"), name="cell")
    settings = SplitSettings(n_samples=N_SAMPLES, antithetic=False)
    spread = np.moveaxis(samples, 1, 0).std(axis=1, ddof=1)
    return Split.of_image(
        image,
        mmse=samples.mean(axis=0),
        sigma=sigma_of(spread, calibration),
        samples=samples,
        record=make_record(image, settings, calibration, None, samples=N_SAMPLES),
    )


def as_tiff(split, folder):
    return open_split(write_split(split, folder / "cell")[0])


def as_zarr(split, folder):
    path, names = folder / "cell.zarr", [f"samples/{k:03d}" for k in range(N_SAMPLES)]
    series = {"mmse": split.mmse, "sigma": split.sigma} | {
        name: replace(split.mmse, data=sample)
        for name, sample in zip(names, split.samples, strict=True)
    }
    attributes = {"ome": {"bioformats2raw.layout": 3}}
    root = zarr.create_group(
        path, attributes=attributes | {"denoisplit": {"provenance": split.provenance}}
    )
    root.create_group("OME", attributes={"ome": {"series": list(series)}})
    for name, image in series.items():
        write_image(folder / "one.zarr", image)
        (path / name).parent.mkdir(exist_ok=True)
        (folder / "one.zarr").rename(path / name)
    return open_split(path)


@pytest.fixture(params=["memory", "OME-TIFF", "OME-Zarr"])
def place(request, tmp_path):
    ways = {"memory": lambda split, _: split, "OME-TIFF": as_tiff, "OME-Zarr": as_zarr}
    return lambda split: ways[request.param](split, tmp_path)


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_all_intervals_agree_with_the_image_of_sigma(place, name):
    split = place(in_memory(CALIBRATIONS[name]))
    sigma, spread = (np.asarray(image.data) for image in (split.sigma, in_memory(None).sigma))
    assert split.calibration == CALIBRATIONS[name]
    along = read_samples_at(split, (), line(np.array([[5.0, 2.0], [5.0, 17.0]]), (12, 20)))
    width = along.profile.high - along.profile.mean
    assert_allclose(width, half_width(sigma[:, 5, 2:18], N_SAMPLES), rtol=1e-4)
    for x in (4, 15):
        for where in (pixel(5, x), area(np.ones((1, 1), bool), (5, x))):
            found = read_samples_at(split, (), where)
            assert_allclose([e.sigma for e in found.estimates], sigma[:, 5, x], rtol=1e-4)
    inside = (slice(None), slice(2, 9), slice(4, 16))
    found = read_samples_at(split, (), area(np.ones((7, 12), bool), (2, 4)))
    ratio = np.sqrt((sigma[inside] ** 2).mean(axis=(1, 2)) / (spread[inside] ** 2).mean((1, 2)))
    expected = ratio * found.values.std(axis=1, ddof=1)
    assert_allclose([e.sigma for e in found.estimates], expected, rtol=1e-4)
