"""What a calibrated sigma is worth, on images that were used neither for training nor for alpha.

    python -m benchmarks.quality.calibration [--models FOLDER]

Takes the models that `quality.py run DATA denoisplit 0` has left in benchmarks/output/quality. Each
is calibrated on the parts of its training images that were kept aside, once with clean and once
with noisy targets, and judged with the clean test image. Then the noisy-target factor is compared
with the clean-target one on test images with other amounts of noise. Writes its tables between
their marks in docs.
"""

from __future__ import annotations

import argparse
import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.data_sets import DATA, DATA_SETS, DataSet
from benchmarks.document import keep, put_into_document
from benchmarks.quality.training import OUTPUT
from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.phantom.phantoms import phantom
from napari_denoisplit.images.phantom.synthetic_noise import add_noise
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.calibrate.fields import CalibrationField, limited, make_fields
from napari_denoisplit.jobs.calibrate.job import Calibrated, calibration_fields, conclude
from napari_denoisplit.jobs.calibrate.pixels import Drawn, draw_field
from napari_denoisplit.jobs.noise.job import fit_noise_job
from napari_denoisplit.noise.models.kinds import noise_model_from_dict
from napari_denoisplit.settings import CalibrateSettings

if TYPE_CHECKING:
    from napari_denoisplit.jobs.calibrate.channel import ChannelResult

SETTINGS = CalibrateSettings(n_samples=50, method="map")
LEVELS = (0.5, 1.0, 2.0)
"""Standard deviation of the Gaussian noise relative to that of the input."""
EDGE = 704
"""Pixels: most of the edge of a test image."""
MOST = 448**2
"""Pixels of a part kept aside; of a larger one the middle is used."""
NOISE_EDGE = 320
NAMES = ("A", "B", "C")


def clean_training_images(name: str, data: DataSet) -> tuple[np.ndarray, ...]:
    """Fields that a model was trained on, without their noise."""
    if name == "A":
        return tuple(data.train_clean)
    if name == "B":
        path = DATA / "train" / "hagen_actin_mito" / "hagen_60x-noise1_highsnr.ome.tif"
        return (np.asarray(read_image(path).data, np.float32),)
    return tuple(phantom((512, 512), ("filaments", "pits"), seed) for seed in range(3))


def row_of(channel: ChannelResult, chosen: str) -> dict[str, object]:
    curves = channel.curves
    after = curves.after[chosen]
    return {
        "ece_before": curves.before.ece,
        "ece_after": after.ece,
        "relative_ece_before": curves.before.relative_ece,
        "relative_ece_after": after.relative_ece,
        "slope_before": curves.before.line[0],
        "slope": after.line[0],
        "r": after.correlation,
    }


def record_of(result: Calibrated) -> dict[str, object]:
    """Every number that the tables show, and some more."""
    return {
        channel.curves.channel: {
            "factors": dict(channel.factors),
            "noise_scale": channel.noise_scale,
            "verdict": channel.verdict.grade,
            "ways": {way: row_of(channel, way) for way in channel.curves.after},
            "samples": [
                {
                    "n": step.n_samples,
                    "factor": step.factor,
                    "ece": step.curve.ece,
                    "slope": step.curve.line[0],
                    "r": step.curve.correlation,
                    "coverage": step.coverage,
                }
                for step in channel.curves.by_samples
            ],
        }
        for channel in result.channels
    }


def drawn_fields(
    name: str, model: Model, fields: list[CalibrationField], noise: list, cache: Path | None
) -> list[Drawn]:
    """Split every field, or take what an earlier run has kept."""
    drawn = []
    for i, field in enumerate(fields):
        file = cache and cache / f"{name}_{i}.pickle"
        if file and file.exists():
            found = pickle.loads(file.read_bytes())
        else:
            stop = threading.Event()
            found = run(draw_field(model, field, noise, SETTINGS, seed=i, stop=stop))
            print(name, "field", i + 1, "of", len(fields), flush=True)
            if file:
                file.write_bytes(pickle.dumps(found))
        drawn.append(found)
    return drawn


