"""Quality of a split: trains each method on each data set and measures it on held-out images.

    python -m benchmarks.quality.training run A denoisplit 0 --minutes 10
    python -m benchmarks.quality.training run A denoisplit 0 --minutes 10 --noise repeats
    python -m benchmarks.quality.training report

`run` trains one model; its numbers go to benchmarks/results, which is kept with the source so that
runs add up, its images and model to benchmarks/output. `report` gathers all runs into
docs. With `--noise` the noise models come from one source: clean pairs, repeats made
for the purpose, a denoiser, or a single image; without it from the images, as a user's would.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import torch

from benchmarks.data_sets import DATA_SETS, REPOSITORY, DataSet
from benchmarks.document import keep
from napari_denoisplit.events import EpochDone, Event, Stage, run
from napari_denoisplit.files import replacing
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.measures.ms_ssim import ms_ssim
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import NoiseSource, SplitSettings, TrainSettings

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model
    from napari_denoisplit.images.results.split import Split
    from napari_denoisplit.jobs.learning.loop import Trained
    from napari_denoisplit.noise.models.noise_model import NoiseModel

RESULTS = REPOSITORY / "benchmarks" / "results"
OUTPUT = REPOSITORY / "benchmarks" / "output" / "quality"
N_SAMPLES = 50
N_REPEATS = 8
REPEAT_SEED = 100  # none of the seeds of the images


def measure(truth: np.ndarray, image: np.ndarray) -> dict[str, list[float]]:
    """PSNR and MS-SSIM of every channel, the mean over its frames where there are several.

    An image without channels is compared with each.
    """
    if image.ndim < truth.ndim:
        image = image[..., None, :, :]
    frames = (-1, *truth.shape[-3:])
    images = np.broadcast_to(image, truth.shape).reshape(frames)
    pairs = list(zip(truth.reshape(frames), images, strict=True))
    found = {}
    for name, of in (("psnr", range_invariant_psnr), ("ms_ssim", ms_ssim)):
        values = [[of(t[c], p[c]) for c in range(len(t))] for t, p in pairs]
        found[name] = np.mean(values, axis=0).tolist()
    return found


def fitted_noise_models(data: DataSet, source: NoiseSource) -> list[NoiseModel]:
    """Noise model of every channel, from one source, made of the first field trained on."""
    models = []
    for c, name in enumerate(data.fields.channel_names):
        observation, signal = data.fields.fields[0][c], None
        if source == "pairs":
            signal = data.train_clean[0, c]
        elif source == "repeats":
            seeds = range(REPEAT_SEED, REPEAT_SEED + N_REPEATS)
            observation = np.stack([data.expose(seed)[0, c] for seed in seeds])
        fitted = run(fit_noise_job(NoiseData(source, observation, signal, name=name)))
        print(name, source, fitted.model, fitted.model.record.verdict.headline, flush=True)
        models.append(fitted.model)
    return models


def train_and_split(arguments: argparse.Namespace) -> None:
    """One run: train, split the test image, write numbers and arrays."""
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    data = DATA_SETS[arguments.data]()
    tag = f"_noise-model-from-{arguments.noise}" if arguments.noise else arguments.tag
    name = f"{arguments.data}_{arguments.method}_{arguments.seed}{tag}"
    noise_models = fitted_noise_models(data, arguments.noise) if arguments.noise else None
    settings = TrainSettings(
        preset=arguments.preset,
        method=arguments.method,
        minutes=arguments.minutes if arguments.steps is None else None,
        steps=arguments.steps,
        seed=arguments.seed,
        test_fraction=0.0,
        **data.training,
    )
    trained, record = train(name, data, settings, noise_models)
    split, measured = split_and_measure(name, data, trained.model, N_SAMPLES)
    record |= {"data": arguments.data, "tag": tag} | measured
    keep(name, record)
    save_images(name, data, split)


def train(
    name: str,
    data: DataSet,
    settings: TrainSettings,
    noise_models: list[NoiseModel] | None = None,
) -> tuple[Trained, dict[str, Any]]:
    """Train a model, say how it gets on, and return it with the record of the training."""
    log: list[str] = []

    def report(event: Event) -> None:
        if isinstance(event, EpochDone):
            log.append(
                f"epoch {event.epoch} step {event.step} {event.seconds:.0f} s "
                f"validation {event.validation.loss:.4f} PSNR "
                + " ".join(f"{p:.2f}" for p in event.psnr)
                + (" best" if event.is_best else "")
            )
            print(name, log[-1], flush=True)
        elif isinstance(event, Stage):
            print(name, event.text, flush=True)

    cpu, wall = time.process_time(), time.monotonic()
    path = OUTPUT / f"{name}.denoisplit"
    trained = run(train_job(data.fields, settings, path=path, noise_models=noise_models), report)
    return trained, {
        "method": settings.method,
        "seed": settings.seed,
        "preset": settings.preset,
        "steps": trained.history[-1].step,
        "best_epoch_step": max(e.step for e in trained.history if e.is_best),
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.monotonic() - wall,
        "threads": torch.get_num_threads(),
        "log": log,
    }


def split_and_measure(
    name: str, data: DataSet, model: Model, n_samples: int
) -> tuple[Split, dict[str, Any]]:
    """Split the test image, and measure the result beside what it was made of."""
    settings = SplitSettings(n_samples=n_samples, keep_samples=1)
    split = run(split_job(model, data.superposition, settings))
    measured = {
        "superposition": measure(data.truth, np.asarray(data.superposition.data)),
        "noisy": measure(data.truth, data.noisy),
        "mmse": measure(data.truth, split.mmse.data),
    }
    if split.samples is not None:  # a U-Net has none
        measured["sample"] = measure(data.truth, split.samples[0])
    print(name, json.dumps(measured), flush=True)
    return split, measured


def save_images(name: str, data: DataSet, split: Split) -> None:
    """Keep the shown window of every image of a run."""
    window = (..., *data.window)
    images = {
        "superposition": data.superposition.data,
        "truth": data.truth,
        "mmse": split.mmse.data,
    }
    if split.samples is not None:
        images |= {"sample": split.samples[0], "sigma": split.sigma.data}
    with replacing(OUTPUT / f"{name}.npz") as temporary:
        np.savez(temporary, **{key: image[window] for key, image in images.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="train and measure one model")
    one.add_argument("data", choices=DATA_SETS)
    one.add_argument("method", choices=("denoisplit", "altered_musplit", "musplit"))
    one.add_argument("seed", type=int)
    one.add_argument("--preset", default="fast")
    one.add_argument("--minutes", type=float, default=10.0)
    one.add_argument("--steps", type=int, help="a budget that no other load changes")
    one.add_argument("--threads", type=int)
    one.add_argument("--tag", default="")
    one.add_argument("--noise", choices=get_args(NoiseSource), help="source of the noise models")
    commands.add_parser("report", help="gather all runs into docs")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    if arguments.command == "run":
        train_and_split(arguments)
    else:
        from benchmarks.quality.report import write_report

        write_report(RESULTS, OUTPUT, REPOSITORY / "docs")


if __name__ == "__main__":
    main()
