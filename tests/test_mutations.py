"""Damaged files: each ends in an error of this package or in what is right, never in NaN.

Nor in a wait or in much memory: a mutant that takes longer than `LONGEST` fails, and so does a test
whose mutants take more than `MOST`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
import zarr

from napari_denoisplit.checkpoint import Model, ModelHeader, load_model, save_model
from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.noise.files.noise_file import (
    read_noise_header,
    read_noise_model,
    write_noise_model,
)
from napari_denoisplit.noise.models.gaussian_mixture import GaussianMixture
from napari_denoisplit.noise.models.histogram import HistogramNoise
from napari_denoisplit.noise.models.poisson_gaussian import PoissonGaussian
from napari_denoisplit.settings import LadderSettings, MixSettings

MUTANTS = int(os.environ.get("DENOISPLIT_MUTANTS", "40"))
"""Of each kind of file; thousands take minutes."""
LONGEST = 10
"""Seconds for one mutant; a few milliseconds are usual."""
MOST = 256 * 2**20
"""Bytes beyond what the process held before; the files hold a few thousand."""
NESTED = b"[" * 100_000


def tell(what: str, n: int, n_refused: int) -> None:
    """Print a row of the table in docs/formats.md; seen with `pytest -s`."""
    print(f"\n| {what} | {n} | {n_refused} | {n - n_refused} |")


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """Flip, drop, repeat or overwrite bytes of a file."""
    changed = bytearray(data)
    # The beginning is where headers are, and damage does most.
    end = len(changed) if rng.random() < 0.5 else min(len(changed), 600)
    at, n = int(rng.integers(end)), int(rng.integers(1, 9))
    match int(rng.integers(6)):
        case 0:
            changed[at] ^= 1 << int(rng.integers(8))
        case 1:
            del changed[at:]
        case 2:
            del changed[at : at + n]
        case 3:
            changed[at:at] = changed[at : at + 8 * n]
        case 4:
            changed[at : at + n] = rng.bytes(n)
        case 5:
            digits = [i for i, byte in enumerate(changed[:end]) if chr(byte).isdigit()] or [at]
            for i in rng.choice(digits, min(n, len(digits))):
                changed[i] = ord("9")
    return bytes(changed)


@contextmanager
def no_wait():
    """Fail where a mutant keeps its reader busy; on Unix, in the main thread."""

    def late(*_):
        pytest.fail(f"takes longer than {LONGEST} s")

    if not hasattr(signal, "alarm"):
        yield
        return
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_excess():
    """Fail where mutants take memory, also where it is given back; on Linux."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        yield
        return
    reset.write_text("5")  # the peak begins at what is held now
    before = peak_of(status)
    yield
    assert peak_of(status) - before < MOST


def peak_of(status):
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def noise_models():
    table = np.zeros((3, 8, 8))
    table[0] = 1 / 8
    table[1], table[2] = np.arange(8)[:, None] * 10.0, np.arange(1, 9)[:, None] * 10.0
    return {
        "mixture": GaussianMixture(torch.zeros(6, 2), 0.0, 100.0, 1.0),
        "histogram": HistogramNoise(table),
        "camera": PoissonGaussian(2.0, 100.0, 3.0, 90.0, 1000.0),
    }


@pytest.mark.parametrize("suffix", [".npz", ".json", ".npy"])
@pytest.mark.parametrize("kind", ["mixture", "histogram", "camera"])
def test_a_damaged_noise_model_is_refused_or_right(tmp_path, rng, kind, suffix):
    if suffix == ".npy" and kind != "histogram":
        pytest.skip("such files hold histograms")
    path = tmp_path / f"m{suffix}"
    write_noise_model(path, noise_models()[kind])
    data = path.read_bytes()
    refused = unnamed = 0
    for _ in range(MUTANTS):
        path.write_bytes(mutant(data, rng))
        try:
            with no_wait():
                read_noise_header(path)
                found = read_noise_model(path)
            signal = torch.linspace(*found.signal_range, 5)
            assert torch.isfinite(found.log_likelihood(signal, signal)).all()
        except DenoisplitError as error:
            refused += 1
            unnamed += path.name not in str(error)
    tell(f"noise model, {kind}, `{suffix}`", MUTANTS, refused)
    assert not unnamed


@pytest.mark.parametrize("sealed", [False, True], ids=["", "sealed"])
def test_a_damaged_model_file_is_refused_or_finite(tmp_path, rng, sealed):
    network = LadderSettings(n_levels=1, n_filters=4, n_latents=2)
    statistics = Normalization(
        input_mean=1.5, input_std=0.1, channel_means=(1.0, 2.0), channel_stds=(0.3, 0.7)
    )
    header = ModelHeader(
        network=network, mix=MixSettings(), normalization=statistics, channel_names=("a", "b")
    )
    path = tmp_path / "m.denoisplit"
    save_model(path, Model(VSE(network), header))
    data = path.read_bytes()
    zeros = b"0" * 64
    blank = data.replace(data[data.find(b'"sha256"') + 10 :][:64], zeros, 1)
    assert sha256(blank).hexdigest().encode() in data
    refused = unnamed = unchanged = 0
    for _ in range(4 * MUTANTS):
        if sealed:  # what the checksum does not find, such as another program's mistake
            changed = mutant(blank, rng)
            changed = changed.replace(zeros, sha256(changed).hexdigest().encode(), 1)
        else:
            changed = mutant(data, rng)
        unchanged += changed == data
        path.write_bytes(changed)
        try:
            with no_wait():
                weights = load_model(path).network.state_dict().values()
            assert all(torch.isfinite(value).all() for value in weights)
        except DenoisplitError as error:
            refused += 1
            unnamed += path.name not in str(error)
    tell("model, checksum made anew" if sealed else "model", 4 * MUTANTS, refused)
    assert sealed or refused >= 4 * MUTANTS - unchanged
    assert not unnamed


