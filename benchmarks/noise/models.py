"""Noise models on real repeats: every kind on repeats it has not seen, every source on one field.

    python -m benchmarks.noise.models [--steps 400] [--without-bootstrap]

`--steps` is what the denoiser of the source 'bootstrap' gets for each of six channels. Writes its
tables between their marks in docs, and benchmarks/results/noise_models.json.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.data_sets import DATA
from benchmarks.document import keep, put_into_document
from napari_denoisplit.errors import DenoisplitError
from napari_denoisplit.events import run
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.training.noise_data import NoiseData
from napari_denoisplit.jobs.noise.job import fit_noise_job, gather_job, judge_noise_job
from napari_denoisplit.settings import DenoiseSettings, NoiseFitSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_denoisplit.noise.models.noise_model import NoiseModel

CALIBRATION = DATA / "noise_calibration"
BPAE = DATA / "train" / "fmd_mito_actin_nuclei"
WIDE = CALIBRATION / "fmd_correlated_widefield"
KINDS = ("gaussian_mixture", "histogram", "poisson_gaussian")
SHARES = (0.1, 0.5, 0.9, 0.99, 0.999)
"""Shares of the pixels that are darker than the signals at which sources are compared."""
DIAPHRAGM_GAIN, DIAPHRAGM_OFFSET = 57.0, 300.0
DIAPHRAGM_SIGNALS = (1_000, 3_000, 10_000, 30_000)

Row = dict[str, Any]
page: list[str] = []
"""Lines of the tables, as they are printed."""


def say(line: str) -> None:
    """Print a line, and keep it for the document."""
    print(line, flush=True)
    page.append(line)


def pixels(path: Path) -> np.ndarray:
    """Grey levels of a file."""
    return np.asarray(read_image(path).data)


def channels() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Name, repeats (T, Y, X), and mean of 50 (Y, X) of each set whose noise is independent."""
    for name in ("Confocal_FISH", "Confocal_MICE", "TwoPhoton_MICE"):
        raw, mean = (
            pixels(CALIBRATION / f"fmd_{name}_{part}.ome.tif")
            for part in ("raw_repeats", "gt_avg50")
        )
        yield name, raw, mean
    raw, mean = (
        pixels(BPAE / f"fmd_TwoPhoton_BPAE_{part}.ome.tif") for part in ("raw_repeats", "gt_avg50")
    )
    for c, name in enumerate(("mitochondria", "actin", "nuclei")):
        yield f"TwoPhoton_BPAE {name}", raw[:, c], mean[c]


def held_out() -> list[Row]:
    """Every kind, fitted to repeats 1 and 2 and judged by repeats 3 and 4."""
    rows = []
    for name, raw, _ in channels():
        unseen, _ = run(gather_job(NoiseData("repeats", raw[2:]), NoiseFitSettings()))
        for kind in KINDS:
            start = time.perf_counter()
            fit = run(fit_noise_job(NoiseData("repeats", raw[:2]), NoiseFitSettings(kind=kind)))
            seconds = time.perf_counter() - start
            judged = run(judge_noise_job(fit.model, unseen))
            rows.append(
                {
                    "data": name,
                    "kind": kind,
                    "seconds": seconds,
                    "nll_of_fit": fit.curves.nll,
                    "nll": judged.curves.nll,
                    "gaussian_nll": judged.curves.gaussian_nll,
                    "pit_distance": judged.curves.pit.distance,
                    "variance_ratio": judged.verdict.figures["variance_ratio"],
                    "grade": judged.verdict.grade,
                    "reasons": judged.verdict.reasons,
                }
            )
            say(held_out_line(rows[-1]))
    return rows


def held_out_line(r: Row) -> str:
    return (
        f"| {r['data']} | {r['kind']} | {r['nll']:.4f} | {r['gaussian_nll'] - r['nll']:+.3f} | "
        f"{r['pit_distance']:.3f} | {r['variance_ratio']:.2f} | {r['grade']} | "
        f"{r['seconds']:.1f} |"
    )


