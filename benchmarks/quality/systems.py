"""Systems of the papers, each trained for as many steps as the others and measured alike.

python -m benchmarks.quality.systems run A denoisplit+context --steps 400
python -m benchmarks.quality.systems report
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import torch

from benchmarks.data_sets import DATA_SETS
from benchmarks.document import keep, put_into_document
from benchmarks.quality.report import cells
from benchmarks.quality.training import OUTPUT, RESULTS, save_images, split_and_measure, train
from napari_denoisplit.settings import (
    METHODS,
    PRESETS,
    ContextSettings,
    TrainSettings,
    UNetSettings,
)

N_SAMPLES = 10
N_EPOCHS = 5
HALF = METHODS["denoisplit"].model_copy(update={"beta": 0.5})
WITH_CONTEXT = PRESETS["tiny"].network.model_copy(update={"context": ContextSettings(scales=4)})
SMALL_UNET = UNetSettings(n_levels=4, n_filters=16)
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "denoisplit": ("denoiSplit", {}),
    "denoisplit-half": ("denoiSplit, beta 1/C", {"loss": HALF}),
    "denoisplit+context": ("denoiSplit with context", {"network": WITH_CONTEXT}),
    "altered_musplit": ("altered muSplit", {"method": "altered_musplit"}),
    "musplit": ("muSplit, vanilla", {"method": "musplit"}),
    "musplit+context": ("muSplit with context", {"method": "musplit", "network": WITH_CONTEXT}),
    "unet": ("U-Net", {"method": "musplit", "network": SMALL_UNET}),
}
"""Title and settings of each."""
PUBLISHED = {
    "critters": {"musplit": "19.4", "musplit+context": "34.1 (Lean), 41.5 (Regular)"},
    "A": {
        "denoisplit": "39.7, 30.5, 40.1, 29.6",
        "altered_musplit": "38.9, 30.4, 38.9, 29.4",
        "musplit+context": "30.3, 26.0, 30.5, 25.9",
    },
    "B": {"denoisplit": "31.0", "musplit+context": "26.5"},
}
"""PSNR of the papers, dB: muSplit, table 2; denoiSplit, table 1 (T1 to T4) and figure 5."""


def train_and_measure(data_name: str, system: str, seed: int, steps: int) -> None:
    """One run: train, split the test image, write numbers and images."""
    name = f"systems_{data_name}_{system}_{seed}"
    data, (_, chosen) = DATA_SETS[data_name](), SYSTEMS[system]
    settings = TrainSettings(
        minutes=None,
        steps=steps,
        seed=seed,
        test_fraction=0.0,
        preset="tiny",
        steps_per_epoch=max(1, steps // N_EPOCHS),
        preview_every=N_EPOCHS + 1,
        **chosen,
        **data.training,
    )
    trained, record = train(name, data, settings)
    split, measured = split_and_measure(name, data, trained.model, N_SAMPLES)
    measured["mistaken"] = mistaken(data.truth, split.mmse.data)
    keep(name, record | {"data": data_name, "system": system} | measured)
    save_images(name, data, split)


def mistaken(truth: np.ndarray, mmse: np.ndarray) -> list[float]:
    """How much of each structure is predicted where another is bright and it is not.

    Mean over the brightest hundredth of those pixels, in parts of the mean over its own brightest
    hundredth, both above the median of its prediction.
    """
    t, p = (np.moveaxis(a, -3, 0).reshape(a.shape[-3], -1) for a in (truth, mmse))
    shares = []
    for c, (own, predicted) in enumerate(zip(t, p, strict=True)):
        others, faint = np.delete(t, c, axis=0).sum(axis=0), own < own.mean()
        there = faint & (others > np.percentile(others[faint], 99))
        bright = predicted[own > np.percentile(own, 99)].mean()
        dark = np.median(predicted)
        shares.append(float((predicted[there].mean() - dark) / (bright - dark)))
    return shares


def write_report() -> None:
    """Put a table of each data set between its marks in docs."""
    parts = []
    for name, published in PUBLISHED.items():
        paths = {s: sorted(RESULTS.glob(f"systems_{name}_{s}_?.json")) for s in SYSTEMS}
        runs = {s: [json.loads(p.read_text()) for p in of] for s, of in paths.items() if of}
        if runs:
            parts.append(table(name, runs, published))
    put_into_document("systems", "\n".join(parts))


def table(name: str, runs: dict[str, list[dict[str, Any]]], published: dict[str, str]) -> str:
    """Markdown table of one data set."""
    data = DATA_SETS[name]()
    channels = data.fields.channel_names
    head = ["", "runs", "steps", "core-seconds", "published (dB)"]
    head += [f"{c} {measure}" for c in channels for measure in ("PSNR (dB)", "MS-SSIM")]
    head += [f"taken for {c}" for c in channels]
    one = next(iter(runs.values()))[:1]
    rows = [["the superposition", *[""] * 4, cells(one, "superposition"), *[""] * len(channels)]]
    for system, records in runs.items():
        steps = "/".join(sorted({str(r["steps"]) for r in records}))
        taken = [r["cpu_seconds"] for r in records if r["cpu_seconds"] is not None]
        seconds = f"{np.mean(taken):.0f}" if taken else "not kept"
        shares = np.mean([r["mistaken"] for r in records], axis=0)
        row = [SYSTEMS[system][0], len(records), steps, seconds, published.get(system, "")]
        rows.append([*row, cells(records, "mmse"), *(f"{share:.0%}" for share in shares)])
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"### Systems on {name}: {data.title}\n", *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="train and measure one system")
    one.add_argument("data", choices=DATA_SETS)
    one.add_argument("system", choices=SYSTEMS)
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--steps", type=int, default=400)
    commands.add_parser("report", help="gather all runs into docs")
    arguments = parser.parse_args()
    if arguments.command == "report":
        write_report()
        return
    OUTPUT.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    train_and_measure(arguments.data, arguments.system, arguments.seed, arguments.steps)


if __name__ == "__main__":
    main()
