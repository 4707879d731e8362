"""Places that look unlike the training images: whether the split is wrong there.

    python -m benchmarks.quality.unfamiliar [--models FOLDER]

Trains the preset fast for 800 steps on five data sets (about four minutes each on one core; A with
each of its three wells held out) unless the models are in the folder already, splits an image that
each has not seen, and compares blocks of 64 x 64 pixels: how strange they look to the encoder, the
error of the MMSE there, and what sigma says of it. Then the model is calibrated on the noisy parts
of its training images that were kept aside, and sigma compared with the clean truth, as it is and
widened where the image looks strange. Writes both tables between their marks in docs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.data_sets import DATA_SETS
from benchmarks.document import keep, put_into_document
from benchmarks.quality.recordings import auc
from benchmarks.quality.trained import asked_folder, trained
from napari_denoisplit.events import run
from napari_denoisplit.images.training.fields import TrainingFields
from napari_denoisplit.jobs.calibrate.job import calibrate_job
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.job import check_job
from napari_denoisplit.measures.calibration.fit import ErrorPixels
from napari_denoisplit.measures.calibration.reliability import coverage, reliability
from napari_denoisplit.measures.trust.likeness import EDGE, UNFAMILIAR
from napari_denoisplit.measures.trust.recording import MUCH
from napari_denoisplit.settings import CalibrateSettings, MixSettings, SplitSettings

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model

STEPS = 800
BINS = (0.0, 0.8, 1.0, 1.25, 1.5, 2.0, np.inf)
"""Of the strangeness."""
PART = 8
"""Blocks along each edge of a part of an image."""
WORST = 0.1
"""Share of the blocks that counts as where a split is worst."""


def blocks(values: np.ndarray) -> np.ndarray:
    """Mean over each whole block, (..., Y, X) to (..., N)."""
    *front, height, width = values.shape
    rows, columns = height // EDGE, width // EDGE
    whole = values[..., : rows * EDGE, : columns * EDGE]
    each = whole.reshape(*front, rows, EDGE, columns, EDGE).mean((-3, -1))
    return each.reshape(*front, rows * columns)


def measured(data: str, model: Model) -> dict[str, list[float]]:
    """Of each block: its strangeness, squared error and sigma, in units of each contrast."""
    given = DATA_SETS[data]()
    image, truth = given.superposition, np.asarray(given.truth)
    settings = SplitSettings(n_samples=8, keep_samples=8)
    split = run(split_job(model, image, settings))
    unfamiliar = run(check_job(model, image, split, settings)).unfamiliar
    found = np.stack([m[()] for m in split.mmse_arrays])
    sigma = np.stack([s[()] for s in split.sigma_arrays])
    contrast = truth.var((1, 2), keepdims=True)
    return {
        "strangeness": blocks(unfamiliar.data).tolist(),
        "error": blocks(((found - truth) ** 2 / contrast).mean(0)).tolist(),
        "sigma": blocks((sigma**2 / contrast).mean(0)).tolist(),
    }


def held(data: str, model: Model) -> dict[str, dict[str, list[float]]]:
    """Slope of RMSE over RMV, and percent within 1.96 sigma, of each structure: plain and widened.

    The calibration is that of the parts kept aside, of which no clean image is looked at.
    """
    given = DATA_SETS[data]()
    kept = [
        np.ascontiguousarray(
            given.fields.fields[r["field"]][:, r["y0"] : r["y1"], r["x0"] : r["x1"]]
        )
        for r in model.header.provenance["validation"]
    ]
    names = tuple(f"part {n + 1}" for n in range(len(kept)))
    fields = TrainingFields(tuple(kept), model.header.channel_names, names)
    model = run(calibrate_job(model, fields, CalibrateSettings())).model
    settings = SplitSettings(n_samples=50, keep_samples=5)
    split = run(split_job(model, given.superposition, settings))
    check = run(check_job(model, given.superposition, split, settings))
    found = {}
    for name, sigma in (("plain", split.sigma), ("widened", check.widened_sigma(split))):
        rows = []
        for truth, mmse, spread in zip(given.truth, split.mmse.data, sigma.data, strict=True):
            error = (truth - mmse).ravel().astype(np.float64)
            pixels = ErrorPixels(spread.ravel(), error, np.zeros(1))
            curve = reliability(pixels, spread.ravel())
            rows += [curve.line[0], 100 * coverage(pixels, spread.ravel())["95"]]
        found[name] = rows
    return found


def parts(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Mean over each part of an image, from its blocks: (N,) to (parts,)."""
    size = [min(PART, n // EDGE) for n in shape]
    grid = values.reshape(shape[0] // EDGE, shape[1] // EDGE)
    return np.lib.stride_tricks.sliding_window_view(grid, size).mean((-2, -1)).ravel()


def parts_table(results: dict[str, dict[str, list[float]]]) -> str:
    """One line a data set: parts that hold little, and much, that is unfamiliar."""
    lines = [
        f"| data | parts of {PART * EDGE} pixels with more than {100 * MUCH:g} % unfamiliar | "
        "error beside the contrast: others | they | error / sigma: others | they |",
        "|---|---|---|---|---|---|",
    ]
    for data, result in results.items():
        shape = DATA_SETS[data]().superposition.data.shape[-2:]
        strange, error, sigma = (np.array(result[k]) for k in ("strangeness", "error", "sigma"))
        share, error, sigma = (parts(v, shape) for v in (strange > UNFAMILIAR, error, sigma))
        kinds = share <= MUCH, share > MUCH
        errors = [f"{np.sqrt(error[k].mean()):.2f}" if k.any() else "" for k in kinds]
        sigmas = [
            f"{np.sqrt(error[k].sum() / sigma[k].sum()):.2f}" if k.any() else "" for k in kinds
        ]
        cells = [data, f"{kinds[1].mean():.0%}", *errors, *sigmas]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sigma_table(results: dict[str, dict[str, dict[str, list[float]]]]) -> str:
    """One line a data set."""
    lines = [
        "| data | slope of RMSE over RMV: sigma | widened | % of the pixels within 1.96 sigma: "
        "sigma | widened |",
        "|---|---|---|---|---|",
    ]
    for data, found in results.items():
        cells = [
            " / ".join(f"{value:{form}}" for value in found[name][first::2])
            for first, form in ((0, ".2f"), (1, ".0f"))
            for name in ("plain", "widened")
        ]
        lines.append(f"| {data} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(results: dict[str, dict[str, list[float]]]) -> str:
    """One line a data set and bin of strangeness."""
    lines = [
        "| data | strangeness | share of the image | share of the squared error | "
        "error beside the contrast | error / sigma |",
        "|---|---|---|---|---|---|",
    ]
    for data, result in results.items():
        strange, error, sigma = (np.array(result[k]) for k in ("strangeness", "error", "sigma"))
        for low, high in pairwise(BINS):
            here = (strange >= low) & (strange < high)
            if not here.any():
                continue
            name = f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}"
            lines.append(
                f"| {data} | {name} | {here.mean():.0%} | {error[here].sum() / error.sum():.0%} "
                f"| {np.sqrt(error[here].mean()):.2f} "
                f"| {np.sqrt(error[here].sum() / sigma[here].sum()):.2f} |"
            )
    lines.append("")
    for data, result in results.items():
        strange, error, sigma = (np.array(result[k]) for k in ("strangeness", "error", "sigma"))
        worst = [(x >= np.quantile(x, 1 - WORST)).tolist() for x in (error, error / sigma)]
        by_map, by_sigma = ([auc(w, s.tolist()) for w in worst] for s in (strange, sigma))
        lines.append(
            f"{data}: the {WORST:.0%} of the blocks with the largest error are told by their "
            f"strangeness with an area under the curve of {by_map[0]:.2f} (by sigma "
            f"{by_sigma[0]:.2f}), those with the largest error beside sigma with {by_map[1]:.2f} "
            f"({by_sigma[1]:.2f}).\n"
        )
    return "\n".join(lines)


def main() -> None:
    folder = asked_folder(__doc__.splitlines()[0])
    results, sigmas = {}, {}
    for data in ("A", "AD6", "AD7", "B", "C"):
        path = folder / f"{data}_noise_1.denoisplit"
        model = trained(path, data, MixSettings(), STEPS)
        results[data], sigmas[data] = measured(data, model), held(data, model)
        print(data, sigmas[data], flush=True)
    put_into_document("unfamiliar", f"{table(results)}\n{parts_table(results)}")
    put_into_document("widened sigma", sigma_table(sigmas))
    keep("unfamiliar", results)
    keep("widened_sigma", sigmas)


if __name__ == "__main__":
    main()
