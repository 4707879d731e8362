"""Quality of a split against the minutes of its training, and what the program says of itself.

    python -m benchmarks.quality.budgets run A 0.5 1 2 5 10
    python -m benchmarks.quality.budgets run A 10 --until-good
    python -m benchmarks.quality.budgets run A 2 --preset context
    python -m benchmarks.quality.budgets report

Each budget is a training of its own, by the preset `fast` unless another is asked for, with all
cores of a machine on which nothing else runs: the schedule of a training is fitted to its budget.
`report` puts the table between its marks in docs.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from benchmarks.data_sets import DATA_SETS
from benchmarks.document import keep, put_into_document
from benchmarks.quality.training import OUTPUT, RESULTS, split_and_measure, train
from napari_denoisplit.measures.separation import separation_of
from napari_denoisplit.settings import PRESETS, TrainSettings

if TYPE_CHECKING:
    from napari_denoisplit.settings import Preset

N_SAMPLES = 20


def run_one(name: str, preset: Preset, minutes: float, seed: int, *, until_good: bool) -> None:
    """Train for so long, split the test image, and keep the numbers."""
    data = DATA_SETS[name]()
    settings = TrainSettings(
        preset=preset,
        minutes=minutes,
        until_good=until_good,
        seed=seed,
        test_fraction=0.0,
        **data.training,
    )
    words = ("budgets", name, f"{minutes:g}", f"{seed}", "until_good" * until_good)
    tag = "_".join(filter(None, (*words, preset * (preset != "fast"))))
    trained, record = train(tag, data, settings)
    _, measured = split_and_measure(tag, data, trained.model, N_SAMPLES)
    verdict = separation_of(trained.model.header.training)
    said = {
        "grade": verdict.grade if verdict else "not judged",
        "reasons": verdict.reasons if verdict else (),
        "notes": trained.notes,
    }
    asked = {"data": name, "minutes": minutes, "until_good": until_good}
    keep(tag, asked | record | measured | said)


def cells(record: dict[str, Any]) -> tuple[str, ...]:
    """Texts of a row of the table."""
    superposition, mmse = (record[name]["psnr"] for name in ("superposition", "mmse"))
    return (
        record["data"],
        record["preset"],
        f"{record['minutes']:g}{', until good' if record['until_good'] else ''}",
        f"{record['steps']}",
        f"{record['wall_seconds']:.0f}",
        " / ".join(f"{value:.1f}" for value in superposition),
        " / ".join(f"{value:.2f}" for value in mmse),
        record["grade"],
        next(iter(record["reasons"]), ""),
    )


def report() -> None:
    """Put the table of all runs that there are into docs."""
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("budgets_*.json"))]
    order = list(DATA_SETS)
    records.sort(
        key=lambda one: (
            order.index(one["data"]),
            one["preset"],
            one["until_good"],
            one["minutes"],
            one["seed"],
        )
    )
    head = (
        "data",
        "preset",
        "minutes",
        "steps",
        "seconds from start to model",
        "superposition (dB)",
        "MMSE (dB)",
        "verdict",
        "its first reason",
    )
    rows = [head, ("---",) * len(head), *map(cells, records)]
    put_into_document("budgets", "\n".join(f"| {' | '.join(row)} |" for row in rows))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("run", help="train for each of some budgets")
    one.add_argument("data", choices=DATA_SETS)
    one.add_argument("minutes", type=float, nargs="+")
    one.add_argument("--preset", choices=PRESETS, default="fast")
    one.add_argument("--seed", type=int, default=0)
    one.add_argument("--until-good", action="store_true", help="the minutes are a limit")
    commands.add_parser("report", help="gather all runs into docs")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    if arguments.command == "report":
        report()
        return
    for minutes in arguments.minutes:
        run_one(
            arguments.data,
            arguments.preset,
            minutes,
            arguments.seed,
            until_good=arguments.until_good,
        )


if __name__ == "__main__":
    main()