def against(drawn: Drawn, target: np.ndarray | None, **parts: np.ndarray) -> Drawn:
    """Return the same predictions beside a clean target, or with other parts to fit to."""
    if target is None:
        return replace(drawn, field=replace(drawn.field, **parts))
    field = replace(drawn.field, target=target, kind="clean", **parts)
    nothing = np.zeros_like(drawn.variance)
    return replace(drawn, field=field, variance=nothing, covariance=nothing)


def held_out(name: str, model: Model, cache: Path | None) -> dict[str, object]:
    """Calibrate on what was kept aside or on half of the test image; judge with clean targets."""
    data = DATA_SETS[name]()
    names = data.fields.channel_names
    noise = [noise_model_from_dict(values) for values in model.header.noise_models]
    part = (slice(None), slice(EDGE), slice(EDGE))
    test = TrainingFields((data.noisy[part],), names, ("the test image",))
    kept = cropped(calibration_fields(model, replace(data.fields, clean=None), SETTINGS))
    (half,) = make_fields(test, (0.5, 0.5))
    drawn = drawn_fields(name, model, [*kept, half], noise, cache)
    clean = replace(data.fields, clean=clean_training_images(name, data))
    clean_kept = [f.target for f in cropped(calibration_fields(model, clean, SETTINGS))]
    (clean_test,) = make_fields(replace(test, clean=(data.truth[part],)), (0.5, 0.5))
    nothing = np.zeros(half.superposition.shape, bool)
    everything = ~nothing
    report = against(drawn[-1], clean_test.target, fit=nothing, report=everything)
    found: dict[str, object] = {}
    for target in ("clean", "noisy"):
        fits = [
            against(d, clean if target == "clean" else None, fit=whole(d), report=~whole(d) & False)
            for d, clean in zip(drawn[:-1], clean_kept, strict=True)
        ]
        own = against(drawn[-1], clean_test.target if target == "clean" else None, report=nothing)
        truth = against(drawn[-1], clean_test.target, fit=nothing)
        for place, parts in (("kept aside", [*fits, report]), ("test image", [own, truth])):
            found[f"{place}, {target}"] = record_of(conclude(model, parts, SETTINGS))
            print(name, place, target, found[f"{place}, {target}"], flush=True)
    return found


def cropped(fields: list[CalibrationField]) -> list[CalibrationField]:
    """Return the middle of each field."""
    return [limited([field], MOST)[0] for field in fields]


def whole(drawn: Drawn) -> np.ndarray:
    """Pixels of a part kept aside: those that a calibration alone would fit to or report on."""
    y, x = (np.flatnonzero((drawn.field.fit | drawn.field.report).any(axis=a)) for a in (1, 0))
    mask = np.zeros_like(drawn.field.fit)
    mask[y[0] : y[-1] + 1, x[0] : x[-1] + 1] = True
    return mask


def other_noise(name: str, model: Model, level: float, cache: Path | None) -> dict[str, object]:
    """Calibrate on a test image with another amount of noise, with and without its truth."""
    data = DATA_SETS[name]()
    truth = data.truth[:, :NOISE_EDGE, :NOISE_EDGE]
    poisson = 5.0 if name == "C" else 0.0
    noisy = add_noise(truth, poisson=poisson, gaussian=level, seed=77)
    names = data.fields.channel_names
    noise = [
        run(fit_noise_job(NoiseData("single", noisy[c], name=channel))).model
        for c, channel in enumerate(names)
    ]
    fields = make_fields(TrainingFields((noisy,), names), (0.5, 0.5))
    (drawn,) = drawn_fields(f"{name}_{level}", model, fields, noise, cache)
    found = {}
    for target, parts in (("clean", against(drawn, truth)), ("noisy", drawn)):
        result = conclude(model, [parts], SETTINGS)
        found[target] = {
            c.curves.channel: {**c.factors, "noise_scale": c.noise_scale} for c in result.channels
        }
    print(name, level, found, flush=True)
    return found


PLACES = ("kept aside", "test image")
"""Parts kept aside at training, of other images; and one half of the test image's chessboard."""


def tables(results: dict[str, object]) -> str:
    """Markdown of everything."""
    return "\n\n".join([worth(results), samples(results), agreement(results)])


