from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.errors import ImageError, JobError
from napari_denoisplit.events import Progress, Stage, run
from napari_denoisplit.images.files.image_file import ImageFile
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.plane_region import PlaneRegion
from napari_denoisplit.images.training.normalization import Normalization
from napari_denoisplit.jobs.slide.job import split_to_zarr_job
from napari_denoisplit.jobs.slide.store import SlideStore
from napari_denoisplit.nn.ladder import VSE
from napari_denoisplit.settings import LadderSettings, MixSettings, SplitSettings

distributed = pytest.importorskip("distributed")

NETWORK = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
SETTINGS = SplitSettings(
    n_samples=4,
    keep_samples=0,
    overlap=16,
    block_size=64,
    device="cpu",
    precision="float32",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder with a model and an image."""
    torch.manual_seed(0)
    header = ModelHeader(
        network=NETWORK,
        mix=MixSettings(),
        normalization=Normalization(
            input_mean=100, input_std=20, channel_means=(90.0, 110.0), channel_stds=(10.0, 40.0)
        ),
        channel_names=("actin", "mito"),
    )
    path = tmp_path_factory.mktemp("shared")
    save_model(path / "m.denoisplit", Model(VSE(NETWORK).eval(), header))
    data = np.random.default_rng(0).normal(100, 20, size=(150, 130)).astype(np.float32)
    write_image(path / "slide.tif", Image(data, "YX"))
    data[140, 120] = np.nan
    np.save(path / "bad.npy", data)
    return path


@pytest.fixture(scope="module")
def cluster():
    """Two workers, each a process of its own under a nanny."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
    ) as cluster:
        yield cluster


def job(folder: Path, name: str, **kwargs):
    image = kwargs.pop("image", ImageFile(folder / "slide.tif"))
    return split_to_zarr_job(folder / "m.denoisplit", image, folder / name, SETTINGS, **kwargs)


def files_of(path: Path) -> dict[str, bytes]:
    """Every file of the pixels."""
    return {
        str(p.relative_to(path)): p.read_bytes()
        for p in sorted(path.rglob("c/**/*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def serial(folder) -> dict[str, bytes]:
    run(job(folder, "serial.zarr"))
    return files_of(folder / "serial.zarr")


def test_a_worker_killed_in_the_middle_changes_nothing(folder, cluster, serial):
    events, killed = [], []

    def kill_one(event):
        events.append(event)
        if isinstance(event, Progress) and event.done > 0 and not killed:
            killed.append(cluster.workers[0].pid)
            psutil.Process(killed[0]).kill()

    result = run(job(folder, "out.zarr", scheduler=cluster.scheduler_address), kill_one)
    assert killed
    assert not result.stopped_early
    assert files_of(folder / "out.zarr") == serial
    said = " ".join(e.text for e in events if isinstance(e, Stage))
    assert "2 workers (cpu, float32): 1 MiB of memory to sample in 9 blocks" in said
    shares = [e.done for e in events if isinstance(e, Progress)]
    assert shares == sorted(shares)


def test_a_stopped_run_keeps_its_blocks_and_is_finished_by_another(folder, cluster, serial):
    stop = threading.Event()

    def stop_at_first(event):
        if isinstance(event, Progress):
            stop.set()

    first = job(folder, "part.zarr", scheduler=cluster.scheduler_address, stop=stop)
    result = run(first, stop_at_first)
    assert result.stopped_early
    store = SlideStore(result.path)
    assert len(store.missing()) < len(store.regions)
    assert not run(job(folder, "part.zarr")).stopped_early  # not on the cluster this time
    assert files_of(folder / "part.zarr") == serial


def test_a_block_that_was_begun_here_is_taken_up_by_a_worker(folder, cluster, serial):
    stop, path = threading.Event(), folder / "begun.zarr"
    run(
        job(folder, "begun.zarr", stop=stop),
        lambda event: stop.set() if isinstance(event, Progress) else None,
    )
    (file,) = path.glob("block-*")
    samples = file.read_bytes()
    file.write_bytes(samples[:100])
    with pytest.raises(ImageError, match=rf"{file.name} cannot be read.*delete it"):
        run(job(folder, "begun.zarr", scheduler=cluster.scheduler_address))
    file.write_bytes(samples)
    assert not run(job(folder, "begun.zarr", scheduler=cluster.scheduler_address)).stopped_early
    assert files_of(path) == serial
    assert not list(path.glob("block-*"))


def test_workers_find_the_place_of_a_region(folder, cluster):
    region = PlaneRegion((21, 140), (9, None))
    run(job(folder, "region.zarr", scheduler=cluster.scheduler_address, region=region))
    run(job(folder, "alone.zarr", region=region))
    assert files_of(folder / "region.zarr") == files_of(folder / "alone.zarr")


def test_workers_do_not_remember_the_place_of_a_result_that_is_replaced(folder, cluster):
    for name, scheduler in (("again.zarr", cluster.scheduler_address), ("once.zarr", None)):
        for region in (PlaneRegion((0, 128), (0, 128)), PlaneRegion((22, 150), (2, 130))):
            run(job(folder, name, scheduler=scheduler, region=region, resume=False))
    assert files_of(folder / "again.zarr") == files_of(folder / "once.zarr")


def test_an_error_of_a_worker_arrives_as_it_is(folder, cluster):
    bad = Image(np.load(folder / "bad.npy"), "YX", name="bad")
    with pytest.raises(ImageError, match="'bad' has 1 pixel that is NaN"):
        run(job(folder, "bad.zarr", image=bad, scheduler=cluster.scheduler_address))


def test_a_worker_that_does_not_find_the_model_says_who_it_is(folder, cluster):
    from napari_denoisplit.jobs.slide.cluster import _do_block, _sealed

    orders = _sealed(folder / "away.denoisplit", ImageFile(folder / "slide.tif"), SETTINGS)
    with distributed.Client(cluster, set_as_default=False) as client:
        report = client.submit(_do_block, 0, orders=orders, path=str(folder / "x.zarr")).result()
    assert isinstance(report.error, JobError)
    assert re.search(r"worker tcp://.* cannot begin: .*under the same names", str(report.error))


@pytest.mark.parametrize("address", ["nonsense", "tcp://node01", "tls://node01:port"])
def test_half_an_address_is_refused_at_once(folder, address):
    with pytest.raises(JobError, match=r"no scheduler at .*tcp://node01:8786"):
        run(job(folder, "no.zarr", scheduler=address))


def test_an_absent_scheduler_is_named(folder, monkeypatch):
    monkeypatch.setattr("napari_denoisplit.jobs.slide.cluster.TIMEOUT", 0.2)
    with pytest.raises(JobError, match=r"no scheduler at .tcp://127\.0\.0\.1:9"):
        run(job(folder, "no.zarr", scheduler="tcp://127.0.0.1:9"))
    assert not (folder / "no.zarr").exists()


def test_pixels_in_memory_are_not_sent_around(folder):
    large = Image(np.zeros((200, 200), np.float32), "YX")
    with pytest.raises(JobError, match=r"takes 0\.2 MiB in memory.*give it as a file"):
        run(job(folder, "no.zarr", image=large, scheduler="tcp://127.0.0.1:9"))


def test_waiting_for_a_worker_ends_with_a_stop(folder):
    stop = threading.Event()
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(JobError, match="before a worker was there"),
    ):
        run(
            job(folder, "no.zarr", scheduler=empty.scheduler_address, stop=stop),
            lambda event: stop.set() if isinstance(event, Stage) else None,
        )
