"""Recordings that differ from the training mixture: how well they are split, and what is said.

    python -m benchmarks.quality.recordings [--model FILE] [--half 0|1] [--well D6] [CASE ...]

Trains a model on the NF1 wells D6 and D7 (preset fast, 1600 steps; about 12 minutes on two idle
cores) unless one is given, splits images of well B7 and of other specimens after each of the
changes below, as they are and with matched grey levels, and writes the table between its marks in
docs. Half 0 of the cases lies left in the well, half 1 right. Cases that are in benchmarks/output
already are not run again. Of another well, by a model of the two others, it writes the summary.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage

from benchmarks.data_sets import DATA, DATA_SETS, REPOSITORY
from benchmarks.document import keep, put_into_document
from napari_denoisplit.checkpoint import Model, load_model
from napari_denoisplit.events import run
from napari_denoisplit.files import replacing
from napari_denoisplit.images.files.reading import read_image
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.phantom.synthetic_noise import noise_sigma
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.train.job import train_job
from napari_denoisplit.jobs.trust.job import check_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import Acquisition, SplitSettings, TrainSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

OUTPUT = REPOSITORY / "benchmarks" / "output" / "recordings"
HALF, EDGE = (0.5, 0.5), 512
HARMFUL = 20 * np.log10(1.5)
"""Loss of PSNR beside the unchanged image, dB: 1.5 times the error."""
LEFT = ((192, 192), (192, 640))
HELD_OUT = {"B7": "A", "D6": "AD6", "D7": "AD7"}
"""Data set of each well that it does not train on."""


def real(name: str) -> np.ndarray:
    return np.asarray(read_image(DATA / "train" / name).data, np.float32)


class Cases:
    """Superpositions with their truth, by name; the same noise in all but those of noise."""

    def __init__(self, half: int, well_name: str = "B7") -> None:
        train = DATA_SETS[HELD_OUT[well_name]]().train_clean
        self.sigma = noise_sigma(train, 1.0) / np.sqrt(2)
        self.std = float(superpose(train, HALF).std())
        y, x = LEFT[half]
        well = real(f"nf1_nuclei_er_actin/nf1_{well_name}.ome.tif")
        self.well = well[[0, 2]]
        window = slice(y, y + EDGE), slice(x, x + EDGE)
        self.truth, self.er = well[(slice(None), *window)][[0, 2]], well[(1, *window)]
        self.rng = np.random.default_rng(77 + half)

    def noise(self, factor: float = 1.0, shape: tuple[int, int] = (EDGE, EDGE)) -> np.ndarray:
        """White noise, in units of that of the training superpositions."""
        return self.rng.standard_normal(shape, np.float32) * np.float32(self.sigma * factor)

    def all(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Name, superposition (Y, X) and truth (C, Y, X) of each case."""
        truth, mixed = self.truth, superpose(self.truth, HALF)
        yield "unchanged", mixed + self.noise(), truth
        yield "unchanged, other noise", mixed + self.noise(), truth
        for share in (0.2, 0.3, 0.4, 0.6, 0.7, 0.8):
            yield (
                f"mixed {share:g} : {1 - share:g}",
                (superpose(truth, (share, 1 - share)) + self.noise()),
                truth,
            )
        for offset in (0.5, 1, 3):
            yield f"offset +{offset:g} std", mixed + self.noise() + offset * self.std, truth
        y, x = np.mgrid[:EDGE, :EDGE] / EDGE
        haze = np.cos(2.1 * y + 0.3) * np.sin(1.7 * x + 0.5)
        haze = (haze - haze.min()) / np.ptp(haze) * self.std
        for depth in (1, 2):
            yield f"background 0 to {depth} std", mixed + self.noise() + depth * haze, truth
        for gain in (3, 0.5, 1 / 3):
            yield f"grey levels x {gain:.2g}", gain * (mixed + self.noise()), truth
        low, high = np.percentile(mixed + self.noise(), (0.35, 99.65))
        stretched = np.clip((mixed + self.noise() - low) / (high - low) * 255, 0, 255).round()
        yield "stretched to 0..255", stretched, truth
        yield "camera offset taken off", mixed + self.noise() - np.percentile(mixed, 1), truth
        for factor in (0.5, 0.71, 1.41, 2, 3):
            yield f"noise x {factor:g}", mixed + self.noise(factor), truth
        smooth = ndimage.gaussian_filter(self.noise(), 0.8)
        yield "correlated noise", mixed + smooth * (self.sigma / smooth.std()), truth
        photon = self.sigma**2 / mixed.mean()
        yield "Poisson noise", self.rng.poisson(mixed / photon) * photon, truth
        for share in (0.25, 0.5, 1):
            yield f"ER x {share:g} bleeds in", mixed + self.noise() + 0.5 * share * self.er, truth
        yield from self.other_optics()
        noisy = mixed + self.noise()
        hot = noisy.copy()
        hot[tuple(self.rng.integers(0, EDGE, (2, 200)))] += 20 * self.sigma
        yield "200 hot pixels", hot, truth
        rows = 0.3 * self.sigma * self.rng.standard_normal((EDGE, 1))
        yield "row noise", noisy + rows, truth
        yield "clipped at zero", np.clip(noisy, 0, 65535).round(), truth
        yield "8 bit", (noisy / 256).round() * 256, truth
        for share in (0.02, 0.05, 0.1):
            top = np.quantile(noisy, 1 - share).round()
            yield f"{share:.0%} saturated", np.minimum(noisy, top).round(), truth
        yield from self.others()

    def other_optics(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Show the same cells through other lenses, and out of focus."""
        large = ndimage.zoom(self.truth[:, 128:384, 128:384], (1, 2, 2), order=1)
        yield "magnified x 2", superpose(large, HALF) + self.noise(), large
        small = self.well[:, :896, :1152].reshape(2, 448, 2, 576, 2).mean((2, 4))
        yield "reduced x 0.5", superpose(small, HALF) + self.noise(1, small.shape[1:]), small
        for width in (2, 4):
            blurred = np.stack([ndimage.gaussian_filter(c, width) for c in self.truth])
            yield f"defocused by {width} px", superpose(blurred, HALF) + self.noise(), blurred

    def others(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        """Other specimens, with the grey levels of this one."""
        for folder in (
            "other_specimens",
            "tubulin_h2b",
            "hagen_actin_mito",
            "fmd_mito_actin_nuclei",
        ):
            for path in sorted((DATA / "train" / folder).glob("*.tif")):
                if folder.startswith(("hagen", "fmd")) and not any(
                    part in path.name for part in ("60x-noise1_highsnr", "gt_avg50")
                ):
                    continue
                image = real(f"{folder}/{path.name}")
                h, w = (min(EDGE, n // 32 * 32) for n in image.shape[-2:])
                y, x = (n - m for n, m in zip(image.shape[-2:], (h, w), strict=True))
                image = image[:, y // 2 : y // 2 + h, x // 2 : x // 2 + w]
                pairs = ((0, 1), (1, 0)) if len(image) == 2 else ((2, 0), (2, 1), (0, 1))
                for pair in pairs if min(h, w) >= 256 else ():
                    truth = np.stack(
                        [self.levelled(image[i], c) for i, c in zip(pair, self.truth, strict=True)]
                    )
                    name = f"other: {path.name.split('.')[0][:26]} {pair[0]}{pair[1]}"
                    yield name, superpose(truth, HALF) + self.noise(1, (h, w)), truth

    @staticmethod
    def levelled(channel: np.ndarray, like: np.ndarray) -> np.ndarray:
        """Give a channel the dark and bright levels of another."""
        (low, high), (to_low, to_high) = (np.percentile(c, (5, 99.5)) for c in (channel, like))
        return (to_low + (channel - low) / (high - low) * (to_high - to_low)).astype(np.float32)


def judged(model: Model, image: np.ndarray, truth: np.ndarray, how: str) -> dict:
    """Split, compare with the truth, and say what is said."""
    given = Image(np.ascontiguousarray(image, np.float32), "YX", name="recording")
    settings = SplitSettings(n_samples=4, keep_samples=4, grey_levels=how)
    split = run(split_job(model, given, settings))
    check = run(check_job(model, given, split, settings))
    return {
        "psnr": [
            range_invariant_psnr(t, m) for t, m in zip(truth, split.read_mmse(()), strict=True)
        ],
        "error": [relative_error(t, m) for t, m in zip(truth, split.read_mmse(()), strict=True)],
        "input": [range_invariant_psnr(t, given.data) for t in truth],
        "acquisition": split.provenance["acquisition"],
        "grade": check.verdict.grade,
        "figures": check.verdict.figures,
    }


def relative_error(truth: np.ndarray, found: np.ndarray) -> float:
    """Root of the share of a structure's variance that was not found, up to its scale."""
    return float(np.sqrt(1 - np.corrcoef(truth.ravel(), found.ravel())[0, 1] ** 2))


def auc(harmful: list[bool], score: list[float]) -> float:
    """Chance that a harmful case has the higher score than a harmless one."""
    bad = np.array([s for s, h in zip(score, harmful, strict=True) if h])[:, None]
    fine = np.array([s for s, h in zip(score, harmful, strict=True) if not h])[None]
    return float(((bad > fine) + 0.5 * (bad == fine)).mean())


def table(found: dict[str, dict]) -> str:
    """One line a case, and how well grades tell harm."""
    lines = [
        "| half | what differs | kept: PSNR | matched: PSNR | gain, offset, background found |"
        " error to expect (true), % | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    # Of each half: whether a case is harmful, its gravity, its error over that of its own kind.
    halves: dict[str, list[tuple[bool, int, float]]] = {"0": [], "1": []}
    usual = np.mean([_expected(found[f"{half}|unchanged"]) for half in halves], axis=0)
    logs = []
    std = found["std"]["value"]
    for key, case in found.items():
        if key == "std":
            continue
        half, name = key.split("|")
        base = found[f"{half}|unchanged"]["matched"]["psnr"]
        kept, matched = case["kept"], case["matched"]
        loss = max(b - p for b, p in zip(base, matched["psnr"], strict=True))
        worse = any(p < q for p, q in zip(matched["psnr"], matched["input"], strict=True))
        is_harmful = bool(loss > HARMFUL or worse)
        gravity = ("good", "usable", "do not use").index(matched["grade"])
        told = _expected(case)
        halves[half].append((is_harmful, gravity, max(np.divide(told, usual), default=np.inf)))
        a = matched["acquisition"]
        depth = np.ptp(a["background"]) / std if a["background"] else 0
        psnr = (" / ".join(f"{p:.1f}" for p in case[how]["psnr"]) for how in ("kept", "matched"))
        grades = f"{kept['grade']} / {matched['grade']}{' (harmful)' * is_harmful}"
        logs += np.log(np.array([told, matched["error"]])).T.tolist()
        errors = " / ".join(
            f"{100 * t:.0f} ({100 * e:.0f})" for t, e in zip(told, matched["error"], strict=True)
        )
        seen = f"{a['gain']:.3g}, {a['offset'] / std:+.2f}, {depth:.1f}"
        lines.append(f"| {half} | {name} | {' | '.join(psnr)} | {seen} | {errors} | {grades} |")
    lines.append("")
    lines += [_summary(half, cases) for half, cases in halves.items()]
    ratio = np.exp(np.percentile(np.subtract(*np.array(logs).T), (10, 50, 90)))
    lines.append(
        f"The error to expect is {ratio[1]:.2f} times the true one in the median, "
        f"{ratio[0]:.2f} to {ratio[2]:.2f} times in 80 % of the structures; their logarithms are "
        f"correlated by {np.corrcoef(np.array(logs).T)[0, 1]:.2f}. Offset and background are in "
        "standard deviations of the training input; verdicts are of grey levels that were kept, "
        "and matched, errors of matched ones."
    )
    return "\n".join(lines)


def _expected(case: dict) -> list[float]:
    """Error to expect of each structure."""
    figures = case["matched"]["figures"].items()
    return [value for name, value in figures if name.startswith("expected error of ")]


def _summary(half: str, cases: list[tuple[bool, int, float]]) -> str:
    """Tell how well the grades, and the error to expect, tell harm in one half of the well."""
    harmful = [h for h, _, _ in cases]
    missed = sum(h and g == 0 for h, g, _ in cases)
    alarms = sum(not h and g > 0 for h, g, _ in cases)
    return (
        f"Half {half}: {len(cases)} cases, {sum(harmful)} harmful (1.5 times the error of the "
        f"unchanged image, or worse than the input), {missed} of them called good; "
        f"{alarms} of the {harmful.count(False)} others are not. Area under the curve of the "
        f"grades: {auc(harmful, [float(g) for _, g, _ in cases]):.2f}; of the error to expect over "
        f"that of the unchanged images of both halves, the larger of the two structures': "
        f"{auc(harmful, [e for _, _, e in cases]):.2f}.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--half", type=int, choices=(0, 1), action="append")
    parser.add_argument("--well", choices=HELD_OUT, default="B7")
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    data, well = HELD_OUT[arguments.well], arguments.well
    of_well = "" if well == "B7" else f" {well}"
    path = OUTPUT / f"found{of_well}.json"
    model_path = arguments.model or OUTPUT / f"{data}.denoisplit"
    if not model_path.exists():
        settings = TrainSettings(preset="fast", steps=1600, minutes=None, seed=0)
        run(train_job(DATA_SETS[data]().fields, settings, path=model_path), print)
    model = load_model(model_path)
    model.network.to(torch.device("cpu"))
    found = json.loads(path.read_text()) if path.exists() else {}
    found["std"] = {"value": model.header.normalization.input_std}
    for half in arguments.half or (0, 1):
        for name, image, truth in Cases(half, well).all():
            key = f"{half}|{name}"
            if key in found or (arguments.cases and name not in arguments.cases):
                continue
            matched = kept = judged(model, image, truth, "matched")
            if matched["acquisition"] != Acquisition().model_dump(mode="json"):
                kept = judged(model, image, truth, "kept")
            found[key] = {"kept": kept, "matched": matched}
            m = found[key]["matched"]
            print(key, found[key]["kept"]["psnr"], m["psnr"], m["grade"], m["figures"], flush=True)
            with replacing(path) as temporary:
                temporary.write_text(json.dumps(found))
    lines = table(found)
    put_into_document(f"recordings{of_well}", lines if not of_well else lines.split("\n\n", 1)[1])
    keep(f"recordings{of_well.replace(' ', '_')}", found)


if __name__ == "__main__":
    main()