@pytest.mark.parametrize("read", [load_model, read_noise_model])
def test_nested_brackets_are_refused(tmp_path, read):
    path = tmp_path / ("m.denoisplit" if read is load_model else "m.json")
    prefix = len(NESTED).to_bytes(8, "little") if read is load_model else b""
    path.write_bytes(prefix + NESTED)
    with pytest.raises(DenoisplitError, match=path.name):
        read(path)


@pytest.mark.parametrize("number", [10**400, [], {}, None, "x", [[]]])
def test_numbers_that_are_none_are_refused(tmp_path, number):
    path = tmp_path / "m.json"
    for model in noise_models().values():
        values = model.to_dict()
        for name in model.needs:
            path.write_text(json.dumps(values | {name: number}))
            with pytest.raises(DenoisplitError, match=path.name):
                read_noise_model(path)


@pytest.mark.parametrize(
    "header", [b"{'descr': (", b"  {\n 1", b"{'descr': '<f8L', 1L", b"(" * 300]
)
def test_headers_that_are_no_python_are_refused(tmp_path, header):
    path = tmp_path / "m.npy"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DenoisplitError, match=path.name):
        read_noise_model(path)


@pytest.mark.parametrize("edge", [1e19, 1e200, -1e200])
def test_a_table_whose_variance_cannot_be_computed_is_refused(edge):
    table = noise_models()["histogram"].table.copy()
    table[1:] *= edge / 80.0
    with pytest.raises(DenoisplitError, match="has no square"):
        HistogramNoise(table)


def write_tiff(path, pixels, kind):
    match kind:
        case "ours":
            write_image(path, Image(pixels, "CYX", channel_names=("a", "b")))
        case "ImageJ":
            tifffile.imwrite(path, pixels, imagej=True, metadata={"axes": "CYX"})
        case "tiled":
            tifffile.imwrite(path, pixels, compression="zlib", tile=(16, 16))
        case "big":
            tifffile.imwrite(path, pixels.astype(np.float32), bigtiff=True)


def is_refused(path, shape, off=0):
    """Read all pixels: refused by name, or of about the shape, or with a note that says why not."""
    try:
        with no_wait():
            image = read_image(path)
            pixels = np.asarray(image.data)
    except DenoisplitError as error:
        told = str(error)
    else:
        assert image.notes or len(pixels.shape) == len(shape)
        assert image.notes or np.allclose(pixels.shape, shape, rtol=0, atol=off)
        assert len(image.axes) == pixels.ndim
        return False
    assert path.name in told
    return True


@pytest.mark.parametrize("kind", ["ours", "ImageJ", "tiled", "big"])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_a_damaged_tiff_is_refused_or_read(tmp_path, rng, kind):
    path = tmp_path / "a.ome.tif"
    pixels = rng.poisson(50, (2, 48, 40)).astype(np.uint16)
    write_tiff(path, pixels, kind)
    np.testing.assert_array_equal(read_image(path).data, pixels)
    data = path.read_bytes()
    refused = 0
    for _ in range(2 * MUTANTS):
        path.write_bytes(mutant(data, rng))
        refused += is_refused(path, pixels.shape)
    tell(f"TIFF, {kind}", 2 * MUTANTS, refused)


def write_zarr(folder, pixels, version):
    group = zarr.open_group(str(folder), mode="w", zarr_format=version)
    datasets = []
    for factor in (1, 2):
        level = pixels[:, ::factor, ::factor]
        array = group.create_array(
            f"by{factor}", shape=level.shape, chunks=(1, 32, 32), dtype=level.dtype
        )
        array[:] = level
        scale = [{"type": "scale", "scale": [1, 0.1 * factor, 0.1 * factor]}]
        datasets.append({"path": f"by{factor}", "coordinateTransformations": scale})
    axes = [{"name": "c", "type": "channel"}] + [{"name": a, "type": "space"} for a in "yx"]
    ome = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}]}
    group.attrs.update(ome if version == 2 else {"ome": {"version": "0.5"} | ome})


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
def test_a_damaged_ome_zarr_is_refused_or_read(tmp_path, rng, version):
    whole, folder = tmp_path / "whole.zarr", tmp_path / "a.zarr"
    pixels = rng.poisson(50, (2, 48, 40)).astype(np.uint16)
    write_zarr(whole, pixels, version)
    np.testing.assert_array_equal(read_image(whole).data, pixels)
    files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
    described = [name for name in files if name.name.startswith((".z", "zarr.json"))]
    refused = 0
    for number in range(2 * MUTANTS):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(whole, folder)
        some = files if number % 2 else described
        path = folder / some[int(rng.integers(len(some)))]
        path.write_bytes(mutant(path.read_bytes(), rng))
        # 49 rows, halved and rounded down, are the 24 of the coarser level, too.
        refused += is_refused(folder, pixels.shape, off=1)
    tell(f"OME-Zarr, format {version}", 2 * MUTANTS, refused)
