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
    SequenceSettings,
    TrainSettings,
    UNetSettings,
)

N_SAMPLES = 10
N_EPOCHS = 5
# With the dropout of the published networks, which the preset has no more.
TINY = PRESETS["tiny"].network.model_copy(update={"dropout": 0.1})
WITH_CONTEXT = TINY.model_copy(update={"context": ContextSettings(scales=4)})
LESS_CONTEXT = TINY.model_copy(update={"context": ContextSettings(scales=3)})
DEEP = WITH_CONTEXT.model_copy(update={"n_levels": 5})
SMALL_UNET = UNetSettings(n_levels=4, n_filters=16)
UNET_WITH_CONTEXT = SMALL_UNET.model_copy(update={"context": ContextSettings(scales=4)})
SMALL_HDN = TINY.model_copy(
    update={"n_channels": 1, "blocks_per_level": 2, "blocks_in_head": 2, "stem_kernel": 5}
)
SEQUENCE = SequenceSettings(denoiser=SMALL_HDN, splitter=LESS_CONTEXT)
SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "denoisplit": ("denoiSplit", {}),
    "denoisplit-beta": ("denoiSplit, beta 1/C", {}),
    "denoisplit+context": ("denoiSplit with context", {"network": WITH_CONTEXT}),
    "altered_musplit": ("altered muSplit", {"method": "altered_musplit"}),
    "musplit": ("muSplit, vanilla", {"method": "musplit"}),
    "musplit+context": ("muSplit with context", {"method": "musplit", "network": WITH_CONTEXT}),
    "musplit+context3": (
        "muSplit with context of 3 scales",
        {"method": "musplit", "network": LESS_CONTEXT},
    ),
    "musplit+deep": (
        "muSplit with context, 5 levels",
        {"method": "musplit", "network": DEEP},
    ),
    "unet": ("U-Net", {"method": "musplit", "network": SMALL_UNET}),
    "unet+context": ("U-Net with context", {"method": "musplit", "network": UNET_WITH_CONTEXT}),
    "hdn+musplit": (
        "HDN, then muSplit with context of 3 scales",
        {"method": "hdn_musplit", "network": SEQUENCE},
    ),
}
"""Title and settings of each."""
PUBLISHED: dict[str, dict[str, str]] = {
    "critters": {"musplit": "19.4", "musplit+context": "34.1 (Lean), 41.5 (Regular)"},
    "A": {
        "denoisplit": "39.7, 30.5, 40.1, 29.6",
        "altered_musplit": "38.9, 30.4, 38.9, 29.4",
        "hdn+musplit": "37.3, 30.1, 38.4, 28.8",
        "musplit+context": "30.3, 26.0, 30.5, 25.9",
    },
    "A2": {
        "denoisplit": "35.4, 28.2, 35.7, 27.6",
        "altered_musplit": "34.4, 26.9, 35.0, 27.5",
        "musplit+context": "27.4, 22.7, 27.3, 23.6",
    },
    "A4": {
        "denoisplit": "31.1, 25.1, 30.6, 26.0",
        "altered_musplit": "30.9, 23.4, 30.4, 25.9",
        "musplit+context": "25.9, 21.0, 25.6, 22.4",
    },
    "AP": {
        "denoisplit": "37.9, 29.9, 38.1, 29.0",
        "altered_musplit": "36.9, 29.9, 37.4, 29.0",
        "musplit+context": "29.4, 25.2, 29.6, 25.2",
    },
    "B": {"denoisplit": "31.0", "hdn+musplit": "28.1", "musplit+context": "26.5"},
    "C": {},
    "D": {},
    "E": {},
}
"""PSNR of the papers, dB: muSplit, table 2; denoiSplit, table 1 (T1 to T4) and figure 5."""


def train_and_measure(data_name: str, system: str, seed: int, steps: int) -> None:
    """One run: train, split the test image, write numbers and images."""
    name = f"systems_{data_name}_{system}_{seed}"
    data, (_, chosen) = DATA_SETS[data_name](), SYSTEMS[system]
    if system == "denoisplit-beta":
        beta = 1 / len(data.fields.channel_names)
        chosen = {"loss": METHODS["denoisplit"].model_copy(update={"beta": beta})}
    settings = TrainSettings(
        minutes=None,
        steps=steps,
        seed=seed,
        test_fraction=0.0,
        preset="tiny",
        patch_size=64,
        batch_size=8,
        steps_per_epoch=max(1, steps // N_EPOCHS),
        preview_every=N_EPOCHS + 1,
        **{"network": TINY, **chosen, **data.training},
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
        rows.append([*row, cells(records, "mmse"), *(as_share(share) for share in shares)])
    lines = [f"| {' | '.join(map(str, row))} |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join([f"### Systems on {name}: {data.title}\n", *lines, ""])


def as_share(share: float) -> str:
    """Percent; nothing where no pixel could tell."""
    return "" if np.isnan(share) else f"{share:.0%}"


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
