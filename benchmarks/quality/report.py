"""Tables and pictures of the quality benchmark, from the files that its runs left."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.data_sets import DATA_SETS
from benchmarks.document import put_into_document
from napari_denoisplit.jobs.demo import Panel, save_picture

if TYPE_CHECKING:
    from pathlib import Path

METHODS = {"denoisplit": "denoiSplit", "altered_musplit": "altered muSplit", "musplit": "muSplit"}

Record = dict[str, Any]


def write_report(results: Path, output: Path, docs: Path) -> None:
    """Put the tables between their marks in docs and draw one picture a data set.

    A picture is drawn anew where the images of the runs are at hand, and stays as it is elsewhere.
    """
    groups: dict[str, dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    runs = [path for name in DATA_SETS for path in results.glob(f"{name}_*.json")]
    for path in sorted(runs):
        record = json.loads(path.read_text())
        groups[record["data"]][record["method"] + record["tag"]].append(record)
    parts = []
    for name in DATA_SETS:
        if name in groups:
            parts.append(table(name, groups[name]))
            picture = docs / "images" / f"benchmark_{name}.png"
            draw(name, groups[name], output, picture)
            if picture.exists():
                parts.append(f"![{name}: input, truth and means](images/{picture.name})\n")
    put_into_document("quality", "\n".join(parts))


def table(name: str, methods: dict[str, list[Record]]) -> str:
    """Markdown table of one data set."""
    data = DATA_SETS[name]()
    channels = data.fields.channel_names
    any_record = next(iter(methods.values()))[0]
    head = "| | runs | steps | core-seconds | " + " | ".join(
        f"{c} PSNR (dB) | {c} MS-SSIM" for c in channels
    )
    lines = [f"### {name}: {data.title}\n", head + " |", "|---" * (4 + 2 * len(channels)) + "|"]
    for label, key in (("the superposition", "superposition"), ("the noisy channels", "noisy")):
        lines.append(f"| {label} | | | | {cells([any_record], key)} |")
    for method, records in sorted(methods.items(), key=lambda m: list(METHODS).index(base(m[0]))):
        steps = "/".join(sorted({str(r["steps"]) for r in records}))
        seconds = np.mean([r["cpu_seconds"] for r in records])
        for label, key in (("one sample", "sample"), ("MMSE of 50", "mmse")):
            lines.append(
                f"| {title(method)}, {label} "
                f"| {len(records)} | {steps} | {seconds:.0f} | {cells(records, key)} |"
            )
    return "\n".join(lines) + "\n"


def base(method: str) -> str:
    """Name of a method without the tag of a run."""
    return next(m for m in sorted(METHODS, key=len, reverse=True) if method.startswith(m))


def title(method: str) -> str:
    """Name of a method as people write it, with the tag of a run."""
    tag = method.removeprefix(base(method)).strip("_").replace("-", " ")
    return METHODS[base(method)] + (f" ({tag})" if tag else "")


def cells(records: list[Record], key: str) -> str:
    """PSNR and MS-SSIM of each channel: mean over runs, and the range where there are several."""
    out = []
    for c in range(len(records[0][key]["psnr"])):
        for measure, digits in (("psnr", 2), ("ms_ssim", 3)):
            values = [r[key][measure][c] for r in records]
            text = f"{np.mean(values):.{digits}f}"
            if len(values) > 1:
                text += f" ± {np.ptp(values) / 2:.{digits}f}"
            out.append(text)
    return " | ".join(out)


def draw(name: str, methods: dict[str, list[Record]], output: Path, path: Path) -> None:
    """Picture of the shown window: input, truth and the MMSE of every method."""
    title_, channels = DATA_SETS[name]().title, DATA_SETS[name]().fields.channel_names
    images = {}
    for method, (record, *_) in methods.items():
        file = output / f"{name}_{base(method)}_{record['seed']}{record['tag']}.npz"
        if not record["tag"] and file.exists():
            images[method] = np.load(file)
    order = sorted(images, key=lambda m: list(METHODS).index(base(m)))
    if not order:
        return
    first = images[order[0]]
    rows = []
    for c, channel in enumerate(channels):
        row = [
            Panel("noisy superposition", first["superposition"]),
            Panel(f"{channel}, truth", first["truth"][c]),
        ]
        for method in order:
            fitted = scaled(images[method]["mmse"][c], first["truth"][c])
            row.append(Panel(f"{title(method)}, MMSE", fitted, "gray", 1))
        fitted = scaled(first["sample"][c], first["truth"][c])
        row.append(Panel(f"{title(order[0])}, one sample", fitted, "gray", 1))
        row.append(Panel("sigma", first["sigma"][c], "magma"))
        rows.append(row)
    save_picture(path, rows, title_)


def scaled(image: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Image with the affine map that brings it nearest to the truth, for the eye."""
    slope, offset = np.polyfit(image.ravel(), truth.ravel(), 1)
    return slope * image + offset