def worth(results: dict[str, object]) -> str:
    lines = [
        "Fitted to one part, judged on another with clean images. ECE in grey levels.\n",
        "| data, structure | fitted to | targets | way | ECE before | after | relative ECE before "
        "| after | slope before | after | r after |",
        "|---" * 11 + "|",
    ]
    for name, fit, channel, found in every(results):
        place, target = fit.split(", ")
        for way, row in found["ways"].items():
            lines.append(
                f"| {name}, {channel} | {place} | {target} | {way} | {row['ece_before']:.3g} "
                f"| {row['ece_after']:.3g} | {row['relative_ece_before']:.2f} "
                f"| {row['relative_ece_after']:.2f} | {row['slope_before']:.2f} "
                f"| {row['slope']:.2f} | {row['r']:.3f} |"
            )
    return "\n".join(lines)


def samples(results: dict[str, object]) -> str:
    lines = [
        "With fewer samples, calibrated by the map with as many, fitted to one half of the test "
        "image and judged on the other.\n",
        "| data, structure | targets | samples | factor | ECE | slope | r | in the 68 % interval "
        "| in the 95 % interval |",
        "|---" * 9 + "|",
    ]
    lines += [
        f"| {name}, {channel} | {fit.split(', ')[1]} | {row['n']} | {row['factor']:.2f} "
        f"| {row['ece']:.3g} | {row['slope']:.2f} | {row['r']:.3f} "
        f"| {row['coverage']['68']:.1%} | {row['coverage']['95']:.1%} |"
        for name, fit, channel, found in every(results)
        if fit.startswith("test image")
        for row in found["samples"]
    ]
    return "\n".join(lines)


def agreement(results: dict[str, object]) -> str:
    lines = [
        "Factors from noisy targets beside those from clean ones, same pixels, same predictions.\n",
        "| data, structure | part | noise | clean targets | noisy targets | difference "
        "| if the shared noise were not minded | likelihood, clean | likelihood, noisy |",
        "|---" * 9 + "|",
    ]
    rows = []
    for name in NAMES:
        for place in PLACES:
            clean, noisy = (results[name][f"{place}, {target}"] for target in ("clean", "noisy"))
            rows += [
                (f"{name}, {c}", place, "as trained", clean[c]["factors"], noisy[c]["factors"])
                for c in clean
            ]
    rows += [
        (f"{name}, {c}", "test image", f"{level} x", found["clean"][c], found["noisy"][c])
        for name, levels in results["noise"].items()
        for level, found in levels.items()
        for c in found["clean"]
    ]
    for title, place, noise, clean, noisy in rows:
        difference, plain = (noisy[k] / clean["variance"] - 1 for k in ("variance", "uncorrected"))
        lines.append(
            f"| {title} | {place} | {noise} | {clean['variance']:.3f} | {noisy['variance']:.3f} "
            f"| {difference:+.1%} | {noisy['uncorrected']:.3f} ({plain:+.1%}) "
            f"| {clean['likelihood']:.3f} | {noisy['likelihood']:.3f} |"
        )
    return "\n".join(lines)


def every(results: dict[str, object]) -> list[tuple[str, str, str, dict]]:
    """List data set, what was fitted to, structure and findings of every calibration."""
    return [
        (name, fit, channel, found)
        for name in NAMES
        for fit, channels in results[name].items()
        for channel, found in channels.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, default=OUTPUT, help="folder of the models")
    parser.add_argument("--cache", type=Path, help="folder for what was sampled, to be read again")
    parser.add_argument("--only", choices=NAMES, help="sample for one data set, write no table")
    arguments = parser.parse_args()
    cache = arguments.cache
    if arguments.only:
        model = load_model(arguments.models / f"{arguments.only}_denoisplit_0.denoisplit")
        held_out(arguments.only, model, cache)
        return
    models = {n: load_model(arguments.models / f"{n}_denoisplit_0.denoisplit") for n in NAMES}
    results: dict[str, object] = {name: held_out(name, models[name], cache) for name in NAMES}
    results["noise"] = {
        name: {str(level): other_noise(name, models[name], level, cache) for level in LEVELS}
        for name in ("A", "C")
    }
    keep("calibration", results)
    put_into_document("calibration", tables(results))


if __name__ == "__main__":
    main()
