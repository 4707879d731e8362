"""Other proportions of the structures: a fixed mixture, a mixing range, and a model for each.

    python -m benchmarks.quality.mixtures [--models FOLDER]

Trains models on the NF1 wells D6 and D7 (preset fast, 1600 steps; about 12 minutes each on two idle
cores): mixed half and half, over a range of factors, and 0.7 : 0.3 alone. Splits both halves of
well B7 in nine proportions, and writes the table between its marks in docs. The model of the range
is told the brightness that is found in the recording; the others see grey levels that are kept.
Models that are in the folder already are not trained again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.document import keep, put_into_document
from benchmarks.quality.recordings import Cases
from benchmarks.quality.trained import asked_folder, trained
from napari_denoisplit.events import run
from napari_denoisplit.images.image import Image
from napari_denoisplit.images.superposition import superpose
from napari_denoisplit.jobs.split.job import split_job
from napari_denoisplit.measures.psnr import range_invariant_psnr
from napari_denoisplit.settings import MixSettings, SplitSettings

if TYPE_CHECKING:
    from napari_denoisplit.checkpoint import Model

STEPS = 1600
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
MIXES = {
    "0.5 : 0.5": MixSettings(),
    "factors 0.4 to 1.6": MixSettings(alpha_low=0.4, alpha_high=1.6),
    "0.7 : 0.3": MixSettings(weights=(0.7, 0.3)),
}
FILES = {"0.5 : 0.5": "A", "factors 0.4 to 1.6": "A_range", "0.7 : 0.3": "A_70_30"}


def measured(model: Model, share: float) -> list[list[float]]:
    """PSNR of both structures, and slopes over what they give to the image: mean of the halves."""
    how = "matched" if model.header.mix.is_range else "kept"  # so that it is told what is found
    settings = SplitSettings(n_samples=4, keep_samples=4, grey_levels=how)
    weights = model.header.mix.mean_weights(2)
    found = []
    for half in (0, 1):
        cases = Cases(half)
        image = superpose(cases.truth, (share, 1 - share)) + cases.noise()
        mmse = run(split_job(model, Image(image, "YX", name="mixed"), settings)).read_mmse(())
        given = zip(cases.truth, mmse, (share / weights[0], (1 - share) / weights[1]), strict=True)
        found.append(
            [
                (range_invariant_psnr(t, m), np.polyfit(t.ravel(), m.ravel(), 1)[0] / factor)
                for t, m, factor in given
            ]
        )
    return np.mean(found, axis=0).T.tolist()


def table(found: dict[str, dict[str, list[list[float]]]]) -> str:
    """One line a proportion, two columns a model."""
    heads = "".join(f" trained on {name}: PSNR | slope |" for name in found)
    lines = [f"| mixed |{heads}", "|---|" + "---|---|" * len(found)]
    for share in map(str, SHARES):
        cells = (
            f" {p[0]:.1f} / {p[1]:.1f} | {s[0]:.2f} / {s[1]:.2f} |"
            for p, s in (each[share] for each in found.values())
        )
        lines.append(f"| {share} : {1 - float(share):.1g} |{''.join(cells)}")
    return "\n".join(lines)


def main() -> None:
    folder = asked_folder(__doc__.splitlines()[0])
    found = {}
    for name, mix in MIXES.items():
        model = trained(folder / f"{FILES[name]}.denoisplit", "A", mix, STEPS)
        found[name] = {str(share): measured(model, share) for share in SHARES}
        print(name, found[name], flush=True)
    put_into_document("mixtures", table(found))
    keep("mixtures", found)


if __name__ == "__main__":
    main()
