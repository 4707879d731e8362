"""Error of the MMSE by the number of samples, with independent, mirrored and stratified noise.

    python -m benchmarks.quality.samples [DATA ...]

Of the models that `quality.py run DATA denoisplit 0` leaves in benchmarks/output, on 192 x 192
pixels of the test image. Stratified noise is a Latin hypercube: at each latent position the values
of K samples lie in K equally likely ranges, one in each; stratified and mirrored does so for their
absolute values. The reference is the MMSE of 400 other samples, mirrored. Writes its tables between
their marks in docs.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks.data_sets import DATA_SETS, REPOSITORY
from benchmarks.document import keep, put_into_document
from napari_denoisplit.checkpoint import load_model
from napari_denoisplit.measures.psnr import psnr, range_invariant_psnr
from napari_denoisplit.nn.compute import Compute, keep_freed_memory
from napari_denoisplit.nn.families import sampler_of
from napari_denoisplit.sampling.moments import Moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EDGE = 192
N_REFERENCE = 400
GROUPS = {1: 16, 2: 8, 4: 6, 6: 4, 10: 4, 20: 2, 50: 1}
"""How often each number of samples is tried."""
AT_ONCE = 4

Noise = list[torch.Tensor]
"""Of K samples, (K, Z, Y, X) of each level."""
Shapes = list[tuple[int, ...]]


def independent(n: int, shapes: Shapes, rng: torch.Generator) -> Noise:
    return [torch.randn((n, *shape), generator=rng) for shape in shapes]


def mirrored(n: int, shapes: Shapes, rng: torch.Generator) -> Noise:
    halves = independent((n + 1) // 2, shapes, rng)
    return [torch.stack([half, -half], dim=1).flatten(0, 1)[:n] for half in halves]


def strata(n: int, shape: tuple[int, ...], rng: torch.Generator) -> torch.Tensor:
    """Uniform numbers, one in each n-th of 0 to 1, in another order at each position."""
    order = torch.rand((n, *shape), generator=rng).argsort(dim=0)
    return ((order + torch.rand((n, *shape), generator=rng)) / n).clamp(1e-7, 1 - 1e-7)


def stratified(n: int, shapes: Shapes, rng: torch.Generator) -> Noise:
    return [torch.special.ndtri(strata(n, shape, rng)) for shape in shapes]


def stratified_mirrored(n: int, shapes: Shapes, rng: torch.Generator) -> Noise:
    noise = []
    for shape in shapes:
        half = torch.special.ndtri((1 + strata((n + 1) // 2, shape, rng)) / 2)
        half *= torch.randint(0, 2, half.shape, generator=rng) * 2 - 1
        noise.append(torch.stack([half, -half], dim=1).flatten(0, 1)[:n])
    return noise


SCHEMES: dict[str, Callable[[int, Shapes, torch.Generator], Noise]] = {
    "independent": independent,
    "mirrored": mirrored,
    "stratified": stratified,
    "stratified, mirrored": stratified_mirrored,
}


class Sampler:
    """Draws samples of one plane with noise that is given.

    Parameters
    ----------
    name
        Of the data set.
    """

    def __init__(self, name: str) -> None:
        data = DATA_SETS[name]()
        path = REPOSITORY / "benchmarks" / "output" / "quality" / f"{name}_denoisplit_0.denoisplit"
        model = load_model(path)
        y, x = (slice(part.start, part.start + EDGE) for part in data.window)
        self.truth = data.truth[:, y, x]
        plane = torch.from_numpy(np.ascontiguousarray(data.superposition.data[y, x], np.float32))
        n = model.header.normalization
        self._network = sampler_of(model.network.eval(), Compute.choose("cpu"))
        self._features = self._network.encode((plane[None, None] - n.input_mean) / n.input_std)
        levels = range(model.header.network.n_levels)
        edges = [EDGE >> (level + 1) for level in levels]
        self.shapes: Shapes = [(model.header.network.n_latents, e, e) for e in edges]

    def draw(self, noise: Noise) -> Iterator[torch.Tensor]:
        """Draw samples (C, Y, X) in normalized units."""
        for start in range(0, len(noise[0]), AT_ONCE):
            part = slice(start, start + AT_ONCE)

            def window(level: int, *_: object, part: slice = part) -> torch.Tensor:
                return noise[level][part].to(memory_format=torch.channels_last)

            yield from self._network.decode(self._features, window)

    def moments(self, scheme: str, n: int, seed: int) -> Moments:
        """Take mean and spread of n samples; beyond 50, each 50 are stratified by themselves."""
        rng = torch.Generator().manual_seed(seed)
        moments = Moments(self.truth.shape, torch.device("cpu"), antithetic="mirrored" in scheme)
        for start in range(0, n, 50):
            for sample in self.draw(SCHEMES[scheme](min(50, n - start), self.shapes, rng)):
                moments.add(sample)
        return moments


def measure(name: str) -> dict[str, object]:
    """All figures of one data set."""
    sampler = Sampler(name)
    reference = sampler.moments("mirrored", N_REFERENCE, seed=1_000_000)
    mean, spread = reference.mean.numpy(), reference.std.numpy()
    variance = float((reference.std**2).mean())
    pair = sampler.moments("mirrored", 2, seed=7)
    print(name, "pairs:", float(pair.std.square().mean()) / variance, flush=True)
    rows = []
    for n, n_groups in GROUPS.items():
        for scheme in SCHEMES:
            if n == 1 and scheme != "independent":
                continue
            found = []
            for group in range(n_groups):
                moments = sampler.moments(scheme, n, seed=1000 * n + group)
                mmse = moments.mean.numpy()
                found.append(
                    {
                        "to_reference": [psnr(m, p) for m, p in zip(mean, mmse, strict=True)],
                        "to_truth": [
                            range_invariant_psnr(t, p)
                            for t, p in zip(sampler.truth, mmse, strict=True)
                        ],
                        "error": ((mmse - mean) ** 2).mean(axis=(1, 2)).tolist(),
                        "told": (moments.error**2).tolist(),
                        "sigma": _sigma_error(moments.std.numpy(), spread),
                    }
                )
            row = {key: np.mean([f[key] for f in found], axis=0).tolist() for key in found[0]}
            rows.append({"n": n, "scheme": scheme, **row})
            print(name, rows[-1], flush=True)
    contrast = [float(np.std(channel)) for channel in mean]
    return {"rows": rows, "variance": variance, "contrast": contrast}


def _sigma_error(sigma: np.ndarray, reference: np.ndarray) -> list[float]:
    """Root mean square of the error of sigma, relative to that of sigma itself."""
    squares = ((sigma - reference) ** 2).mean(axis=(1, 2)) / (reference**2).mean(axis=(1, 2))
    return np.sqrt(squares).tolist()


def table(name: str, result: dict) -> str:
    rows = {(row["n"], row["scheme"]): row for row in result["rows"]}

    def cells(key: str, n: int) -> str:
        found = [rows.get((n, scheme)) for scheme in SCHEMES]
        return " | ".join(f"{np.mean(row[key]):.2f}" if row else "" for row in found)

    def worth(n: int) -> str:
        # The error of the mean of n independent samples is the variance over n.
        return " | ".join(
            f"{result['variance'] / np.mean(rows[n, scheme]['error']):.0f}"
            if (n, scheme) in rows
            else ""
            for scheme in list(SCHEMES)[1:]
        )

    head = [f"{to}, {s}" for to in ("to the reference", "to the truth") for s in SCHEMES]
    head += [f"{s} worth" for s in list(SCHEMES)[1:]]
    lines = [
        f"### {name}: PSNR of the MMSE, dB, mean of the structures",
        "",
        f"| samples | {' | '.join(head)} |",
        "|---" * (1 + len(head)) + "|",
    ]
    lines += [
        f"| {n} | {cells('to_reference', n)} | {cells('to_truth', n)} | {worth(n)} |"
        for n in GROUPS
    ]
    sigmas = [
        f"{n}: " + ", ".join(f"{np.mean(rows[n, s]['sigma']):.2f}" for s in list(SCHEMES)[:2])
        for n in (4, 10, 50)
    ]
    lines += ["", f"Relative error of sigma, independent and mirrored, of {'; of '.join(sigmas)}."]
    return "\n".join(lines)


def main() -> None:
    names = sys.argv[1:] or ["A", "B", "C"]
    path = REPOSITORY / "benchmarks" / "results" / "samples.json"
    results = json.loads(path.read_text()) if path.exists() else {}
    with keep_freed_memory(), torch.no_grad():
        for name in names:
            results[name] = measure(name)
            keep("samples", results)
    put_into_document("samples", "\n\n".join(table(n, results[n]) for n in sorted(results)))


if __name__ == "__main__":
    main()
