"""Jobs that yield the right events without a network, and a viewer to show them in."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import QCoreApplication, QEvent, QSettings
from qtpy.QtWidgets import QMenu
from tests.stand_in import stand_in

from napari_denoisplit.checkpoint import Model, ModelHeader, save_model
from napari_denoisplit.errors import ModelFileError
from napari_denoisplit.events import Elbo, EpochDone, PreviewSplit, Progress, SampleDrawn, Stage
from napari_denoisplit.images.image import AXES
from napari_denoisplit.images.results.split import Split
from napari_denoisplit.jobs.learning.loop import Trained
from napari_denoisplit.jobs.preflight import Preflight
from napari_denoisplit.settings import LadderSettings, MixSettings

PATIENCE = 240_000  # ms


@dataclass
class FakeJobs:
    """What the jobs did, and how they are to behave."""

    seconds: float = 0.01
    error: Exception | None = None
    improves: bool = True
    """Whether an epoch is better than those before."""
    endless: bool = False
    no_disk: object = None
    """A model that no disk takes."""
    notes: tuple[str, ...] = ()
    """What a training tells of its model."""
    calls: list[dict[str, Any]] = field(default_factory=list)
    results_gib: float = 0.1
    """What results take, as a forecast tells it."""
    in_work_gib: float = 0.0
    """What drawing them takes besides."""
    forecasts: list[tuple[tuple[int, ...], int, bool]] = field(default_factory=list)
    """Shape, number of samples and whether on disk, of each forecast."""

    def split_job(self, model, image, settings, *, stop=None, focus=None, region=None):
        view = None if focus is None else focus()
        self.calls.append({"model": model, "image": image, "settings": settings, "view": view})
        yield Stage("Encoding")
        axes = [a for a in AXES if a in image.axes]
        lead = tuple(image.size(a) for a in axes[:-2])
        data = np.asarray(image.transposed("".join(axes)).data, dtype=np.float32)
        mmse = np.stack([0.25 * data, 0.75 * data])
        sigma = np.stack([0.1 + 0 * data, 0.2 + 0 * data])
        drawn = 0
        for index in range(settings.n_samples if not self.endless else 10**6):
            if stop.is_set():
                break
            for plane in np.ndindex(*lead):
                at = (slice(None), *plane)
                yield SampleDrawn(
                    plane, index, settings.n_samples, mmse[at], mmse[at].copy(), sigma[at].copy()
                )
            drawn += 1
            yield Progress(min(1, drawn / settings.n_samples), 3.0, f"sample {drawn}")
            time.sleep(self.seconds)
            if self.error is not None:
                raise self.error
        kept = min(settings.keep_samples, drawn)
        return Split(
            "".join(axes),
            ("nuclei", "actin"),
            mmse_arrays=mmse,
            sigma_arrays=sigma if drawn > 1 else None,
            sample_arrays=np.stack([mmse] * kept, axis=1) if kept else None,
            n_samples=drawn,
            stopped_early=stop.is_set(),
            provenance={"seed": settings.seed},
            name=image.name,
            pixel_size=image.pixel_size,
            units=image.units,
            origin=image.origin,
        )

    def preflight(self, model, image, settings, *, on_disk=False, region=None):
        self.forecasts.append((image.shape, settings.n_samples, on_disk))
        return Preflight(
            memory=2.0**30,
            memory_for_results=0.0 if on_disk else self.results_gib * 2.0**30,
            memory_in_work=0.0 if on_disk else self.in_work_gib * 2.0**30,
            free_memory=10.0 * 2**30,
            bytes_on_disk=2.0**30 if on_disk else 0.0,
            n_samples=settings.n_samples,
            kept_samples=settings.keep_samples,
            n_blocks=1 if on_disk else 0,
            computed_on="cpu, float32",
        )

    def train_job(self, fields, settings, *, path=None, noise_models=None, resume=None, stop=None):
        self.calls.append({"fields": fields, "settings": settings, "path": path, "resume": resume})
        history = []
        yield Stage("Fitting noise models")
        for epoch in range(1, 5 if not self.endless else 10**6):
            if stop.is_set():
                break
            elbo = Elbo(2 / epoch, 1 / epoch, (0.1, 0.2))
            psnr = tuple(20 + epoch + c for c in range(len(fields.channel_names)))
            done = EpochDone(epoch, epoch * 10, epoch, elbo, elbo, psnr, 1e-3, 0, self.improves)
            history.append(done)
            yield done
            patch = np.resize(fields.fields[0][:, :32, :32], (len(fields.channel_names), 32, 32))
            yield PreviewSplit(epoch, patch.mean(0), patch.copy(), patch.copy())
            yield Progress(min(1, epoch / 4), 60.0, f"epoch {epoch}")
            # Without end, faster than a window can draw epochs would only fill its queue.
            stop.wait(0.25 if self.endless else self.seconds)
            if self.error is not None:
                raise self.error
        if self.no_disk:
            return Trained(self.no_disk, None, tuple(history), stop.is_set())
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"model")
        return Trained(None, path, tuple(history), stop.is_set(), self.notes)


@pytest.fixture
def jobs(monkeypatch) -> FakeJobs:
    """Jobs without a network in the place of the real ones."""
    fake = FakeJobs()
    stand_in(monkeypatch, "jobs.split.job", fake.split_job)
    stand_in(monkeypatch, "jobs.train.job", fake.train_job)
    stand_in(monkeypatch, "jobs.preflight", fake.preflight)
    return fake


@pytest.fixture
def model(tmp_path, monkeypatch) -> Path:
    """A file that the widgets take for a model of nuclei and actin."""
    known = tmp_path / "cells.denoisplit"
    known.write_bytes(b"model")
    header = ModelHeader(
        network=LadderSettings(),
        mix=MixSettings(),
        normalization={
            "input_mean": 0.0,
            "input_std": 1.0,
            "channel_means": (0.0, 0.0),
            "channel_stds": (1.0, 1.0),
        },
        channel_names=("nuclei", "actin"),
        provenance={"sources": ["D6.tif CYX (2, 64, 64) sha256:0123"]},
        training={"history": [{"psnr": [27.5, 26.9], "is_best": True}]},
    )

    def read_header(path: Path) -> ModelHeader:
        if path != known:
            raise ModelFileError(f"{path} is not a model")
        return header

    def check_weights(path: Path) -> None:
        assert path == known

    stand_in(monkeypatch, "checkpoint", read_header)
    stand_in(monkeypatch, "checkpoint", check_weights)
    return known


@pytest.fixture
def small_model(tmp_path) -> Path:
    """A real model of nuclei and actin, small and not trained."""
    from napari_denoisplit.nn.ladder import VSE

    network = LadderSettings(n_levels=2, n_filters=4, n_latents=2)
    header = ModelHeader(
        network=network,
        mix=MixSettings(),
        normalization={
            "input_mean": 0.0,
            "input_std": 1.0,
            "channel_means": (0.0, 0.0),
            "channel_stds": (1.0, 1.0),
        },
        channel_names=("nuclei", "actin"),
    )
    path = tmp_path / "small.denoisplit"
    save_model(path, Model(VSE(network), header))
    return path


@pytest.fixture(autouse=True)
def first_session(tmp_path):
    """Nothing is remembered of another session, and nothing is left for the next."""
    form, scope = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    QSettings.setPath(form, scope, str(tmp_path / "settings"))


@pytest.fixture
def viewer(monkeypatch):
    """What a viewer holds, without its window (which takes seconds), as a plugin gets it."""
    monkeypatch.setenv("NAPARI_ENSURE_PLUGIN_MAIN_THREAD", "True")
    return PublicOnlyProxy(ViewerModel())


@pytest.fixture
def window(make_napari_viewer_proxy):
    """A real viewer with its window, as a plugin gets it; leaks are errors."""
    return make_napari_viewer_proxy(strict_qt="raise")


@pytest.fixture
def qtbot(qtbot):
    """Of pytest-qt; what it waits for may take minutes, for a busy machine is no fault."""
    wait_until, wait_signal = qtbot.waitUntil, qtbot.waitSignal
    qtbot.waitUntil = lambda met, *, timeout=0: wait_until(met, timeout=max(timeout, PATIENCE))

    def patient(signal, *, timeout=0, raising=None, **how):
        # `assertNotEmitted` waits by this, too: its end is the usual one.
        longest = timeout if raising is False else max(timeout, PATIENCE)
        return wait_signal(signal, timeout=longest, raising=raising, **how)

    qtbot.waitSignal = patient
    return qtbot


@pytest.fixture
def dock(qtbot):
    """Put a widget where napari would, so that it follows the viewer's layers."""
    kept = []  # or whichever thread collects garbage would take the widget apart

    def dock(viewer, widget):
        if hasattr(viewer, "window"):
            viewer.window.add_dock_widget(widget, name=type(widget).__name__)
            return widget
        qtbot.addWidget(widget)
        kept.append(widget)
        events = viewer.__wrapped__.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(widget.reset_choices)
        return widget

    yield dock
    # Of what pytest-qt has closed by now nothing is left for the next test.
    for widget in kept:
        QCoreApplication.sendPostedEvents(widget, QEvent.Type.DeferredDelete)


def menu_actions(main):
    """What the plugin's menus offer in a window, by the name of the page; "" is the dock itself."""
    end = " (denoiSplit)"
    every = [one for menu in main.findChildren(QMenu) for one in menu.actions()]
    found = {one.text().removesuffix(end): one for one in every if one.text().endswith(end)}
    return found | {"": found.pop("Split structures")}


def layer(viewer, name):
    """The layer itself, not the proxy that plugins get."""
    return viewer.layers[name].__wrapped__
