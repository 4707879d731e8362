from __future__ import annotations

import copy
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import torch
import zarr
from tests.calibrations import calibrated_by

from napari_denoisplit import split_to_zarr
from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import BlocksWritten, Progress, Stage, run
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.slide import blocks as slide_blocks
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.slide.store import SlideStore
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.sampling.focus import Focus
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
# 48 pixels of context hold the whole field of view of two levels.
SETTINGS = SplitSettings(
    n_samples=3,
    keep_samples=1,
    overlap=48,
    block_size=64,
    device="cpu",
    precision="float32",
)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
        ),
        channel_names=("actin", "mito"),
        calibration=calibrated_by(2.0, 0.5),
    )
    return Model(VSE(NETWORK).eval(), header)


def image(shape=(150, 100), axes="YX", seed=0) -> Image:
    data = np.random.default_rng(seed).normal(100, 20, size=shape).astype(np.float32)
    return Image(data, axes, {"Y": 0.5, "X": 0.5}, {"Y": "µm", "X": "µm"}, name="slide")


def pixels(path: Path, name: str) -> np.ndarray:
    return zarr.open_group(path / name, mode="r")["0"][:]


def files_of(path: Path) -> dict[str, bytes]:
    """Every file of the pixels."""
    return {str(p.relative_to(path)): p.read_bytes() for p in path.rglob("c/*") if p.is_file()} | {
        str(p.relative_to(path)): p.read_bytes() for p in path.rglob("c/**/*") if p.is_file()
    }


def split(model, path, settings=SETTINGS, shown=None, **kwargs):
    events = []
    result = run(
        split_to_zarr_job(model, kwargs.pop("of", image()), path, settings, **kwargs),
        shown or events.append,
    )
    return result, events


@pytest.fixture(scope="module")
def plain(model, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("plain") / "out.zarr"
    split(model, path)
    return path


def test_the_schemas_of_ome_find_nothing_wrong_with_the_collection_and_its_images(plain):
    checker = pytest.importorskip("yaozarrs")
    checker.validate_zarr_store(plain)
    names = zarr.open_group(plain / "OME", mode="r").attrs["ome"]["series"]
    assert {"mmse", "sigma"} <= set(names)
    for name in names:
        checker.validate_zarr_store(plain / name)


def test_the_result_is_that_of_the_split_in_memory(model, plain):
    whole = run(split_job(model, image(), SETTINGS))
    atol = 1e-4 * float(np.median(whole.sigma.data))
    for name, expected in {
        "mmse": whole.mmse.data,
        "sigma": whole.sigma.data,  # times the calibration
        "samples/000": whole.samples[0],
    }.items():
        np.testing.assert_allclose(pixels(plain, name), expected, rtol=0, atol=atol)


def test_planes_of_t_and_z_stream_through_and_keep_their_place(model, tmp_path):
    stack = image((2, 1, 3, 40, 90), "TCZYX")
    split(model, tmp_path / "out.zarr", of=stack)
    whole = run(split_job(model, stack, SETTINGS))
    mmse = pixels(tmp_path / "out.zarr", "mmse")
    assert mmse.shape == (2, 2, 3, 40, 90)
    np.testing.assert_allclose(mmse, whole.mmse.data, rtol=0, atol=1e-3)


def test_the_folder_lists_its_images_as_a_collection(plain):
    root = zarr.open_group(plain, mode="r")
    assert root.attrs["ome"]["bioformats2raw.layout"] == 3
    assert root["OME"].attrs["ome"]["series"] == ["mmse", "sigma", "samples/000"]
    multiscale = root["mmse"].attrs["ome"]["multiscales"][0]
    assert [axis["name"] for axis in multiscale["axes"]] == ["c", "y", "x"]
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 0.5, 0.5]


def test_the_store_says_how_it_was_made(plain):
    about = zarr.open_group(plain, mode="r").attrs["denoisplit"]
    assert about["plan"]["samples"] == 3
    assert about["provenance"]["sigma"] == "calibrated"


def test_mirrored_samples_are_those_of_the_split_in_memory(model, tmp_path):
    settings = SETTINGS.model_copy(update={"n_samples": 5})
    split(model, tmp_path / "out.zarr", settings)
    whole = run(split_job(model, image(), settings))
    atol = 1e-4 * float(np.median(whole.sigma.data))
    for name, expected in {"mmse": whole.mmse.data, "sigma": whole.sigma.data}.items():
        np.testing.assert_allclose(pixels(tmp_path / "out.zarr", name), expected, rtol=0, atol=atol)
    with pytest.raises(JobError, match="antithetic True there, False here"):
        split(model, tmp_path / "out.zarr", settings.model_copy(update={"antithetic": False}))


