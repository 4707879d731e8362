"""Denoisers of one channel beside that of careamics, by minutes of one core.

    python -m benchmarks.quality.denoisers --peer PYTHON

Each learns from one exposure of the FMD data set alone; the truth is the mean of 50, brought to the
brightness of the exposure. PYTHON has careamics, whose Noise2Void is trained as it comes, for
30 epochs. One thread each. A method that is not run again (`--only "HDN"`) keeps its
figures. Writes its table between its marks in docs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.data_sets import REPOSITORY
from benchmarks.document import keep, put_into_document
from benchmarks.quality.denoising import images
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.jobs.denoise.by_samples import denoise_by_samples_job
from napari_denoisplit.jobs.denoise.job import denoise_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import DenoiseSettings

MINUTES = {"noise2void": 1.0, "divnoising": 2.0, "hdn": 4.0}
NAMES = {"noise2void": "Noise2Void", "divnoising": "DivNoising", "hdn": "HDN"}
PEER = "Noise2Void of careamics 0.3.5"
PEER_EPOCHS = 30
N_SAMPLES = 50

Row = dict[str, Any]


def ours(method: str, noisy: np.ndarray, truth: np.ndarray) -> Row:
    """Denoise by one of our methods."""
    settings = DenoiseSettings(method=method, minutes=MINUTES[method], n_samples=N_SAMPLES)
    start = time.process_time()
    if method == "noise2void":
        found = run(denoise_job([noisy], settings))
        mean, sigma, steps = found.images[0], None, found.n_steps
    else:
        (split,) = run(denoise_by_samples_job([Image(noisy, "YX", name="image")], settings))
        mean, sigma = split.mmse_arrays[0], split.sigma_arrays[0]
        steps = None
    return measured(truth, mean, sigma) | {
        "minutes": (time.process_time() - start) / 60,
        "steps": steps,
    }


def of_peer(python: str, noisy: np.ndarray, truth: np.ndarray) -> Row:
    """Denoise by careamics, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/noisy.npy", noisy)
        script = Path(__file__).with_name("peer_noise2void.py")
        told = subprocess.check_output(
            [python, str(script), folder, str(PEER_EPOCHS)], text=True, cwd=folder
        )
        mean = np.load(f"{folder}/denoised.npy")
    return measured(truth, mean, None) | json.loads(told.splitlines()[-1])


def measured(truth: np.ndarray, mean: np.ndarray, sigma: np.ndarray | None) -> Row:
    """PSNR, and how well sigma tells the error."""
    row: Row = {"psnr": range_invariant_psnr(truth, mean)}
    if sigma is not None:
        error = np.abs(mean - truth)
        row["error_over_sigma"] = float(np.sqrt(np.mean(error**2) / np.mean(sigma**2)))
        row["within_2_sigma"] = float(np.mean(error <= 2 * sigma))
    return row


def line(image: str, name: str, row: Row) -> str:
    """One line of the table."""
    steps = row.get("steps")
    ratio, within = row.get("error_over_sigma"), row.get("within_2_sigma")
    cells = (
        image,
        name,
        f"{row['psnr']:.2f}",
        "" if "minutes" not in row else f"{row['minutes']:.1f}",
        "" if steps is None else str(steps),
        "" if ratio is None else f"{ratio:.2f}",
        "" if within is None else f"{100 * within:.0f} %",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Run what is asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", help="python of an environment with careamics")
    parser.add_argument("--image", default="Confocal FISH", help="part of the names of the images")
    parser.add_argument("--only", default="", help="part of the names of the methods to run")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    path = REPOSITORY / "benchmarks" / "results" / "denoisers.json"
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for image, noisy, mean, _ in images():
        if chosen.image not in image:
            continue
        # One exposure is up to 12 % brighter or darker than the mean of all.
        truth = mean * (noisy.mean() / mean.mean())
        found = rows.setdefault(image, {"the noisy image": measured(truth, noisy, None)})
        works = {
            NAMES[m]: lambda m=m, noisy=noisy, truth=truth: ours(m, noisy, truth) for m in MINUTES
        }
        if chosen.peer:
            works[PEER] = lambda noisy=noisy, truth=truth: of_peer(chosen.peer, noisy, truth)
        for name, work in works.items():
            if chosen.only in name:
                found[name] = work()
                print(line(image, name, found[name]), flush=True)
                keep("denoisers", rows)
    head = (
        "| image | method | PSNR (dB) | core-minutes | steps | error / sigma (1 is right) "
        "| error within 2 sigma (95 % is right) |\n|---|---|---|---|---|---|---|"
    )
    lines = [line(image, *row) for image, found in rows.items() for row in found.items()]
    put_into_document("denoisers", "\n".join([head, *lines]))


if __name__ == "__main__":
    main()
