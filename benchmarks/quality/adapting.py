"""Recordings without truth that a model is adapted to: what it gains, and whether it is told.

    python -m benchmarks.quality.adapting [--model FILE] [--half 0|1] [--variants] [CASE ...]

Takes the model that comes along (NF1 wells D6 and D7, preset fast) unless another is given. Each
of the changed recordings of `recordings` is cut into two thirds that the model is adapted to and a
third that it is not, by which both are compared with the truth; whether the adapted model would be
kept is found without it. Writes the table between its marks in docs. Cases that are in
benchmarks/output already are not run again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from threading import Event

import numpy as np
import torch

from benchmarks.data_sets import REPOSITORY
from benchmarks.document import keep, put_into_document
from benchmarks.quality.recordings import Cases, relative_error
from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.events import run
from napari_denoisplit.files import replacing
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.results.record import acquisition_of
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.adapt.job import attempt_job
from napari_denoisplit.jobs.adapt.tiles import parts_of
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.residuals import noise_models_of
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.measures.trust.likeness import noise_of
from napari_denoisplit.noise.models.superposed import superposed_variance
from napari_denoisplit.settings import AdaptSettings, SplitSettings

OUTPUT = REPOSITORY / "benchmarks" / "output" / "adapting"
EXAMPLE = REPOSITORY / "src" / "napari_denoisplit" / "images" / "example" / "cells.denoisplit"
NAMES = (
    "unchanged",
    *(f"noise x {factor:g}" for factor in (1.41, 2, 3)),
    *("Poisson noise", "correlated noise"),
    *(f"mixed {share:g} : {1 - share:g}" for share in (0.3, 0.7)),
)
SETTINGS = SplitSettings(n_samples=4, keep_samples=0)


def shares_of(name: str) -> tuple[float, float]:
    """How bright both structures are in the recording, beside the training superpositions."""
    share = float(name.split()[1]) if name.startswith("mixed") else 0.5
    return 2 * share, 2 * (1 - share)


def likelihood(model: Model, levels: np.ndarray, mmse: np.ndarray, noise: float) -> float:
    """Mean log-likelihood of a recording given the parts, put together again; nats per pixel.

    Gaussian noise that rises with the signal as the noise models say, as strong as it is here.
    """
    weights = model.header.mix.mean_weights(len(mmse))
    variance = superposed_variance(noise_models_of(model.header), weights, mmse)
    variance *= noise**2 / variance.mean()
    squares = (levels - superpose(mmse, weights, model.header.mix.offset)) ** 2 / variance
    return float(-0.5 * (squares + np.log(2 * np.pi * variance)).mean())


def figures(model: Model, name: str, image: Image, truth: np.ndarray, settings: SplitSettings):
    """Compare a split with the truth."""
    split = run(split_job(model, image, settings))
    found = np.stack(split.read_mmse(()))
    gain = acquisition_of(split.provenance).gain
    offset = acquisition_of(split.provenance).offset
    levels = (image.data - offset) / gain
    norm = model.header.normalization
    edge = 64
    tiles = [
        levels[y : y + edge, x : x + edge]
        for y in range(0, levels.shape[0] - edge + 1, edge)
        for x in range(0, levels.shape[1] - edge + 1, edge)
    ]
    noise = noise_of(np.stack(tiles) / np.float32(norm.input_std)) * norm.input_std
    return {
        "psnr": [range_invariant_psnr(t, m) for t, m in zip(truth, found, strict=True)],
        "error": [relative_error(t, m) for t, m in zip(truth, found, strict=True)],
        "slope": [
            float(np.polyfit(t.ravel(), m.ravel(), 1)[0] / gain / share)
            for t, m, share in zip(truth, found, shares_of(name), strict=True)
        ],
        "likelihood": likelihood(model, levels, found / np.float32(gain), noise),
    }


def tried(model: Model, name: str, image: np.ndarray, truth: np.ndarray, share: float) -> dict:
    """Adapt to two thirds of a recording, and compare both models on the last third."""
    given = Image(np.ascontiguousarray(image, np.float32), "YX", name="recording")
    begun = time.perf_counter()
    attempt = run(attempt_job(model, [given], AdaptSettings(share=share), Event()))
    seconds = time.perf_counter() - begun
    parts = parts_of(given, attempt.acquisitions[0])
    (aside,) = parts.aside
    settings = SETTINGS.model_copy(update={"acquisition": parts.acquisition})
    # Where it lies: of the longer edge the last, of the shorter one the middle, which is all here.
    known = truth[:, -aside.shape[0] :, -aside.shape[1] :]
    return {
        "before": figures(model, name, aside, known, settings),
        "adapted": figures(attempt.model, name, aside, known, settings),
        "verdict": attempt.verdict.model_dump(),
        "seconds": seconds,
    }


def table(found: dict[str, dict]) -> str:
    """One line a case."""
    lines = [
        "| half | what differs | PSNR: before | adapted | relative error: before | adapted |"
        " intensity slope: before | adapted | log-likelihood: before | adapted |"
        " error of the round trip: before | adapted | seconds | adapted model |",
        "|---" * 14 + "|",
    ]
    for key, case in found.items():
        half, name = key.split("|")
        cells = []
        for figure, digits in (("psnr", 1), ("error", 2), ("slope", 2)):
            cells += [
                " / ".join(f"{v:.{digits}f}" for v in case[when][figure])
                for when in ("before", "adapted")
            ]
        cells += [f"{case[when]['likelihood']:.4f}" for when in ("before", "adapted")]
        told = case["verdict"]["figures"]
        for when in ("before", "adapted"):
            cells.append(" / ".join(f"{v:.3f}" for n, v in told.items() if n.endswith(f" {when}")))
        kept = "kept" if case["verdict"]["grade"] == "good" else "refused"
        cells += [f"{case['seconds']:.0f}", kept]
        lines.append(f"| {half} | {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", summary(found)])


def summary(found: dict[str, dict]) -> str:
    """Tell what is gained where the adapted model is kept, and missed where it is refused."""
    gains: dict[bool, list[np.ndarray]] = {True: [], False: []}
    for case in found.values():
        gain = np.subtract(case["adapted"]["psnr"], case["before"]["psnr"])
        gains[case["verdict"]["grade"] == "good"].append(gain)
    text = []
    for is_kept, word in ((True, "kept"), (False, "refused")):
        if not gains[is_kept]:
            continue
        each = np.stack(gains[is_kept])
        mean, least = each.mean(0), each.min(0)
        text.append(
            f"{word} in {len(each)} of {len(found)} cases, with {mean[0]:+.2f} / {mean[1]:+.2f} dB "
            f"in the mean and {least[0]:+.2f} / {least[1]:+.2f} dB at worst"
        )
    return f"The adapted model is {'; it is '.join(text)}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=EXAMPLE)
    parser.add_argument("--half", type=int, choices=(0, 1), action="append")
    parser.add_argument("--share", type=float, default=AdaptSettings().share)
    parser.add_argument("--table", action="store_true", help="write what there is")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    model = load_model(arguments.model)
    model.network.to(torch.device("cpu"))
    for half in () if arguments.table else arguments.half or (0, 1):
        for name, image, truth in Cases(half).all():
            path = OUTPUT / f"{half}_{name.replace(' ', '_')}_{arguments.share:g}.json"
            if name not in (arguments.cases or NAMES) or path.exists():
                continue
            case = tried(model, name, image, truth, arguments.share)
            print(half, name, case, flush=True)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(case))
    found = {
        f"{half}|{name}": json.loads(path.read_text())
        for half in (0, 1)
        for name in NAMES
        if (path := OUTPUT / f"{half}_{name.replace(' ', '_')}_{arguments.share:g}.json").exists()
    }
    put_into_document("adapting", table(found))
    keep("adapting", found)


if __name__ == "__main__":
    main()