def sources(steps: int | None) -> list[Row]:
    """Variance at five signals from every source, over that of pairs with the mean of 50.

    The pairs' is measured in bins of the signal, not that of a model.
    """
    denoise = None if steps is None else DenoiseSettings(minutes=None, steps=steps)
    rows = []
    for name, raw, mean in channels():
        reference = run(fit_noise_job(NoiseData("pairs", raw, mean)))
        signal = np.quantile(reference.pairs.signal, SHARES)
        measured = reference.curves.variance
        expected = np.interp(signal, measured.signal, measured.variance)
        data = {
            "pairs": NoiseData("pairs", raw, mean),
            "repeats": NoiseData("repeats", raw),
            "single": NoiseData("single", raw[0]),
            "bootstrap": NoiseData("bootstrap", raw),
        }
        for source, given in data.items():
            if source == "bootstrap" and denoise is None:
                continue
            row = {"data": name, "source": source, "signal": signal.tolist()}
            try:
                fit = run(fit_noise_job(given, denoise=denoise))
            except DenoisplitError as error:
                rows.append({**row, "ratio": None, "grade": str(error)})
                say(f"| {name} | {source} | {error} |")
                continue
            ratio = variance(fit.model, signal) / expected
            grade = fit.model.record.verdict.grade
            rows.append({**row, "ratio": ratio.tolist(), "grade": grade})
            say(sources_line(rows[-1]))
    return rows


def sources_line(r: Row) -> str:
    ratios = " | ".join(f"{ratio:.2f}" for ratio in r["ratio"])
    return f"| {r['data']} | {r['source']} | {ratios} | {r['grade']} |"


def variance(model: NoiseModel, signal: np.ndarray) -> np.ndarray:
    """Variance of the noise at signals in grey levels."""
    with torch.no_grad():
        return model.variance(torch.from_numpy(signal)).double().numpy()


def diaphragm() -> Row:
    """One frame of a camera whose variance is known to be 57 x (signal - 300)."""
    image = pixels(CALIBRATION / "pn2v_field_diaphragm_frame0.ome.tif")
    signal = np.array(DIAPHRAGM_SIGNALS, dtype=float)
    known = DIAPHRAGM_GAIN * (signal - DIAPHRAGM_OFFSET)
    result: Row = {"signal": signal.tolist()}
    for kind in ("poisson_gaussian", "gaussian_mixture"):
        fit = run(fit_noise_job(NoiseData("single", image), NoiseFitSettings(kind=kind)))
        ratio = variance(fit.model, signal) / known
        grade = fit.model.record.verdict.grade
        slope = np.ptp(variance(fit.model, signal)[[0, -1]]) / np.ptp(signal)
        result[kind] = {"gain": slope, "ratio": ratio.tolist(), "grade": grade}
        values = " | ".join(f"{value:.3f}" for value in ratio)
        say(f"| {kind} | {slope:.1f} | {values} | {grade} |")
    return result


def negative_control() -> list[Row]:
    """Wide-field repeats whose noise is correlated: the verdict must say so."""
    raw = pixels(WIDE / "fmd_WideField_BPAE_raw_repeats.ome.tif")
    rows = []
    for c in range(raw.shape[1]):
        for data in (NoiseData("repeats", raw[:, c]), NoiseData("single", raw[0, c])):
            verdict = run(fit_noise_job(data)).model.record.verdict
            rows.append(
                {
                    "data": f"channel {c + 1}",
                    "source": data.source,
                    "correlation": verdict.figures["correlation_x1"],
                    "grade": verdict.grade,
                    "headline": verdict.headline,
                }
            )
            correlation = rows[-1]["correlation"]
            say(f"| {c + 1} | {data.source} | {correlation:.2f} | {verdict.grade} |")
    return rows


def heading(title: str, *columns: str) -> None:
    say(f"\n### {title}\n\n| {' | '.join(columns)} |\n{'|---' * len(columns)}|")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=400, help="steps of each denoiser")
    parser.add_argument("--without-bootstrap", action="store_true", help="leave the denoiser out")
    arguments = parser.parse_args()
    steps = None if arguments.without_bootstrap else arguments.steps
    result: Row = {"threads": torch.get_num_threads(), "steps": steps}
    heading("One frame of the field diaphragm: variance over 57 x (signal - 300)",
            "kind", "rise", *map(str, DIAPHRAGM_SIGNALS), "verdict")  # fmt: skip
    result["diaphragm"] = diaphragm()
    heading("Wide field, correlated noise", "channel", "source", "correlation", "verdict")
    result["negative_control"] = negative_control()
    heading("Fitted to repeats 1-2, judged by repeats 3-4", "data", "kind", "nats a pixel",
            "gain over a Gaussian", "PIT distance", "variance, data/model",
            "verdict", "s")  # fmt: skip
    result["held_out"] = held_out()
    heading("Variance of the model over that measured against the mean of 50, by signal",
            "data", "source", *(f"{share:.1%}" for share in SHARES), "verdict")  # fmt: skip
    result["sources"] = sources(steps)
    keep("noise_models", result)
    put_into_document("noise models", "\n".join(page))


if __name__ == "__main__":
    main()
