"""Each of three wells split by a model of the two others: how much a result hangs on the well.

    python -m benchmarks.quality.wells [--preset context] [--seed 1]

The wells are those of NF1 cells (data set A). Both presets get about as many seconds of a core.
Puts the table of all runs that there are between its marks in docs.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np

from benchmarks.data_sets import NF1_WELLS, nf1
from benchmarks.document import keep, put_into_document
from benchmarks.quality.training import OUTPUT, RESULTS, split_and_measure, train
from benchmarks.quality.unfamiliar import WORST, blocks
from napari_denoisplit.settings import TrainSettings

STEPS = {"fast": 500, "context": 1000}
N_SAMPLES = 20


def run_one(well: str, preset: str, seed: int) -> None:
    """Train on two wells, split the third, and keep the numbers."""
    data = nf1(test=well)
    settings = TrainSettings(
        preset=preset, minutes=None, steps=STEPS[preset], seed=seed, test_fraction=0.0
    )
    tag = f"wells_{well}_{preset}_{seed}"
    trained, record = train(tag, data, settings)
    split, measured = split_and_measure(tag, data, trained.model, N_SAMPLES)
    found, sigma = (
        np.stack([a[()] for a in part]) for part in (split.mmse_arrays, split.sigma_arrays)
    )
    off = found - data.truth
    error = np.sort(blocks((off**2 / data.truth.var((1, 2), keepdims=True)).mean(0)))[::-1]
    measured |= {
        "well": well,
        "worst": float(error[: round(WORST * len(error))].sum() / error.sum()),
        "error / sigma": np.sqrt((off**2).mean((1, 2)) / (sigma**2).mean((1, 2))).tolist(),
        "within 2 sigma": (np.abs(off) < 2 * sigma).mean((1, 2)).tolist(),
    }
    keep(tag, record | measured)


def row(record: dict[str, Any]) -> tuple[str, ...]:
    """Texts of a row of the table."""
    return (
        record["well"],
        record["preset"],
        f"{record['seed']}",
        f"{record['cpu_seconds']:.0f}",
        *(
            " / ".join(f"{value:.2f}" for value in record[name]["psnr"])
            for name in ("superposition", "mmse")
        ),
        f"{record['worst']:.0%}",
        " / ".join(f"{value:.2f}" for value in record["error / sigma"]),
        " / ".join(f"{value:.0%}" for value in record["within 2 sigma"]),
    )


def report() -> None:
    """Put the table of all runs into docs, and the mean and the worst of each preset below it."""
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("wells_*.json"))]
    head = (
        "held-out well",
        "preset",
        "seed",
        "core-seconds",
        "superposition (dB)",
        "MMSE (dB)",
        "squared error in the worst tenth of the blocks",
        "error / sigma",
        "within 2 sigma",
    )
    rows = [head, ("---",) * len(head), *map(row, records)]
    lines = [f"| {' | '.join(texts)} |" for texts in rows]
    for preset in STEPS:
        psnr = np.array([r["mmse"]["psnr"] for r in records if r["preset"] == preset])
        if len(psnr):
            mean, worst = (" / ".join(f"{v:.1f}" for v in of) for of in (psnr.mean(0), psnr.min(0)))
            lines.append(f"\n*{preset}*: {mean} dB in the mean, {worst} dB at worst.")
    put_into_document("wells", "\n".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", choices=STEPS, default="fast")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    for well in NF1_WELLS:
        run_one(well, arguments.preset, arguments.seed)
    report()


if __name__ == "__main__":
    main()