def test_blocks_in_view_are_split_first_and_the_result_is_the_same(model, plain, tmp_path):
    view = Focus((), (120, 160), (50, 120))  # the last block of 3 x 2
    path = tmp_path / "out.zarr"
    _, events = split(model, path, focus=lambda: view)
    written = [n for event in events if isinstance(event, BlocksWritten) for n in event.numbers]
    assert written[0] == 5
    assert sorted(written) == list(range(6))
    assert files_of(path) == files_of(plain)


def test_a_target_error_is_refused_with_the_way_out(model, tmp_path):
    settings = SETTINGS.model_copy(update={"target_error": 2.0})
    with pytest.raises(JobError, match=r"differ in noise at their borders.*give that number"):
        split(model, tmp_path / "out.zarr", settings)
    assert not (tmp_path / "out.zarr").exists()


@pytest.mark.parametrize("step", [1, 8, 17])
def test_a_stopped_run_goes_on_and_gives_the_same_bytes(model, plain, tmp_path, step):
    stop, seen = threading.Event(), []

    def stop_at(event):
        seen.append(event)
        if sum(isinstance(e, Progress) for e in seen) == step:
            stop.set()

    path = tmp_path / "out.zarr"
    first, _ = split(model, path, shown=stop_at, stop=stop)
    store = SlideStore(path)
    n_done = 6 - len(store.missing())
    assert (first.stopped_early, len(store.regions), n_done) == (True, 6, step // 3)
    again, events = split(model, path)
    assert not again.stopped_early
    shares = [e.done for e in events if isinstance(e, Progress)]
    assert shares[0] == pytest.approx((step + 1) / 18)  # samples, too, are not drawn again
    assert files_of(path) == files_of(plain)
    assert not list(path.glob("block-*"))


def test_samples_of_a_stopped_block_that_are_damaged_are_named(model, tmp_path):
    stop, path = threading.Event(), tmp_path / "out.zarr"
    split(model, path, shown=lambda e: stop.set() if isinstance(e, Progress) else None, stop=stop)
    (file,) = path.glob("block-*")
    assert SlideStore(path).how_far == "0 of 6 blocks are there, with samples of another"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(ImageError, match=rf"{file.name} cannot be read.*delete it"):
        split(model, path)
    file.unlink()
    assert not split(model, path)[0].stopped_early


def test_a_killed_run_goes_on_and_gives_the_same_bytes(model, plain, tmp_path):
    path, file = tmp_path / "out.zarr", tmp_path / "m.denoisplit"
    save_model(file, model)
    write_image(tmp_path / "in.tif", image())
    code = f"""
        import sys
        from pathlib import Path
        from napari_denoisplit.events import Progress, run
        from napari_denoisplit.images.files.image_file import ImageFile
        from napari_denoisplit.jobs.slide.job import split_to_zarr_job
        from napari_denoisplit.settings import SplitSettings
        settings = SplitSettings.model_validate_json({SETTINGS.model_dump_json()!r})
        def wait(event):
            if isinstance(event, Progress) and event.done > 0.4:
                print("now", flush=True)
                sys.stdin.read()
        image = ImageFile(Path({str(tmp_path / "in.tif")!r}))
        run(split_to_zarr_job(Path({str(file)!r}), image, Path({str(path)!r}), settings), wait)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"now\n"
        process.kill()
    (path / "mmse" / "0" / ".half.partial").write_bytes(b"what a kill leaves")
    result, _ = split(file, path, of=ImageFile(tmp_path / "in.tif"))
    assert not result.stopped_early
    assert files_of(path) == files_of(plain)


def test_a_finished_result_is_left_as_it_is(model, plain):
    before = {p: p.stat().st_mtime_ns for p in plain.rglob("*") if p.is_file()}
    result, events = split(model, plain)
    assert not result.stopped_early
    assert not [e for e in events if isinstance(e, Progress)]
    assert {p: p.stat().st_mtime_ns for p in plain.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_samples": 4}, "samples 3 there, 4 here"),
        ({"seed": 5}, "seed 0 there, 5 here"),
        ({"overlap": 32}, "overlap 48 there, 32 here"),
        ({"block_size": 128}, "block size 64 there, 128 here"),
        ({"precision": "bfloat16"}, "computed on 'cpu, float32' there, 'cpu, bfloat16' here"),
    ],
)
def test_going_on_with_other_settings_is_refused_by_their_name(model, plain, change, named):
    with pytest.raises(JobError, match=named):
        split(model, plain, SETTINGS.model_copy(update=change))


def test_going_on_with_another_model_or_image_is_refused(model, plain):
    torch.manual_seed(1)
    other = Model(VSE(NETWORK).eval(), model.header)
    with pytest.raises(JobError, match=r"\(model [0-9a-f]{8}\.\.\. there"):
        split(other, plain)
    with pytest.raises(JobError, match=r"\(image [0-9a-f]{8}\.\.\. there"):
        split(model, plain, of=image(seed=1))


def test_going_on_with_a_run_whose_planes_had_no_border_is_refused(model, plain, tmp_path):
    path = tmp_path / "older.zarr"
    shutil.copytree(plain, path)
    root = zarr.open_group(path)
    about = dict(root.attrs["denoisplit"])
    plan = {name: value for name, value in about["plan"].items() if name != "border"}
    root.attrs["denoisplit"] = {**about, "plan": plan}
    with pytest.raises(JobError, match="border None there, 16 here"):
        split(model, path)


def test_a_result_can_be_replaced_by_a_new_run(model, tmp_path):
    path = tmp_path / "out.zarr"
    split(model, path)
    split(model, path, SETTINGS.model_copy(update={"n_samples": 1}), resume=False)
    assert {p.name for p in path.iterdir()} == {"OME", "mmse", "samples", "zarr.json"}


def test_what_is_no_result_is_never_replaced(model, tmp_path):
    (tmp_path / "notes").mkdir()
    zarr.create_group(tmp_path / "theirs.zarr")
    for name in ("notes", "theirs.zarr"):
        with pytest.raises(ImageError, match="is not the result of a split"):
            split(model, tmp_path / name, resume=False)


def test_memory_that_runs_out_halves_the_tile_and_is_said(model, plain, tmp_path, monkeypatch):
    sizes = []

    def scarce(*args, tile_size, **kwargs):
        sizes.append(tile_size)
        if tile_size is None:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return steps(*args, tile_size=tile_size, **kwargs)

    steps = slide_blocks.block_steps
    monkeypatch.setattr(slide_blocks, "block_steps", scarce)
    settings = SETTINGS.model_copy(update={"overlap": 16, "keep_samples": 0, "block_size": 128})
    result, events = split(model, tmp_path / "out.zarr", settings)
    (note,) = result.notes
    assert note in [e.text for e in events if isinstance(e, Stage)]
    assert sizes == [None, 80, 80]
    monkeypatch.undo()
    split(model, tmp_path / "after.zarr", settings)
    got, expected = (pixels(tmp_path / n, "mmse") for n in ("out.zarr", "after.zarr"))
    assert np.abs(got - expected).max() < 20  # a context of 16 pixels is a short one


def test_a_forecast_comes_first_and_the_time_after_the_first_block(model, tmp_path):
    _, events = split(model, tmp_path / "out.zarr")
    said = [e.text for e in events if isinstance(e, Stage)]
    assert said[0].startswith("Splitting into out.zarr: 3 answers on cpu, float32; ")
    assert "to sample in 6 blocks; at most" in said[0]
    assert any(text.startswith("All blocks will take about") for text in said)
    progress = [e for e in events if isinstance(e, Progress)]
    assert progress[2].seconds_left > 0


def test_a_large_lazy_image_is_never_read_at_once(model, tmp_path):
    largest = 0

    def remember(block):
        nonlocal largest
        largest = max(largest, block.size)
        return block

    lazy = da.random.default_rng(0).normal(100, 20, (300, 300), chunks=64).map_blocks(remember)
    split(
        model,
        tmp_path / "out.zarr",
        of=Image(lazy, "YX", name="lazy"),
        settings=SETTINGS.model_copy(update={"n_samples": 1, "keep_samples": 0}),
    )
    assert largest <= 64 * 64


def test_the_function_of_the_api_does_the_same(model, plain, tmp_path):
    result = split_to_zarr(model, image(), str(tmp_path / "out.zarr"), SETTINGS)
    assert not result.stopped_early
    assert files_of(tmp_path / "out.zarr") == files_of(plain)


def test_values_that_are_no_numbers_are_told_with_their_block(model, tmp_path):
    broken = copy.deepcopy(model)
    list(broken.network.parameters())[-1].data[0] = torch.nan
    events = []
    result = run(
        split_to_zarr_job(broken, image((60, 60)), tmp_path / "r.zarr", SETTINGS), events.append
    )
    assert any("rows 0 to 60" in note and "NaN or infinite" in note for note in result.notes)
    assert [e for e in events if isinstance(e, Stage) and "NaN or infinite" in e.text]
