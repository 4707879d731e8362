"""Recordings noisier than the training images: one noise, a noise range, and a model of that noise.

    python -m benchmarks.quality.noise_range [--models FOLDER]

Trains models on the NF1 wells D6 and D7 (preset fast, 800 steps; about four minutes each on one
core): as the images are, over noise ranges, and on images of twice the noise. Splits both halves of
well B7 at five levels of noise, and in two shorter exposures in which light makes the noise, says
what is said of each, and writes the table between its marks in docs. Grey levels are matched, as
they are where nothing else is asked for. Models that are in the folder already are not trained
again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.document import keep, put_into_document
from benchmarks.quality.recordings import HALF, Cases
from benchmarks.quality.trained import asked_folder, trained
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.jobs.trust.job import check_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import MixSettings, SplitSettings

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model

STEPS = 800
RECORDINGS = {f"noise x {factor:g}": (1.0, factor) for factor in (0.5, 1, 1.41, 2, 3)}
RECORDINGS |= {"half of the light": (1 / 2, 2**-0.5), "a third of it": (1 / 3, 3**-0.5)}
"""Structures and noise, in units of what they are in the training images."""
MODELS = {"the noise as it is": ("A", 1.0), "a range up to 1.5": ("A", 1.5)}
MODELS |= {"a range up to 2": ("A", 2.0), "twice the noise": ("A2", 1.0)}


def measured(model: Model, light: float, factor: float) -> dict[str, Any]:
    """PSNR of both structures, mean of the halves, and what is said of each half."""
    settings = SplitSettings(n_samples=4, keep_samples=4)
    psnr, grades = [], []
    for half in (0, 1):
        cases = Cases(half)
        noisy = light * superpose(cases.truth, HALF) + cases.noise(factor)
        image = Image(noisy.astype(np.float32), "YX", name="recording")
        split = run(split_job(model, image, settings))
        check = run(check_job(model, image, split, settings))
        pairs = zip(cases.truth, split.read_mmse(()), strict=True)
        psnr.append([range_invariant_psnr(t, m) for t, m in pairs])
        grades.append(check.verdict.grade)
    return {"psnr": np.mean(psnr, axis=0).tolist(), "grades": grades}


def table(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    """One line a recording, two columns a model."""
    heads = "".join(f" trained on {name}: PSNR | verdicts |" for name in found)
    lines = [f"| recording |{heads}", "|---|" + "---|---|" * len(found)]
    for recording in RECORDINGS:
        cells = (
            f" {each['psnr'][0]:.1f} / {each['psnr'][1]:.1f} | {', '.join(each['grades'])} |"
            for each in (of_model[recording] for of_model in found.values())
        )
        lines.append(f"| {recording} |{''.join(cells)}")
    return "\n".join(lines)


def main() -> None:
    folder = asked_folder(__doc__.splitlines()[0])
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (images, high) in MODELS.items():
        path = folder / f"{images}_noise_{high:g}.denoisplit"
        model = trained(path, images, MixSettings(noise_high=high), STEPS)
        found[name] = {what: measured(model, *how) for what, how in RECORDINGS.items()}
        print(name, found[name], flush=True)
    put_into_document("noise_range", table(found))
    keep("noise_range", found)


if __name__ == "__main__":
    main()
