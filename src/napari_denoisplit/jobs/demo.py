"""The whole way on a made-up sample: draw, train, split, measure, show."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_denoisplit.errors import JobError
from napari_denoisplit.events import Stage
from napari_denoisplit.files import replacing
from napari_denoisplit.images.files.writing import write_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.phantoms import PIXEL_SIZE, phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.results.files import ResultFiles, write_split
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import SplitSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_denoisplit.events import Job, SplitEvent, TrainEvent
    from napari_denoisplit.images.phantom.structures import Structure
    from napari_denoisplit.images.results.split import Split

STRUCTURES: tuple[Structure, Structure] = ("filaments", "pits")
N_FIELDS = 3
SIZE = 512
MINUTES = 2.5
PHOTON = 5.0
"""Grey levels of one photon in the shot noise."""
TEST_SEED = 1_000_000
"""The field that is split is none of those trained on."""
EDGES = {"Y": PIXEL_SIZE, "X": PIXEL_SIZE}
UNITS = {"Y": "µm", "X": "µm"}


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """Outcome of the demo."""

    split: Split
    picture: Path
    files: tuple[Path, ...]
    """What a viewer shows of it: the superposition, its split, the model."""
    psnr: dict[str, float]
    """Range-invariant PSNR in dB by what was measured."""


def demo_fields(seed: int) -> TrainingFields:
    """Draw the noisy channels that the demo trains on."""
    clean = np.stack([phantom((SIZE, SIZE), STRUCTURES, seed + i) for i in range(N_FIELDS)])
    noisy = add_noise(clean, poisson=PHOTON, gaussian=1.0, seed=seed)
    sources = tuple(f"phantom seed {seed + i}" for i in range(N_FIELDS))
    return TrainingFields(tuple(noisy), STRUCTURES, sources, pixel_size=EDGES, units=UNITS)


def demo_test(seed: int) -> tuple[Image, Image]:
    """Draw the truth (C, Y, X) and the noisy superposition (Y, X) that the demo splits."""
    clean = phantom((SIZE, SIZE), STRUCTURES, TEST_SEED + seed)
    noisy = add_noise(clean, poisson=PHOTON, gaussian=1.0, seed=TEST_SEED + seed)
    mixed = superpose(noisy, (0.5, 0.5))
    truth = Image(clean, "CYX", EDGES, UNITS, STRUCTURES, "truth")
    return truth, Image(mixed, "YX", EDGES, UNITS, name="superposition")


def demo_job(
    folder: Path,
    *,
    minutes: float = MINUTES,
    n_samples: int = 30,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> Job[TrainEvent | SplitEvent, Demo]:
    """Draw phantoms, train a model on their noisy channels, split an unseen field, measure it.

    Noise models are fitted to the noisy channels alone, as for a user's own images.

    Parameters
    ----------
    folder
        Where the images, the model and the picture go.
    minutes
        Minutes of training.
    n_samples
        Posterior samples.
    seed
        Seed of the phantoms, their noise, the training and the samples.
    stop
        When set, training or sampling ends early and what there is is written.

    Yields
    ------
    Stage, Progress, EpochDone, PreviewSplit, SampleDrawn

    Returns
    -------
    Demo

    Raises
    ------
    JobError
        It was stopped before the first sample.
    TrainingError
        It was stopped before the first step of the training.
    """
    stop = stop or threading.Event()
    yield Stage(f"Drawing {N_FIELDS} fields of {' and '.join(STRUCTURES)}")
    model_path = folder / "demo.denoisplit"
    settings = TrainSettings(minutes=minutes, seed=seed)
    trained = yield from train_job(demo_fields(seed), settings, path=model_path, stop=stop)
    truth, superposition = demo_test(seed)
    split_settings = SplitSettings(n_samples=n_samples, seed=seed, keep_samples=1)
    # A stop that ended the training must not keep its result from being shown.
    split_stop = None if stop.is_set() else stop
    split = yield from split_job(trained.model, superposition, split_settings, stop=split_stop)
    if split.n_samples == 0:
        raise JobError(
            f"The demo was stopped before the first sample: there is no split to show. The model "
            f"is in {model_path}."
        )
    yield Stage("Writing images and the picture")
    target = folder / "superposition"
    write_image(folder / "truth.ome.tif", truth)
    write_image(folder / "superposition.ome.tif", superposition)
    write_split(split, target)
    picture = folder / "demo.png"
    psnr = _measure(truth, superposition, split)
    if poor := no_better(psnr):
        yield Stage(
            f"The split of {' and '.join(poor)} is no better than the noisy superposition: "
            f"the training was too short. Try --minutes {max(4 * minutes, MINUTES):g}."
        )
    save_picture(picture, _panels(truth, superposition, split, psnr), "denoiSplit demo")
    files = (folder / "superposition.ome.tif", ResultFiles(target).mmse, model_path)
    return Demo(split, picture, files, psnr)


def no_better(psnr: dict[str, float]) -> list[str]:
    """Name the structures whose MMSE is no nearer to the truth than the superposition."""
    return [n for n in STRUCTURES if psnr[f"{n}, MMSE"] <= psnr[f"{n}, superposition"]]


def _one_sample(split: Split) -> NDArray[np.float32]:
    if split.samples is None:
        raise ValueError("the demo keeps one sample")
    return np.asarray(split.samples[0])  # (C, Y, X)


def _measure(truth: Image, superposition: Image, split: Split) -> dict[str, float]:
    """PSNR of the superposition, one sample and the MMSE against every structure."""
    candidates = {
        "superposition": np.broadcast_to(superposition.data, truth.shape),
        "one sample": _one_sample(split),
        "MMSE": split.mmse.data,
    }
    return {
        f"{name}, {what}": range_invariant_psnr(truth.data[c], pixels[c])
        for c, name in enumerate(STRUCTURES)
        for what, pixels in candidates.items()
    }


def _panels(
    truth: Image, superposition: Image, split: Split, psnr: dict[str, float]
) -> list[list[Panel]]:
    sample, mmse, sigma = _one_sample(split), split.mmse.data, split.sigma.data
    return [
        [
            Panel("noisy superposition", superposition.data),
            Panel(f"{name}, truth", truth.data[c]),
            Panel(f"MMSE, {psnr[f'{name}, MMSE']:.1f} dB", mmse[c], "gray", 1),
            Panel(f"one sample, {psnr[f'{name}, one sample']:.1f} dB", sample[c], "gray", 1),
            Panel("sigma", sigma[c], "magma"),
        ]
        for c, name in enumerate(STRUCTURES)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One image of the picture."""

    title: str
    pixels: NDArray[np.float32]
    """(Y, X)"""
    colormap: str = "gray"
    same_range_as: int | None = None
    """Number of the panel in the row whose range of grey levels is used here, too."""


def save_picture(path: Path, rows: Sequence[Sequence[Panel]], title: str) -> None:
    """Draw rows of panels into a PNG, whole or not at all."""
    from matplotlib.figure import Figure  # 0.5 s, only when a picture is drawn

    n_columns = max(map(len, rows))
    figure = Figure(figsize=(2.9 * n_columns, 3.15 * len(rows) + 0.4), layout="constrained")
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots(len(rows), n_columns, squeeze=False)
    for row, panels in zip(axes, rows, strict=True):
        for column, axis in enumerate(row):
            axis.set_axis_off()
            if column < len(panels):
                _draw(axis, panels, column)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def _draw(axis: Axes, panels: Sequence[Panel], column: int) -> None:
    panel = panels[column]
    reference = column if panel.same_range_as is None else panel.same_range_as
    low, high = np.quantile(panels[reference].pixels, [0.005, 0.998])
    axis.imshow(
        panel.pixels, cmap=panel.colormap, vmin=low, vmax=max(high, low + 1e-6), resample=True
    )
    axis.set_title(panel.title, fontsize=9)
